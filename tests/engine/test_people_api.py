"""Pictures become embeddings, people are recognised on a live camera, and whoever is forgotten is unknown at once."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from sightline.records.database import Database
from sightline.records.identities import Identities, Sample
from tests.clips import show_clip
from tests.engine.conftest import EngineProcess, free_port, start_engine, stop_engine

pytestmark = pytest.mark.system
Asset = Callable[[str], Path]


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory, asset: Asset) -> Iterator[EngineProcess]:
    """An engine that has a recognition model."""
    weights = asset("weights/mobilefacenet.onnx").parent
    engine = start_engine(tmp_path_factory.mktemp("people"), free_port(), MODELS_MIRROR=str(weights))
    yield engine
    log = (engine.folder / "engine.log").read_text()
    assert stop_engine(engine) == 0, log
    assert "Traceback" not in log, log


@pytest.fixture
def identities(knowing: EngineProcess) -> Iterator[Identities]:
    """The engine's own database, as the web has it open; nobody is left in it."""
    database = Database(knowing.settings.database)
    repository = Identities(database)
    yield repository
    for one in repository.list():
        repository.forget(one.id)
    assert knowing.client.post("/people/reload").json() == {"faces": 0}
    database.close()


def embed(engine: EngineProcess, data: bytes) -> dict[str, Any]:
    answer = engine.client.post("/faces", content=data)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def sample_of(answer: dict[str, Any]) -> Sample:
    (face,) = answer["faces"]
    return Sample(answer["model"], np.frombuffer(base64.b64decode(face["vector"]), "<f4"))


def test_the_engine_tells_of_its_model(knowing: EngineProcess, engine: EngineProcess) -> None:
    assert knowing.client.get("/people").json() == {
        "model": {"name": "mobilefacenet", "threshold": 0.49, "licence": "Apache-2.0"},
        "reason": None,
    }
    without = engine.client.get("/people").json()
    assert without["model"] is None and "fetch sface" in without["reason"]
    refused = engine.client.post("/faces", content=cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes())
    assert (refused.status_code, refused.json()["code"]) == (409, "recognition_unavailable")


def test_faces_of_a_picture_come_with_embeddings(knowing: EngineProcess, asset: Asset) -> None:
    answer = embed(knowing, asset("images/faces/obama_and_biden.jpg").read_bytes())
    assert (answer["model"], answer["size"]) == ("mobilefacenet", [2000, 1428])
    vectors = [np.frombuffer(base64.b64decode(face["vector"]), "<f4") for face in answer["faces"]]
    assert [face["reason"] for face in answer["faces"]] == ["", ""]
    assert all(vector.shape == (128,) and float(vector @ vector) == pytest.approx(1, abs=1e-4) for vector in vectors)
    assert float(vectors[0] @ vectors[1]) < 0.3


@pytest.mark.parametrize("times", [1, 16])
def test_a_picture_that_is_nothing_but_a_face_is_read(knowing: EngineProcess, asset: Asset, times: int) -> None:
    """A large one is looked at smaller; box and embedding are those of the picture that was sent."""
    whole = cv2.imread(str(asset("images/faces/obama.jpg")))
    tight = cv2.resize(whole[170:420, 395:625], None, fx=times, fy=times)
    answer = embed(knowing, cv2.imencode(".jpg", tight)[1].tobytes())
    (face,) = answer["faces"]
    assert face["reason"] == ""
    x1, y1, x2, y2 = (edge / times for edge in face["box"])
    assert 0 <= x1 < x2 <= 230 and 0 <= y1 < y2 <= 250 and y2 - y1 > 125
    same = float(sample_of(answer).vector @ sample_of(embed(knowing, cv2.imencode(".jpg", whole)[1].tobytes())).vector)
    assert same > 0.6


def test_what_cannot_be_used_says_why(knowing: EngineProcess, asset: Asset) -> None:
    whole = cv2.imread(str(asset("images/faces/obama.jpg")))
    small = cv2.resize(whole, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(whole, (0, 0), 12)
    for image, reasons in ((small, ["too small"]), (soft, ["blurred"]), (np.full((200, 300, 3), 90, np.uint8), [])):
        faces = embed(knowing, cv2.imencode(".png", image)[1].tobytes())["faces"]
        assert [face["reason"] for face in faces] == reasons
        assert all(face["vector"] is None for face in faces)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 415, "not_a_picture"),
        (b"no picture at all", 415, "not_a_picture"),
        (b"\xff\xd8\xff\xe0\x00\x10" + bytes(40), 422, "bad_picture"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00\x00\xff\xff" * 2 + bytes(9), 413, "picture_too_large"),
        (b"\xff\xd8\xff" + bytes(16 * 1024 * 1024), 413, "picture_too_large"),
    ],
    ids=["empty", "text", "damaged", "bomb", "long"],
)
def test_bad_pictures_are_refused(knowing: EngineProcess, data: bytes, status: int, code: str) -> None:
    answer = knowing.client.post("/faces", content=data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_faces_of_a_camera_come_with_the_picture(knowing: EngineProcess, asset: Asset) -> None:
    image = cv2.imread(str(asset("images/faces/two_people.jpg")))
    knowing.live("pair", str(show_clip(knowing.folder / "pair.mp4", image)))
    answer = knowing.client.get("/cameras/pair/faces").json()
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(answer["jpeg_base64"]), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (660, 1126, 3)
    assert [face["reason"] for face in answer["faces"]] == ["", ""]
    assert knowing.client.get("/cameras/nowhere/faces").status_code == 404


def labels(client: httpx.Client, camera: str) -> set[str]:
    found = client.get(f"/cameras/{camera}/findings").json()["findings"]
    return {d["label"] for one in found if one["analyzer"] == "face_recognition" for d in one["detections"]}


def test_a_person_is_recognised_live_and_unknown_after_being_forgotten(
    knowing: EngineProcess, identities: Identities, asset: Asset, wait_until: Callable[..., None]
) -> None:
    sample = sample_of(embed(knowing, asset("images/faces/obama.jpg").read_bytes()))
    obama = identities.add("Obama", [sample])
    assert knowing.client.post("/people/reload").json() == {"faces": 1}
    image = cv2.resize(cv2.imread(str(asset("images/faces/obama_and_biden.jpg"))), (1000, 714), interpolation=cv2.INTER_AREA)
    clip = show_clip(knowing.folder / "hall.mp4", image)
    knowing.live("hall", str(clip), chain=knowing.chain(face_recognition={"tell_unknown": True}))
    client = knowing.client
    wait_until(lambda: labels(client, "hall") == {"Obama", "unknown"}, 40, "the name of one and not of the other")
    identities.rename(obama.id, "President")
    client.post("/people/reload")
    wait_until(lambda: labels(client, "hall") == {"President", "unknown"}, 20, "the new name")
    identities.forget(obama.id)
    assert client.post("/people/reload").json() == {"faces": 0}
    wait_until(lambda: labels(client, "hall") == {"unknown"}, 20, "nobody known")
    assert "Obama is here" not in (knowing.folder / "engine.log").read_text()
    with Database(knowing.settings.database).reading() as session:
        from sightline.records.models import EventRow

        rows = [(row.kind, row.message) for row in session.query(EventRow).filter(EventRow.camera_id == "hall")]
    assert rows.count(("face.recognised", "Obama is here")) == 1
    assert ("face.unknown", "A face that is not known") in rows
