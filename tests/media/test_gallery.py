"""The people in memory: best match, margin, models kept apart, changes seen whole."""

import numpy as np
import pytest

from sightline.media.gallery import Gallery, KnownFace

EYE = np.eye(5, dtype=np.float32)


def known(identity_id: int, vector: np.ndarray, model: str = "net") -> KnownFace:
    return KnownFace(identity_id, f"P{identity_id}", model, vector)


def test_the_best_embedding_of_a_person_counts_and_the_second_person_makes_the_margin() -> None:
    gallery = Gallery()
    close = np.array([0.8, 0.6, 0, 0, 0], np.float32)
    gallery.replace([known(1, EYE[0]), known(1, EYE[3]), known(2, close)])
    match = gallery.people("net").best(EYE[0])
    assert match is not None
    assert (match.identity_id, match.name, match.similarity) == (1, "P1", pytest.approx(1))
    assert match.margin == pytest.approx(0.2)
    people = gallery.people("net")
    assert people.match(EYE[0], 0.9, 0.15) is not None
    assert people.match(EYE[0], 0.9, 0.25) is None
    assert people.match(EYE[4], 0.5, 0.0) is None


def test_one_person_alone_has_nobody_behind() -> None:
    gallery = Gallery()
    gallery.replace([known(1, EYE[0])])
    match = gallery.people("net").match(EYE[0], 0.5, 0.5)
    assert match is not None and match.margin == 2.0


def test_nobody_is_found_among_nobody_or_with_another_model() -> None:
    gallery = Gallery()
    assert gallery.people("net").best(EYE[0]) is None
    gallery.replace([known(1, EYE[0], "old")])
    assert gallery.people("net").best(EYE[0]) is None
    assert gallery.counts() == {"old": 1}
    assert gallery.people("old").best(np.ones(3, np.float32)) is None


def test_a_change_makes_a_new_version_and_leaves_snapshots_alone() -> None:
    gallery = Gallery()
    gallery.replace([known(1, EYE[0])])
    assert gallery.knows(1) and not gallery.knows(2) and not gallery.knows(None)
    before = gallery.people("net")
    gallery.replace([])
    assert gallery.version == before.version + 1
    assert gallery.people("net").best(EYE[0]) is None
    assert before.best(EYE[0]) is not None


def test_an_embedding_does_not_stand_in_a_log() -> None:
    assert "vector" not in repr(known(1, EYE[0]))


def test_embeddings_of_an_older_file_of_the_same_name_are_left_out() -> None:
    gallery = Gallery()
    gallery.replace([known(1, np.ones(3, np.float32)), known(2, EYE[1])])
    assert list(gallery.people("net").names) == [2]
