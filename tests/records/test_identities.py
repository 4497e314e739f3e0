"""People that are recognised: names, embeddings, and that forgetting leaves nothing behind."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from sightline.errors import Conflict, Invalid, NotFound
from sightline.records.database import Database
from sightline.records.identities import MOST_SAMPLES, Identities, Sample


def sample(seed: int, model: str = "net") -> Sample:
    vector = np.random.default_rng(seed).normal(size=128).astype(np.float32)
    return Sample(model, vector / np.linalg.norm(vector))


@pytest.fixture
def identities(database: Database) -> Identities:
    return Identities(database)


def test_embeddings_come_back_as_they_were(identities: Identities) -> None:
    given = [sample(1), sample(2)]
    ann = identities.add("  Ann   Lee ", given)
    assert (ann.name, ann.samples, ann.models) == ("Ann Lee", 2, ("net",))
    faces = identities.faces()
    assert [(face.identity_id, face.name, face.model) for face in faces] == [(ann.id, "Ann Lee", "net")] * 2
    for face, one in zip(faces, given, strict=True):
        assert np.array_equal(face.vector, one.vector)
        assert face.vector.dtype == np.float32


def test_people_are_listed_by_name(identities: Identities) -> None:
    for name in ("Zoë", "ann", "Bob"):
        identities.add(name, [sample(1)])
    assert [one.name for one in identities.list()] == ["ann", "Bob", "Zoë"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "two\nlines", "nul\x00"])
def test_bad_names_are_refused(identities: Identities, name: str) -> None:
    ann = identities.add("Ann", [sample(1)])
    for call in (lambda: identities.add(name, [sample(1)]), lambda: identities.rename(ann.id, name)):
        with pytest.raises(Invalid) as caught:
            call()
        assert caught.value.facts["field"] == "name"
    assert [one.name for one in identities.list()] == ["Ann"]


def test_a_name_is_taken_once_whatever_its_case(identities: Identities) -> None:
    ann, bob = identities.add("Ann", [sample(1)]), identities.add("Bob", [sample(2)])
    for call in (lambda: identities.add("ANN", [sample(3)]), lambda: identities.rename(bob.id, "ann")):
        with pytest.raises(Conflict) as caught:
            call()
        assert (caught.value.code, caught.value.facts["identity"]) == ("name_taken", ann.id)
    assert identities.rename(ann.id, "ANN").name == "ANN"
    assert len(identities.faces()) == 2


def test_samples_of_another_model_go_when_new_ones_come(identities: Identities) -> None:
    ann = identities.add("Ann", [sample(1, "old"), sample(2, "old")])
    ann = identities.add_samples(ann.id, [sample(3, "new")])
    assert (ann.samples, ann.models) == (1, ("new",))
    assert identities.add_samples(ann.id, [sample(4, "new")]).samples == 2


def test_nobody_has_more_than_so_many_samples(identities: Identities) -> None:
    ann = identities.add("Ann", [sample(n) for n in range(MOST_SAMPLES)])
    with pytest.raises(Conflict) as caught:
        identities.add_samples(ann.id, [sample(99)])
    assert caught.value.code == "too_many_samples"
    with pytest.raises(Invalid):
        identities.add("Bob", [])
    assert identities.get(ann.id).samples == MOST_SAMPLES


def test_the_signature_tells_of_changes(identities: Identities) -> None:
    seen = [identities.signature()]
    ann = identities.add("Ann", [sample(1)])
    seen.append(identities.signature())
    identities.add_samples(ann.id, [sample(2)])
    seen.append(identities.signature())
    identities.rename(ann.id, "Annabel")
    seen.append(identities.signature())
    identities.forget(ann.id)
    seen.append(identities.signature())
    assert len(set(seen[:4])) == 4
    assert seen[4] == seen[0]


def test_who_is_not_there_is_not_found(identities: Identities) -> None:
    ann = identities.add("Ann", [sample(1)])
    assert identities.forget(ann.id).name == "Ann"
    for ask in (
        identities.get, identities.forget, lambda i: identities.rename(i, "x"), lambda i: identities.add_samples(i, [sample(1)]),
    ):  # fmt: skip
        with pytest.raises(NotFound) as caught:
            ask(ann.id)
        assert caught.value.code == "identity_not_found"
    assert identities.faces() == ()


def test_an_id_is_never_given_again(identities: Identities) -> None:
    ann = identities.add("Ann", [sample(1)])
    identities.forget(ann.id)
    assert identities.add("Bob", [sample(2)]).id > ann.id


def test_nothing_of_a_forgotten_face_is_left_in_the_files(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/s.db")
    database.migrate()
    identities = Identities(database)
    kept, gone = [sample(n) for n in range(5)], [sample(n) for n in range(10, 20)]
    identities.add("Keeps Hername", kept)
    ann = identities.add("Forgetmenot Flower", gone)
    traces = [one.vector.tobytes()[:16] for one in gone] + [b"Forgetmenot", b"forgetmenot"]
    before = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert all(trace in before for trace in traces)

    identities.forget(ann.id)

    # The database is still open: its log counts as well.
    after = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [trace for trace in traces if trace in after] == []
    with database.reading() as session:
        session.execute(text("SELECT 1"))
    assert all(np.array_equal(f.vector, s.vector) for f, s in zip(identities.faces(), kept, strict=True))
    database.close()
    assert all(one.vector.tobytes() in (tmp_path / "s.db").read_bytes() for one in kept)
