"""Faces that wait for a name, and what is made of an engine's answer about a picture."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.errors import Invalid, NotFound
from sightline.records.database import Database
from sightline.records.events import Events
from sightline.web.engine_client import Engines
from sightline.web.people_desk import LOOK_LIFE_S, MOST_LOOKS, PeopleDesk, the_face
from tests.web.fake_engine import FakeEngine, says


def face(number: int, width: float = 100, reason: str = "") -> dict[str, Any]:
    vector = np.zeros(256, "<f4")
    vector[number] = 1
    told = None if reason else base64.b64encode(vector.tobytes()).decode()
    return {"box": [0, 0, width, width], "score": 0.9, "reason": reason, "vector": told}


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    fake = FakeEngine(tmp_path / "e" / "e.sock")
    fake.answers["/people"] = says({"model": {"name": "net", "threshold": 0.5}, "reason": None})
    fake.answers["/people/reload"] = says({"faces": 1})
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def desk(tmp_path: Path, engine: FakeEngine, clock: Clock) -> Iterator[PeopleDesk]:
    database = Database(f"sqlite:///{tmp_path}/s.db")
    database.migrate()
    yield PeopleDesk(database, Events(database), Engines((engine.address,), "key"), clock)
    database.close()


def look(desk: PeopleDesk, engine: FakeEngine, *faces: dict[str, Any]) -> list[dict[str, Any]]:
    engine.answers["/cameras/hall/faces"] = says({"model": "net", "size": [640, 480], "jpeg_base64": "", "faces": faces})
    seen: list[dict[str, Any]] = desk.look("hall")["faces"]
    return seen


def test_a_face_waits_for_its_name_for_three_minutes(desk: PeopleDesk, engine: FakeEngine, clock: Clock) -> None:
    early, late = (one["face"] for one in look(desk, engine, face(1), face(2)))
    clock.now_s += LOOK_LIFE_S
    assert desk.enrol_face(early, "Ann", None)["samples"] == 1
    clock.now_s += 1
    with pytest.raises(NotFound) as caught:
        desk.enrol_face(late, "Bob", None)
    assert caught.value.code == "face_expired"


def test_faces_that_nobody_names_are_bounded(desk: PeopleDesk, engine: FakeEngine) -> None:
    first = look(desk, engine, face(0))[0]["face"]
    for number in range(1, MOST_LOOKS):
        look(desk, engine, face(number))
    newest = look(desk, engine, face(MOST_LOOKS))[0]["face"]
    assert desk.enrol_face(newest, "Ann", None)["samples"] == 1
    with pytest.raises(NotFound):
        desk.enrol_face(first, "Bob", None)


def test_a_face_that_cannot_be_used_has_no_key_and_says_why(desk: PeopleDesk, engine: FakeEngine) -> None:
    (seen,) = look(desk, engine, face(1, reason="blurred"))
    assert (seen["face"], seen["reason"], seen["name"]) == (None, "blurred", None)


def test_who_is_known_is_named_in_the_next_look(desk: PeopleDesk, engine: FakeEngine) -> None:
    desk.enrol_face(look(desk, engine, face(1))[0]["face"], "Ann", None)
    assert [one["name"] for one in look(desk, engine, face(1), face(2))] == ["Ann", None]


def test_forgetting_somebody_drops_the_faces_that_wait(desk: PeopleDesk, engine: FakeEngine) -> None:
    ann, waiting = (one["face"] for one in look(desk, engine, face(1), face(2)))
    made = desk.enrol_face(ann, "Ann", None)
    assert desk.forget(made["id"]) == "Ann"
    with pytest.raises(NotFound):
        desk.enrol_face(waiting, "Bob", None)


@pytest.mark.parametrize(
    ("faces", "code"),
    [
        ([], "no_face"),
        ([face(1), face(2, 40)], "several_faces"),
        ([face(1, reason="too small")], "face_too_small"),
        ([face(1, reason="blurred"), face(2, 30)], "face_blurred"),
        ([face(1, reason="turned away")], "face_turned_away"),
        ([face(1, reason="cut off")], "face_cut_off"),
        ([face(1, reason="the model gave no answer")], "face_unusable"),
    ],
)
def test_a_picture_that_cannot_be_used_is_refused_by_name(faces: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        the_face({"model": "net", "faces": faces}, "ann.jpg")
    assert (caught.value.code, caught.value.facts["picture"]) == (code, "ann.jpg")
    assert caught.value.message.startswith("ann.jpg: ")


def test_a_face_far_in_the_background_does_not_count() -> None:
    sample = the_face({"model": "net", "faces": [face(7), face(2, 33)]}, "ann.jpg")
    assert (sample.model, int(sample.vector.argmax())) == ("net", 7)
