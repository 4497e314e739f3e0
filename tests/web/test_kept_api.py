"""Kept frames, cloud uploads, exports, uploaded videos."""

import csv
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from sightline.errors import StorageError
from sightline.jobs.outbox import Deliverer
from sightline.records.cameras import Camera
from sightline.web.exports import FORMULA_STARTS, cell, csv_rows
from sightline.web.reception import safe_name
from sightline.web.services import EXTENSION, Services
from tests.web.callers import Caller, assert_problem, log_in
from tests.web.fake_engine import FakeEngine, says

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "S3_BUCKET_NAME": "frames"}
SNAPSHOT = {
    "jpeg_base64": "/9j/4AAQ", "view": "processed", "seq": 1, "pts_ns": 0, "captured_at": 1_800_000_000.5, "width": 64,
    "height": 36, "findings": [{"analyzer": "motion_detection", "detections": [], "measures": {}}],
}  # fmt: skip
JPEG = b"\xff\xd8\xff\xe0\x00\x10"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    engine = FakeEngine(tmp_path / "fake" / "e.sock")
    engine.answers["/cameras/default/snapshot"] = says(SNAPSHOT)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A real HTTP endpoint of S3 with the bucket `frames`."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    client.create_bucket(Bucket="frames")
    client.close()
    yield endpoint
    server.stop()


@pytest.fixture
def build(fake: FakeEngine, lonely_app: Callable[..., Flask]) -> Callable[..., tuple[Services, Caller]]:
    """An app on the fake engine with a default camera, and an admin."""

    def make(**changes: str) -> tuple[Services, Caller]:
        app = lonely_app(ENGINES=fake.address, **changes)
        parts: Services = app.extensions[EXTENSION]
        parts.cameras.add(Camera("default", "Default camera", "demo:"))
        return parts, log_in(app, "admin")

    return make


