"""People are enrolled by pictures or from a camera, renamed and forgotten; what cannot be used is refused with a reason."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from flask import Flask

from sightline.records.events import Event, Events
from sightline.records.identities import Identities, Sample
from sightline.settings import Settings
from sightline.web.accounts import hash_password
from sightline.web.app_factory import create_app
from sightline.web.services import EXTENSION, Services
from tests.clips import show_clip
from tests.web.callers import PASSWORD, Caller, assert_problem, close, log_in
from tests.web.fake_engine import FakeEngine, says
from tests.web.installation import EngineProcess

Asset = Callable[[str], Path]


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, asset: Asset, wait_until: Callable[..., None]
) -> Iterator[Flask]:  # fmt: skip
    """An installation with a recognition model, whose camera shows two people."""
    folder = tmp_path_factory.mktemp("people")
    pair = cv2.imread(str(asset("images/faces/two_people.jpg")))
    clip = show_clip(folder / "pair.mp4", pair)
    environment = {
        "DATA_DIR": str(folder / "var"), "ADMIN_PASSWORD": PASSWORD, "VIDEO_FILE_PATH": str(clip), "MEDIA_DIRS": str(folder),
        "DISK_RESERVE": "0", "MODELS_MIRROR": str(asset("weights/mobilefacenet.onnx").parent),
    }  # fmt: skip
    (folder / "var").mkdir()
    engine = EngineProcess(folder / "var", environment)
    engine.start(wait_until)
    app = create_app(Settings.from_env(environment))
    app.testing = False
    users = app.extensions[EXTENSION].users
    users.add("operator", hash_password(PASSWORD), "operator")
    users.add("guest", hash_password(PASSWORD), "operator", ["garden"])
    users.add("viewer", hash_password(PASSWORD), "viewer")
    yield app
    close(app)
    engine.kill()


@pytest.fixture
def admin(site: Flask) -> Iterator[Caller]:
    """The admin; nobody is enrolled, before and after."""
    caller = log_in(site, "admin")
    yield caller
    for one in caller.get("/api/identities").json["identities"]:
        assert caller.delete(f"/api/identities/{one['id']}").status_code == 200


@pytest.fixture(scope="module")
def face(asset: Asset) -> Callable[[str], bytes]:
    return lambda name: asset(f"images/faces/{name}").read_bytes()


def png(image: Any) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def send(caller: Caller, pictures: dict[str, bytes], path: str = "/api/identities", **fields: str) -> Any:
    # The test client would put large forms into temporary files and leave them to the garbage collector.
    files = [("pictures", (name, data, "image/jpeg")) for name, data in pictures.items()] or {"none": b""}
    form = httpx.Request("POST", "http://x", data=fields, files=files)
    return caller.send("POST", path, data=form.read(), content_type=form.headers["Content-Type"])


def enrol(caller: Caller, name: str, **pictures: bytes) -> dict[str, Any]:
    answer = send(caller, pictures, name=name)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def test_a_person_is_enrolled_and_listed(admin: Caller, face: Any) -> None:
    made = enrol(admin, " Barack  Obama ", a=face("obama.jpg"), b=face("obama2.jpg"))
    assert (made["name"], made["samples"], made["models"], made["needs_enrolment"]) == ("Barack Obama", 2, ["mobilefacenet"], False)
    listed = admin.get("/api/identities").json
    assert [(one["name"], one["last_seen"]) for one in listed["identities"]] == [("Barack Obama", None)]
    assert listed["model"]["name"] == "mobilefacenet" and listed["reason"] is None
    assert "vector" not in str(listed)


def test_more_pictures_are_added(admin: Caller, face: Any) -> None:
    made = enrol(admin, "Obama", a=face("obama.jpg"))
    answer = send(admin, {"b": face("obama3.jpg")}, f"/api/identities/{made['id']}/pictures")
    assert (answer.status_code, answer.json["samples"]) == (200, 2)
    assert_problem(send(admin, {"b": face("obama2.jpg")}, "/api/identities/999999/pictures"), 404, "identity_not_found")


def soft_and_small(face: Any) -> dict[str, bytes]:
    whole = cv2.imdecode(np.frombuffer(face("obama.jpg"), np.uint8), cv2.IMREAD_COLOR)
    return {
        "face_blurred": png(cv2.GaussianBlur(whole, (0, 0), 12)),
        "face_too_small": png(cv2.resize(whole, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)),
        "no_face": png(np.full((300, 300, 3), 120, np.uint8)),
    }


def test_each_refusal_says_what_is_wrong_with_which_picture(admin: Caller, face: Any) -> None:
    cases = {
        **{code: (422, data) for code, data in soft_and_small(face).items()},
        "several_faces": (422, face("obama_and_biden.jpg")),
        "not_a_picture": (415, b"GIF89a nothing"),
        "bad_picture": (422, face("obama.jpg")[:300]),
        "picture_too_large": (413, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00\x01\x00\x00" * 2 + bytes(9)),
    }
    for code, (status, data) in cases.items():
        problem = assert_problem(send(admin, {"good.jpg": face("obama.jpg"), "bad one.jpg": data}, name="Ann"), status, code)
        assert problem["detail"].startswith("bad one.jpg: ") and problem["picture"] == "bad one.jpg"
    assert admin.get("/api/identities").json["identities"] == []


def test_a_face_that_is_known_is_not_enrolled_twice(admin: Caller, face: Any) -> None:
    obama = enrol(admin, "Obama", a=face("obama.jpg"))
    problem = assert_problem(send(admin, {"x": face("obama2.jpg")}, name="Somebody"), 409, "face_known")
    assert (problem["name"], problem["identity"]) == ("Obama", obama["id"]) and "Obama" in problem["detail"]
    biden = enrol(admin, "Biden", a=face("biden.jpg"))
    problem = assert_problem(send(admin, {"x": face("obama3.jpg")}, f"/api/identities/{biden['id']}/pictures"), 409, "face_known")
    assert problem["name"] == "Obama"


def test_pictures_of_two_people_are_not_one_person(admin: Caller, face: Any) -> None:
    assert_problem(send(admin, {"a": face("obama.jpg"), "b": face("biden.jpg")}, name="Both"), 409, "other_person")
    assert admin.get("/api/identities").json["identities"] == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb"])
def test_bad_names_are_refused(admin: Caller, face: Any, name: str) -> None:
    problem = assert_problem(send(admin, {"a": face("obama.jpg")}, name=name), 422, "bad_name")
    assert problem["field"] == "name"


def test_a_name_is_given_once(admin: Caller, face: Any) -> None:
    obama, biden = enrol(admin, "Obama", a=face("obama.jpg")), enrol(admin, "Biden", a=face("biden.jpg"))
    assert_problem(admin.patch(f"/api/identities/{biden['id']}", {"name": "OBAMA"}), 409, "name_taken")
    assert admin.patch(f"/api/identities/{obama['id']}", {"name": "President"}).json["name"] == "President"
    assert_problem(admin.patch("/api/identities/999999", {"name": "X"}), 404, "identity_not_found")


def test_forms_that_are_wrong_are_refused(admin: Caller, face: Any) -> None:
    assert_problem(admin.post("/api/identities", {"name": "Ann"}), 415, "not_multipart")
    assert_problem(send(admin, {}, name="Ann"), 422, "unknown_field")
    assert_problem(
        admin.send("POST", "/api/identities", data={"name": "Ann"}, content_type="multipart/form-data"), 422, "missing_field"
    )
    assert_problem(send(admin, {"a": face("obama.jpg")}), 422, "missing_field")
    assert_problem(send(admin, {"a": face("obama.jpg")}, name="Ann", colour="red"), 422, "unknown_field")
    many = {f"{n}.jpg": b"x" for n in range(11)}
    assert_problem(send(admin, many, name="Ann"), 422, "too_many_files")
    assert_problem(send(admin, {"a": bytes(50_000_000)}, name="Ann"), 413, "too_large")


def test_a_face_before_the_camera_is_enrolled(admin: Caller) -> None:
    look = admin.post("/api/cameras/default/faces").json
    assert look["size"] == [1126, 660] and base64.b64decode(look["jpeg_base64"])[:2] == b"\xff\xd8"
    left, right = sorted(look["faces"], key=lambda one: one["box"][0])
    assert [one["name"] for one in (left, right)] == [None, None]
    made = admin.post("/api/identities/from_face", {"face": left["face"], "name": "Left"})
    assert (made.status_code, made.json["samples"]) == (201, 1)
    again = sorted(admin.post("/api/cameras/default/faces").json["faces"], key=lambda one: one["box"][0])
    assert [one["name"] for one in again] == ["Left", None]

    assert_problem(admin.post("/api/identities/from_face", {"face": left["face"], "name": "Once more"}), 404, "face_expired")
    assert_problem(admin.post("/api/identities/from_face", {"face": again[0]["face"], "name": "Other"}), 409, "face_known")
    wrong = {"face": again[1]["face"], "identity": made.json["id"]}
    assert_problem(admin.post("/api/identities/from_face", wrong), 409, "other_person")
    more = admin.post("/api/identities/from_face", {"face": again[0]["face"], "identity": made.json["id"]})
    assert (more.status_code, more.json["samples"]) == (201, 2)
    for body in ({"face": again[1]["face"]}, {"face": again[1]["face"], "name": "A", "identity": 1}):
        assert_problem(admin.post("/api/identities/from_face", body), 422, "ambiguous")
    assert_problem(admin.post("/api/cameras/nowhere/faces"), 404, "camera_not_found")


def test_forgetting_deletes_rows_vectors_events_and_what_the_engine_knows(
    site: Flask, admin: Caller, face: Any, wait_until: Callable[..., None]
) -> None:
    parts: Services = site.extensions[EXTENSION]
    obama = enrol(admin, "Barackobama Thename", a=face("obama.jpg"))
    vector = Identities(parts.database).faces()[0].vector.tobytes()
    events = Events(parts.database)
    for camera in ("default", "garden"):
        facts = {"identity": obama["id"], "name": obama["name"]}
        events.add(Event(camera, "face.recognised", "Barackobama Thename is here", 5.0, facts=facts))
    events.add(Event("default", "face.recognised", "Somebody else", 6.0, facts={"identity": obama["id"] + 1000}))
    files = Path(parts.settings.data_dir)
    found = b"".join(path.read_bytes() for path in files.glob("*.db*"))
    assert vector in found and b"Thename" in found
    (listed,) = admin.get("/api/identities").json["identities"]
    assert listed["last_seen"] == {"camera": "garden", "at": 5.0}

    answer = admin.delete(f"/api/identities/{obama['id']}")

    assert (answer.status_code, answer.json["message"]) == (200, "Barackobama Thename is forgotten.")
    assert [event.message for event in events.list(kind="face.recognised")] == ["Somebody else"]
    assert parts.engines.any().call("POST", "/people/reload") == {"faces": 0}
    assert [one["name"] for one in admin.post("/api/cameras/default/faces").json["faces"]] == [None, None]
    wait_until(lambda: not _in_files(files, vector, b"Thename"), 30, "the files without the face")
    assert_problem(admin.delete(f"/api/identities/{obama['id']}"), 404, "identity_not_found")


def _in_files(folder: Path, *traces: bytes) -> bool:
    found = b"".join(path.read_bytes() for path in folder.glob("*.db*"))
    return any(trace in found for trace in traces)


def test_who_may_do_what(site: Flask, admin: Caller, face: Any) -> None:
    obama = enrol(admin, "Obama", a=face("obama.jpg"))
    parts: Services = site.extensions[EXTENSION]
    event = Event("default", "face.recognised", "Obama is here", 5.0, facts={"identity": obama["id"]})
    Events(parts.database).add(event)
    operator, guest, viewer = (log_in(site, name) for name in ("operator", "guest", "viewer"))
    assert operator.get("/api/identities").json["identities"][0]["last_seen"]["camera"] == "default"
    # A camera that somebody may not see tells them nothing.
    assert guest.get("/api/identities").json["identities"][0]["last_seen"] is None
    assert_problem(viewer.get("/api/identities"), 403)
    one = f"/api/identities/{obama['id']}"
    for answer in (
        send(operator, {"a": face("biden.jpg")}, name="Biden"), send(operator, {"a": face("obama2.jpg")}, f"{one}/pictures"),
        operator.patch(one, {"name": "X"}), operator.delete(one), operator.post("/api/cameras/default/faces"),
        operator.post("/api/identities/from_face", {"face": "x", "name": "X"}),
    ):  # fmt: skip
        assert_problem(answer, 403)
    assert [one["name"] for one in admin.get("/api/identities").json["identities"]] == ["Obama"]


def test_faces_of_another_model_need_to_be_enrolled_anew(site: Flask, admin: Caller, face: Any) -> None:
    parts: Services = site.extensions[EXTENSION]
    old = Identities(parts.database).add("Obama", [Sample("sface", np.eye(128, dtype=np.float32)[0])])
    (listed,) = admin.get("/api/identities").json["identities"]
    assert (listed["needs_enrolment"], listed["models"]) == (True, ["sface"])
    answer = send(admin, {"a": face("obama.jpg")}, f"/api/identities/{old.id}/pictures")
    assert (answer.json["needs_enrolment"], answer.json["models"], answer.json["samples"]) == (False, ["mobilefacenet"], 1)


def test_without_an_engine_people_are_listed_and_forgotten_but_not_enrolled(
    lonely_app: Callable[..., Flask], face: Any
) -> None:  # fmt: skip
    app = lonely_app()
    parts: Services = app.extensions[EXTENSION]
    ann = Identities(parts.database).add("Ann", [Sample("net", np.eye(4, dtype=np.float32)[0])])
    admin = log_in(app, "admin")
    listed = admin.get("/api/identities").json
    assert listed["model"] is None and "engine" in listed["reason"]
    assert listed["identities"][0]["needs_enrolment"] is False
    assert_problem(send(admin, {"a": face("obama.jpg")}, name="Obama"), 503, "engine_unavailable")
    assert_problem(admin.post("/api/cameras/default/faces"), 404, "camera_not_found")
    assert admin.delete(f"/api/identities/{ann.id}").status_code == 200
    assert admin.get("/api/identities").json["identities"] == []


def test_every_engine_is_told_of_a_change(tmp_path: Path, lonely_app: Callable[..., Flask]) -> None:
    fakes = [FakeEngine(tmp_path / f"e{n}" / "e.sock") for n in range(2)]
    for fake in fakes:
        fake.answers["/people/reload"] = says({"faces": 1})
        fake.start()
    app = lonely_app(ENGINES=",".join(fake.address for fake in fakes))
    parts: Services = app.extensions[EXTENSION]
    ann = Identities(parts.database).add("Ann", [Sample("net", np.eye(4, dtype=np.float32)[0])])
    assert log_in(app, "admin").delete(f"/api/identities/{ann.id}").status_code == 200
    assert [[path for _, path, _ in fake.requests] for fake in fakes] == [["/people/reload"]] * 2
    for fake in fakes:
        fake.stop()
