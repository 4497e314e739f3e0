"""Pictures: passed through whole, going on over a dead engine, ending when they must; or handed to nginx."""

import base64
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from sightline.media.signing import verify_path
from sightline.records.cameras import Camera
from sightline.web.accounts import hash_password
from sightline.web.mjpeg_parts import BOUNDARY, still_part, whole_parts
from sightline.web.services import EXTENSION, Services
from tests.web.callers import PASSWORD, Caller, assert_problem, log_in
from tests.web.fake_engine import FakeEngine, says, streams


def part(data: bytes) -> bytes:
    return BOUNDARY + b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data) + data + b"\r\n"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    engine = FakeEngine(tmp_path / "fake" / "e.sock")
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def build(fake: FakeEngine, lonely_app: Callable[..., Flask]) -> Callable[..., tuple[Flask, Caller]]:
    """An app on the fake engine with a camera `door`, and an admin."""

    def make(**changes: str) -> tuple[Flask, Caller]:
        app = lonely_app(ENGINES=fake.address, **changes)
        parts: Services = app.extensions[EXTENSION]
        parts.cameras.add(Camera("door", "Door", "demo:"))
        return app, log_in(app, "admin")

    return make


def watch(caller: Caller, path: str = "/api/cameras/door/mjpeg") -> tuple[Any, Iterator[bytes]]:
    answer = caller.client.get(path, buffered=False)
    assert answer.status_code == 200, answer.text
    return answer, whole_parts(answer.iter_encoded())


def test_parts_come_through_unchanged_with_the_wanted_size(fake: FakeEngine, build: Any) -> None:
    pictures = [part(b"one"), part(b"two" * 1000), part(b"three")]
    fake.answers["/media/door/mjpeg"] = streams(
        lambda: itertools.cycle([pictures[0] + pictures[1][:50], pictures[1][50:], pictures[2]])
    )
    _app, admin = build()

    answer, parts = watch(admin, "/api/cameras/door/mjpeg?view=raw&width=320&quality=70&fps=5")

    assert [next(parts) for _ in range(6)] == pictures * 2
    assert answer.content_type == "multipart/x-mixed-replace; boundary=frame"
    assert answer.headers["Cache-Control"] == "no-store"
    assert fake.requests[0][1] == "/media/door/mjpeg?view=raw&width=320&quality=70&fps=5.0"
    answer.close()