@pytest.fixture
def worker() -> Iterator[Callable[[Services], None]]:
    """`worker(parts)` delivers uploads in a thread, as the worker process does."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(parts: Services) -> None:
        deliverer = Deliverer(parts.settings, parts.database)

        def deliver() -> None:
            while not stop.wait(0.05):
                deliverer.deliver_due(stop)

        threads.append(threading.Thread(target=deliver))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_a_kept_frame_is_listed_shown_and_deleted(operator: Caller) -> None:
    kept = operator.post("/api/save_frame", {"view": "raw"}).json
    assert kept["success"] is True and kept["queued"] is False

    image = operator.get(kept["url"])
    assert image.content_type == "image/jpeg" and hashlib.sha256(image.data).hexdigest() == kept["sha256"]
    newest = operator.get("/api/frames?limit=1").json["frames"][0]
    assert newest["id"] == kept["id"] and newest["view"] == "raw" and (newest["width"], newest["height"]) == (320, 180)
    assert newest["bytes"] == len(image.data) and newest["camera"] == "default"
    assert operator.delete(f"/api/frames/{kept['id']}").json["success"] is True
    assert_problem(operator.get(kept["url"]), 404, "frame_not_found")


def test_frames_come_in_pages(build: Any) -> None:
    _parts, admin = build()
    ids = [admin.post("/api/cameras/default/save_frame", {}).json["id"] for _ in range(5)]

    first = admin.get("/api/frames?limit=2").json
    second = admin.get(f"/api/frames?limit=2&before={first['next']}").json
    third = admin.get(f"/api/frames?limit=2&before={second['next']}").json

    assert [frame["id"] for page in (first, second, third) for frame in page["frames"]] == ids[::-1]
    assert third["next"] is None


def test_a_damaged_frame_is_not_shown(build: Any) -> None:
    parts, admin = build()
    kept = admin.post("/api/save_frame", {}).json
    (file,) = [path for path in parts.settings.data_dir.rglob("*.jpg") if path.is_file()]
    file.write_bytes(b"something else")

    assert_problem(admin.get(kept["url"]), 503, "corrupt")


def test_a_full_disk_is_said_so(build: Any) -> None:
    _parts, admin = build(DISK_RESERVE=str(10**18))

    assert_problem(admin.post("/api/save_frame", {}), 507, "disk_full")
    assert admin.get("/api/frames").json["frames"] == []
    assert_problem(admin.post("/api/upload_video", data={"video": (io.BytesIO(b"x"), "x.mp4")}), 507, "disk_full")


def test_frames_go_to_s3_when_set_so(build: Any, s3: str) -> None:
    _parts, admin = build(STORAGE_TYPE="s3", S3_ENDPOINT_URL=s3, **KEYS)

    kept = admin.post("/api/save_frame", {}).json

    assert kept["queued"] is False and admin.get(kept["url"]).data == JPEG


def test_a_frame_for_an_s3_that_is_down_is_not_lost(build: Any) -> None:
    parts, admin = build(STORAGE_TYPE="s3", S3_ENDPOINT_URL="http://127.0.0.1:9", **KEYS)

    kept = admin.post("/api/save_frame", {}).json

    assert kept["success"] is True and kept["queued"] is True
    assert admin.get(kept["url"]).data == JPEG
    assert parts.outbox.backlog().count == 1


def test_an_upload_to_the_cloud_arrives(build: Any, s3: str, worker: Callable[[Services], None]) -> None:
    parts, admin = build(S3_ENDPOINT_URL=s3, **KEYS)
    worker(parts)

    answer = admin.post("/api/cloud_upload")

    assert answer.status_code == 200, answer.text
    body = answer.json
    assert body["queued"] is False and body["cloud_url"] and body["key"].endswith(".jpg") and body["analysis_key"].endswith(".json")
    client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    assert client.get_object(Bucket="frames", Key=body["key"])["Body"].read() == JPEG
    analysis = json.loads(client.get_object(Bucket="frames", Key=body["analysis_key"])["Body"].read())
    client.close()
    assert analysis["camera"] == "default" and analysis["findings"] == SNAPSHOT["findings"]
    listed = admin.get("/api/uploads").json
    assert {item["state"] for item in listed["uploads"]} == {"delivered"} and listed["backlog"] == {"count": 0, "bytes": 0}


def test_an_upload_while_s3_is_down_is_queued(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.web.keeping.DELIVERY_WAIT_S", 0.1)
    _parts, admin = build(S3_ENDPOINT_URL="http://127.0.0.1:9", **KEYS)

    answer = admin.post("/api/cloud_upload")

    assert answer.status_code == 202 and answer.json["success"] is True and answer.json["queued"] is True
    listed = admin.get("/api/uploads").json
    assert listed["backlog"]["count"] == 2 and {item["state"] for item in listed["uploads"]} == {"queued"}
    retried = admin.post(f"/api/uploads/{listed['uploads'][0]['id']}/retry")
    assert retried.json["state"] == "queued"


def test_an_export_tells_what_was_seen(operator: Caller) -> None:
    answer = operator.post("/api/export_data", {"format": "json"}).json
    with operator.get(answer["url"]) as download:
        document = json.loads(download.data)
    assert document["camera"] == "default" and document["options"] and document["statistics"]["fps"] is not None
    answer = operator.post("/api/cameras/default/export", {"format": "csv"}).json
    with operator.get(answer["url"]) as download:
        assert "attachment" in download.headers["Content-Disposition"] and answer["format"] == "csv"
        rows = list(csv.reader(io.StringIO(download.text)))
    assert rows[0] == ["section", "time", "name", "value", "details"] and {row[0] for row in rows[1:]} >= {"statistics", "options"}


def test_an_export_of_another_camera_is_closed(operator: Caller, guest: Caller) -> None:
    answer = operator.post("/api/export_data", {}).json

    assert_problem(guest.get(answer["url"]), 403, "camera_forbidden")


@given(st.text(max_size=40))
def test_no_text_in_a_csv_is_a_formula(text: str) -> None:
    made = cell(text)

    assert not str(made).startswith(FORMULA_STARTS) and str(made).endswith(text)


def test_numbers_in_a_csv_stay_numbers() -> None:
    document = {
        "exported_at": 1.0, "statistics": {"fps": -29.5, "=evil": "=1+1"}, "options": {"blur": True}, "events": [],
        "findings": [{"analyzer": "a", "detections": [{"label": "@cmd", "score": 0.5}], "measures": {"sharpness": 3}}],
    }  # fmt: skip

    rows = list(csv_rows(document))

    assert ["statistics", 1.0, "fps", -29.5, ""] in rows and ["statistics", 1.0, "'=evil", "'=1+1", ""] in rows
    assert any(row[2] == "'@cmd" for row in rows) and ["measures", 1.0, "sharpness", 3, "a"] in rows


def test_every_counter_has_a_row_of_the_export() -> None:
    measures = {"zones": {"=Till": {"now": 2, "entered": 7}}, "lines": {"Gate": {"in": 4}}, "tags": ["street"]}
    document = {
        "exported_at": 1.0, "statistics": {"fps": 30, "measures": {"zones": measures}}, "options": {}, "events": [],
        "findings": [{"analyzer": "zones", "detections": [], "measures": measures}],
    }  # fmt: skip

    rows = [row[2:] for row in csv_rows(document) if row[0] == "measures"]

    assert rows == [
        ["zones / =Till / now", 2, "zones"], ["zones / =Till / entered", 7, "zones"], ["lines / Gate / in", 4, "zones"],
        ["tags", '["street"]', "zones"],
    ]  # fmt: skip
    assert [row[2] for row in csv_rows(document) if row[0] == "statistics"] == ["fps"]


def test_an_uploaded_video_becomes_an_asset(admin: Caller, asset: Callable[[str], Path]) -> None:
    data = asset("video/intel_classroom.mp4").read_bytes()

    answer = admin.post("/api/upload_video", data={"video": (io.BytesIO(data), "../My Clip (1).MP4")})

    assert answer.status_code == 200, answer.text
    body = answer.json
    assert body["filename"].startswith("my_clip_1-") and body["filename"].endswith(".mp4") and body["cloud_url"] is None
    listed = next(item for item in admin.get("/api/assets").json["assets"] if item["id"] == body["asset_id"])
    assert listed["sha256"] == hashlib.sha256(data).hexdigest() and listed["size_bytes"] == len(data) and listed["codec"] == "h264"
    camera = admin.post("/api/cameras", {"name": "Clip", "source": body["filename"], "id": "clip"})
    assert camera.status_code == 201 and camera.json["kind"] == "file"
    assert admin.post("/api/cameras/clip/start").json["state"] == "live"
    admin.delete("/api/cameras/clip")


def test_an_upload_over_the_limit_stops_while_it_is_read(build: Any) -> None:
    parts, admin = build(MAX_UPLOAD_SIZE="100000")
    body = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n' + b"v" * 150_000 + b"\r\n--x--\r\n"

    told = admin.post("/api/upload_video", data=body, content_type="multipart/form-data; boundary=x")
    assert assert_problem(told, 413, "too_large")["limit_bytes"] == 100_000
    untold = admin.post(
        "/api/upload_video", input_stream=io.BytesIO(body), content_type="multipart/form-data; boundary=x",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )  # fmt: skip
    assert_problem(untold, 413, "too_large")
    assert [path for path in (parts.settings.data_dir / "uploads").iterdir() if path.is_file()] == []


def test_a_disk_that_fills_up_while_receiving_leaves_nothing(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, admin = build()

    def full(*_about: object) -> None:
        raise StorageError("The disk is full.", code="disk_full")

    monkeypatch.setattr("sightline.web.reception.SPACE_CHECK_BYTES", 1000)
    checks = iter([lambda *_a: None])
    monkeypatch.setattr("sightline.web.reception.check_space", lambda *about: next(checks, full)(*about))

    assert_problem(admin.post("/api/upload_video", data={"video": (io.BytesIO(b"v" * 300_000), "a.mp4")}), 507, "disk_full")
    assert list((parts.settings.data_dir / "uploads").iterdir()) == []


@given(st.text(max_size=80))
def test_a_safe_name_is_safe(original: str) -> None:
    name = safe_name(original, "0123456789abcdef")

    assert name.isascii() and "/" not in name and "\\" not in name and not name.startswith((".", "-"))
    assert "0123456789abcdef." in name and len(name) < 100 and name == name.strip()


@pytest.mark.parametrize(("original", "suffix"), [("a.html", ".mp4"), ("a.svg", ".mp4"), ("a.mp4.py", ".mp4"), ("A.MKV", ".mkv")])
def test_only_a_suffix_of_videos_is_taken_over(original: str, suffix: str) -> None:
    assert safe_name(original, "0123456789abcdef").endswith(f"-0123456789abcdef{suffix}")
