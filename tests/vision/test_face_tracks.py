"""Votes over looks: one wrong look names nobody, a name is taken back, and a decided face is seldom looked at."""

import numpy as np
import pytest

from sightline.media.gallery import KnownFace, People, people_of
from sightline.vision.face_tracks import (
    CHECK_EVERY_NS,
    LOOK_EVERY_NS,
    MOST_STRANGERS,
    FaceTrack,
    FaceTracks,
    Rule,
    Strangers,
    Visits,
)

SECOND = 1_000_000_000
RULE = Rule(threshold=0.5, margin=0.05, looks=3)
ANN, BOB, NOBODY = np.eye(4, dtype=np.float32)[:3]
PEOPLE = people_of([KnownFace(1, "Ann", "net", ANN), KnownFace(2, "Bob", "net", BOB)], "net", 1)


def near(vector: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Not so far from `other` that it would count as another person's face."""
    mixed = vector + 0.4 * other
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)


def track_with(*vectors: np.ndarray, people: People = PEOPLE, rule: Rule = RULE) -> FaceTrack:
    track = FaceTrack(1, (0, 0, 10, 10), 0)
    for number, vector in enumerate(vectors):
        track.add(vector, number * SECOND, people, rule)
    return track


def name(track: FaceTrack) -> str | None:
    return track.match.name if track.match else None


@pytest.mark.parametrize("looks", [1, 2, 3, 5])
def test_a_name_is_said_after_so_many_looks(looks: int) -> None:
    rule = Rule(0.5, 0.05, looks)
    track = FaceTrack(1, (0, 0, 10, 10), 0)
    for number in range(1, looks + 1):
        track.add(ANN, number, PEOPLE, rule)
        assert name(track) == ("Ann" if number == looks else None)
        assert track.state == ("known" if number == looks else "looking")


def test_one_wrong_look_names_nobody_and_takes_no_name_away() -> None:
    assert name(track_with(near(NOBODY, ANN), near(NOBODY, ANN), near(ANN, NOBODY))) is None
    track = track_with(near(ANN, BOB), near(ANN, BOB), near(ANN, BOB), near(BOB, ANN))
    assert name(track) == "Ann"
    assert track.next_look_ns == 3 * SECOND + LOOK_EVERY_NS


def test_a_stranger_stays_unknown() -> None:
    track = track_with(NOBODY, NOBODY, NOBODY)
    assert (track.state, name(track)) == ("unknown", None)


def test_later_looks_that_agree_change_the_name() -> None:
    first = [near(ANN, BOB)] * 3
    assert name(track_with(*first, *[near(BOB, ANN)] * 3)) == "Bob"
    assert track_with(*first, *[near(NOBODY, ANN)] * 3).state == "unknown"


def test_a_face_that_jumped_to_another_person_begins_anew() -> None:
    track = track_with(ANN, ANN, ANN, BOB)
    assert (track.state, len(track.vectors)) == ("looking", 1)


def test_a_decided_face_is_looked_at_now_and_then_only() -> None:
    assert track_with(ANN, ANN).next_look_ns == SECOND + LOOK_EVERY_NS
    assert track_with(ANN, ANN, ANN).next_look_ns == 2 * SECOND + CHECK_EVERY_NS
    assert track_with(NOBODY, NOBODY, NOBODY).next_look_ns == 2 * SECOND + CHECK_EVERY_NS


def test_who_is_forgotten_is_unknown_at_once_without_a_look() -> None:
    track = track_with(ANN, ANN, ANN)
    track.vote(people_of([KnownFace(2, "Bob", "net", BOB)], "net", 2), RULE)
    assert (track.state, name(track), track.version) == ("unknown", None, 2)
    track.vote(people_of([KnownFace(9, "Anna", "net", ANN)], "net", 3), RULE)
    assert name(track) == "Anna"


def test_two_people_who_are_too_alike_are_not_told_apart() -> None:
    twins = people_of([KnownFace(1, "Ann", "net", ANN), KnownFace(2, "Twin", "net", near(ANN, BOB))], "net", 1)
    between = near(ANN, near(ANN, BOB))
    assert twins.match(between, 0.5, 0.0) is not None
    assert name(track_with(between, between, between, people=twins)) is None


def test_faces_keep_their_numbers_while_they_move() -> None:
    tracks = FaceTracks()
    first = [t.number for t in tracks.update([(0, 0, 50, 50), (200, 0, 260, 60)], 0)]
    for step in range(1, 10):
        boxes = [(200 - 9 * step, 0, 260 - 9 * step, 60), (6 * step, 0, 50 + 6 * step, 50)]
        assert [t.number for t in tracks.update(boxes, step * SECOND // 10)] == first[::-1]  # type: ignore[arg-type]


def test_a_quick_face_is_still_the_same_one_and_a_far_one_is_not() -> None:
    tracks = FaceTracks()
    (one,) = tracks.update([(0, 0, 50, 50)], 0)
    assert tracks.update([(28, 0, 78, 50)], SECOND // 10)[0].number == one.number
    assert tracks.update([(300, 0, 350, 50)], SECOND // 5)[0].number != one.number


def test_a_face_that_was_away_is_a_new_one() -> None:
    tracks = FaceTracks()
    (one,) = tracks.update([(0, 0, 50, 50)], 0)
    assert tracks.update([(0, 0, 50, 50)], 3 * SECOND)[0].number != one.number
    assert tracks.update([], 4 * SECOND) == []


def test_a_visit_is_told_once() -> None:
    visits = Visits(10 * SECOND)
    assert [visits.begins(1, t * SECOND) for t in (0, 1, 9, 18, 29)] == [True, False, False, False, True]
    later = Visits(10 * SECOND)
    later.take_over(visits)
    assert not later.begins(1, 30 * SECOND)
    assert later.begins(2, 30 * SECOND)


def test_a_stranger_is_told_once_per_visit_however_often_the_face_is_lost() -> None:
    strangers = Strangers(10 * SECOND, 0.5)
    assert [strangers.begins(near(NOBODY, ANN), t * SECOND) for t in (0, 4, 12)] == [True, False, False]
    assert strangers.begins(BOB, 13 * SECOND)
    assert not strangers.begins(near(NOBODY, BOB), 14 * SECOND)
    assert strangers.begins(NOBODY, 30 * SECOND)
    later = Strangers(10 * SECOND, 0.5)
    later.take_over(strangers)
    assert not later.begins(NOBODY, 31 * SECOND)
    assert later.begins(np.ones(3, np.float32), 31 * SECOND)  # by another model


def test_strangers_are_bounded() -> None:
    strangers = Strangers(10 * SECOND, 0.5)
    eye = np.eye(MOST_STRANGERS + 1, dtype=np.float32)
    assert all(strangers.begins(vector, number) for number, vector in enumerate(eye))
    assert strangers.begins(eye[0], 200)
    assert not strangers.begins(eye[-1], 200)