def test_a_viewer_stays_connected_while_the_engine_is_dead(fake: FakeEngine, build: Any, root: Path) -> None:
    picture = part(b"live")
    # Dies in the middle of a picture, as with kill -9.
    fake.answers["/media/door/mjpeg"] = streams(lambda: [picture, picture, picture[: len(picture) // 2]])
    _app, admin = build()
    answer, parts = watch(admin)
    assert [next(parts), next(parts)] == [picture, picture]

    fake.stop()
    dark = still_part(root / "static" / "img" / "no-signal.jpg")
    assert next(parts)[-500:] == dark[-500:]
    fake.answers["/media/door/mjpeg"] = streams(lambda: itertools.repeat(picture))
    fake.start()

    assert picture in itertools.islice(parts, 10)
    answer.close()


def test_an_engine_that_is_dead_from_the_start_gives_no_signal(fake: FakeEngine, build: Any) -> None:
    _app, admin = build()
    fake.stop()

    answer, parts = watch(admin)

    assert b"image/jpeg" in next(parts)
    answer.close()


def test_the_stream_ends_when_the_camera_is_deleted(fake: FakeEngine, build: Any) -> None:
    app, admin = build()
    fake.answers["/media/door/mjpeg"] = streams(lambda: [part(b"live")])
    answer, parts = watch(admin)
    next(parts)

    app.extensions[EXTENSION].cameras.delete("door")

    assert len(list(parts)) <= 1
    answer.close()


def test_the_stream_ends_when_the_viewer_may_not_watch_any_more(fake: FakeEngine, build: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("sightline.web.media.RECHECK_S", 0.0)
    app, admin = build()
    fake.answers["/media/door/mjpeg"] = streams(lambda: itertools.repeat(part(b"live")))
    answer, parts = watch(admin)
    next(parts)

    app.extensions[EXTENSION].users.revoke(1)

    assert len(list(parts)) < 1000
    answer.close()


def test_the_stream_ends_when_the_process_stops(fake: FakeEngine, build: Any) -> None:
    app, admin = build()
    fake.answers["/media/door/mjpeg"] = streams(lambda: itertools.repeat(part(b"live")))
    answer, parts = watch(admin)
    next(parts)

    threading.Timer(0.05, app.extensions[EXTENSION].stop.set).start()

    for _ in parts:
        pass
    answer.close()


@pytest.mark.parametrize("path", ["/api/cameras/nowhere/mjpeg", "/video_feed?camera=nowhere", "/video_feed"])
def test_a_camera_that_is_not_there_is_a_problem_not_a_stream(build: Any, path: str) -> None:
    _app, admin = build()

    assert_problem(admin.get(path), 404, "camera_not_found")


RAW = (
    "/video_feed?camera=door&view=raw",
    "/api/cameras/door/mjpeg?view=raw",
    "/api/cameras/door/snapshot.jpg?view=raw&width=160",
)


@pytest.fixture
def doors(fake: FakeEngine, build: Any) -> Callable[..., tuple[Flask, Caller]]:
    """`doors("viewer", privacy=True)`: an app whose camera `door` blurs faces, and somebody of that role."""
    shot = {"jpeg_base64": base64.b64encode(b"jpeg").decode(), "seq": 1, "captured_at": 1.5}
    fake.answers["/cameras/door/snapshot"] = says(shot)
    fake.answers["/media/door/mjpeg"] = streams(lambda: itertools.repeat(part(b"live")))

    def make(role: str, privacy: bool, **changes: str) -> tuple[Flask, Caller]:
        app, _admin = build(**changes)
        parts: Services = app.extensions[EXTENSION]
        parts.desk.set_options("door", {"privacy_blur": privacy})
        if role != "admin":
            parts.users.add(role, hash_password(PASSWORD), role)
        return app, log_in(app, role)

    return make


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "hides faces,"),
        ({"privacy_blur_people": True, "privacy_blur_plates": True}, "hides faces and people and number plates,"),
        ({"privacy_blur_faces": False, "privacy_blur_people": True}, "hides people,"),
        ({"privacy_blur_faces": False}, "hides part of what it sees,"),
    ],
)
def test_the_refusal_says_what_is_hidden(doors: Any, options: dict[str, bool], words: str) -> None:
    app, caller = doors("viewer", True)
    app.extensions[EXTENSION].desk.set_options("door", options)
    assert words in assert_problem(caller.get("/api/cameras/door/snapshot.jpg?view=raw"), 403, "raw_is_private")["message"]


@pytest.mark.parametrize("accel", ["0", "1"])
@pytest.mark.parametrize(
    ("role", "privacy", "is_allowed"),
    [("viewer", True, False), ("viewer", False, True), ("operator", True, True), ("operator", False, True), ("admin", True, True)],
)
def test_the_raw_picture_is_for_operators_while_faces_are_blurred(
    fake: FakeEngine, doors: Any, role: str, privacy: bool, is_allowed: bool, accel: str
) -> None:
    _app, caller = doors(role, privacy, ACCEL_REDIRECT=accel)
    fake.requests.clear()

    for path in RAW:
        raw = caller.client.get(path, buffered=False)
        if is_allowed:
            assert raw.status_code == 200, path
        else:
            assert "operators" in assert_problem(raw, 403, "raw_is_private")["message"]
            assert not fake.requests
        raw.close()


@pytest.mark.parametrize(
    ("role", "privacy", "is_allowed"), [("viewer", True, False), ("viewer", False, True), ("operator", True, True)]
)
def test_a_kept_raw_picture_is_as_private_as_the_live_one(
    fake: FakeEngine, doors: Any, role: str, privacy: bool, is_allowed: bool
) -> None:
    shot = {"jpeg_base64": base64.b64encode(b"jpeg").decode(), "captured_at": 1.5, "width": 4, "height": 3, "findings": []}
    fake.answers["/cameras/door/snapshot"] = says(shot)
    app, caller = doors(role, privacy)
    keeping = app.extensions[EXTENSION].keeping
    raw, processed = (keeping.save_frame("door", view) for view in ("raw", "processed"))

    assert caller.get(processed["url"]).data == b"jpeg"
    listed = [frame["id"] for frame in caller.get("/api/frames").json["frames"]]
    if is_allowed:
        assert caller.get(raw["url"]).data == b"jpeg" and listed == [processed["id"], raw["id"]]
    else:
        assert_problem(caller.get(raw["url"]), 403, "raw_is_private")
        assert listed == [processed["id"]]


@pytest.mark.parametrize("view", ["", "view=processed"])
def test_the_processed_picture_is_for_everybody(doors: Any, view: str) -> None:
    _app, viewer = doors("viewer", True)

    for path in ("/video_feed?camera=door&", "/api/cameras/door/mjpeg?", "/api/cameras/door/snapshot.jpg?"):
        answer = viewer.client.get(path + view, buffered=False)
        assert answer.status_code == 200, path
        answer.close()


@pytest.mark.parametrize(
    ("role", "view", "goes_on"), [("viewer", "raw", False), ("viewer", "processed", True), ("operator", "raw", True)]
)
def test_an_open_raw_stream_of_a_viewer_ends_when_faces_get_blurred(
    doors: Any, monkeypatch: Any, role: str, view: str, goes_on: bool
) -> None:
    monkeypatch.setattr("sightline.web.media.RECHECK_S", 0.0)
    app, caller = doors(role, False)
    answer, parts = watch(caller, f"/api/cameras/door/mjpeg?view={view}")
    next(parts)

    app.extensions[EXTENSION].desk.set_options("door", {"privacy_blur": True})

    assert (len(list(itertools.islice(parts, 50))) == 50) is goes_on
    answer.close()


def test_nginx_takes_the_pictures_from_the_engine(build: Any) -> None:
    app, admin = build(ACCEL_REDIRECT="1")

    answer = admin.get("/video_feed?camera=door&width=640&view=raw")

    location = answer.headers["X-Accel-Redirect"]
    prefix, path = location[: len("/_engine/0")], location[len("/_engine/0") :]
    assert prefix == "/_engine/0" and path.startswith("/media/door/mjpeg?view=raw&width=640&expires=")
    key = app.extensions[EXTENSION].settings.derived_key("media")
    now_s = int(path.partition("expires=")[2].partition("&")[0]) - 30
    assert verify_path(key, path, now_s) and not verify_path(key, path.replace("640", "641"), now_s)
    assert answer.data == b""
    assert_problem(admin.get("/video_feed?camera=nowhere"), 404, "camera_not_found")


def test_a_live_stream_of_the_real_engine(viewer: Caller) -> None:
    answer, parts = watch(viewer, "/video_feed?width=160&fps=10")
    heads = [next(parts).split(b"\r\n\r\n", 1)[0].decode() for _ in range(3)]
    answer.close()

    numbers = [int(head.partition("X-Sequence: ")[2].split("\r\n")[0]) for head in heads]
    assert numbers == sorted(set(numbers))
    assert all("X-Timestamp: " in head and "Content-Length: " in head for head in heads)


def test_a_snapshot_is_a_jpeg(viewer: Caller) -> None:
    answer = viewer.get("/api/cameras/default/snapshot.jpg?view=raw")

    assert answer.status_code == 200 and answer.content_type == "image/jpeg"
    assert answer.data.startswith(b"\xff\xd8\xff") and float(answer.headers["X-Timestamp"]) > 1e9
