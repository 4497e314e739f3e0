"""Bad input: each case gets a clear problem answer with the right status; nothing is changed, lost, or given away.

Against a real engine and the web server as it is run, over HTTP.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.installation import EngineProcess, WebServer

pytestmark = pytest.mark.system

SECRET = "s3cr3t-pa55"
MAX_UPLOAD_BYTES = 2_000_000_000
TEXT_AS_MP4 = b"This is no video at all.\n" * 400


@dataclass
class Site:
    """A running installation, an admin in it, and what must not change."""

    web: WebServer
    admin: httpx.Client
    data_dir: Path

    def state(self) -> dict[str, Any]:
        """Everything that a refused request must leave as it was."""
        cameras = self.admin.get("/api/cameras").json()["cameras"]
        kept = ("id", "name", "source", "source_options", "is_running", "options", "processing", "position")
        return {
            "cameras": [{name: camera[name] for name in kept} for camera in cameras],
            "users": self.admin.get("/api/users").json(),
            "presets": self.admin.get("/api/presets").json(),
            "assets": self.admin.get("/api/assets").json(),
            "frames": self.admin.get("/api/frames").json(),
            "uploads": self.admin.get("/api/uploads").json(),
            "config": self.admin.get("/api/stream_config").json(),
            "identities": self.admin.get("/api/identities").json()["identities"],
            "files": sorted(str(p) for p in (self.data_dir / "uploads").rglob("*") if p.is_file()),
        }


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, wait_until: Callable[..., None], free_ports: Callable[[], int]
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("bad-input")
    environment = {
        "DATA_DIR": str(folder), "ADMIN_PASSWORD": "correct horse battery", "VIDEO_FILE_PATH": "demo:?size=320x180&fps=10",
        "PORT": str(free_ports()), "DISK_RESERVE": "0", "MAX_UPLOAD_SIZE": str(MAX_UPLOAD_BYTES),
    }  # fmt: skip
    engine, web = EngineProcess(folder, environment), WebServer(folder, environment)
    engine.start(wait_until)
    web.start(wait_until)
    with web.logged_in() as admin:
        yield Site(web, admin, folder)
    web.stop()
    engine.kill()


def camera(source: object, **more: object) -> dict[str, object]:
    return {"name": "Bad", "source": source, **more}


OPTIONS, CAMERAS, START = ("POST", "/api/update_options"), ("POST", "/api/cameras"), ("POST", "/api/start_camera")
PATCH, TRACK = ("PATCH", "/api/cameras/default/options"), ("POST", "/api/start_tracking")
CHAIN = ("PUT", "/api/cameras/default/chain")
PRESET, PRESETS = ("POST", "/api/cameras/default/preset"), ("POST", "/api/presets")

JSON_CASES: list[tuple[tuple[str, str], object, int, str]] = [
    (OPTIONS, {"grayscale": True, "sparkle": True}, 422, "unknown_option"),
    (OPTIONS, {"grayscale": True, "brightness": "20"}, 422, "wrong_type"),
    (OPTIONS, {"grayscale": 1}, 422, "wrong_type"),
    (OPTIONS, {"grayscale": None}, 422, "wrong_type"),
    (OPTIONS, {"brightness": True}, 422, "wrong_type"),
    (OPTIONS, {"brightness": 1.5}, 422, "wrong_type"),
    (OPTIONS, {"grayscale": True, "brightness": 101}, 422, "out_of_range"),
    (OPTIONS, {"contrast": -0.1}, 422, "out_of_range"),
    (OPTIONS, {"saturation": 1e308}, 422, "out_of_range"),
    (OPTIONS, ["grayscale"], 422, "invalid_dict_type"),
    (PATCH, {"sparkle": 1}, 422, "unknown_option"),
    (PATCH, {"contrast": 99}, 422, "out_of_range"),
    (("PATCH", "/api/cameras/nowhere/options"), {"blur": True}, 404, "camera_not_found"),
    (("PATCH", "/api/cameras/..%2f..%2fetc/options"), {"blur": True}, 404, "not_found"),
    (("GET", "/api/cameras/UPPER/options"), None, 422, "invalid_string_pattern_mismatch"),
    (CHAIN, {"stages": "all"}, 422, "invalid_list_type"),
    (CHAIN, {"stages": [{"name": "sparkle", "enabled": True}]}, 422, "unknown_stage"),
    (CHAIN, {"stages": [{"name": "blur"}, {"name": "blur"}]}, 422, "duplicate_stage"),
    (CHAIN, {"stages": [{"name": "blur", "enabled": "yes"}]}, 422, "wrong_type"),
    (PRESET, {"name": "No such preset"}, 404, "preset_not_found"),
    (PRESET, {"name": "x" * 201}, 422, "invalid_string_too_long"),
    (PRESET, {"name": ["Night"]}, 422, "invalid_string_type"),
    (PRESETS, {"name": "../../etc", "camera": "default"}, 422, "bad_name"),
    (PRESETS, {"name": "A\u0000B", "camera": "default"}, 422, "bad_name"),
    (PRESETS, {"name": "Night", "camera": "default"}, 409, "builtin_preset"),
    (PRESETS, {"name": "A", "camera": "nowhere"}, 404, "camera_not_found"),
    (PRESETS, {"name": "A", "options": {"blur_kernel_px": 1e9}}, 422, "out_of_range"),
    (PRESETS, {"name": "A", "options": {"unknown": "x" * 100_001}}, 422, "preset_too_large"),
    (PRESETS, {"name": "A", "options": {}, "order": ["blur"] * 500}, 422, "preset_too_large"),
    (("DELETE", "/api/presets/Night"), None, 409, "builtin_preset"),
    (("DELETE", "/api/presets/nothing"), None, 404, "preset_not_found"),
    (("DELETE", "/api/presets/..%2fusers"), None, 404, "not_found"),
    (("POST", "/api/toggle_processing"), {"enabled": "yes"}, 422, "invalid_bool_type"),
    (("POST", "/api/toggle_processing"), {"enable": True}, 422, "unknown_field"),
    (START, {"source": "exec:rm -rf /"}, 422, "forbidden_scheme"),
    (START, {"source": "file:///etc/passwd"}, 422, "forbidden_scheme"),
    (START, {"source": "concat:/etc/passwd|/etc/hosts"}, 422, "forbidden_scheme"),
    (START, {"source": "pipe:0"}, 422, "forbidden_scheme"),
    (START, {"source": "subfile,,start,0,end,9,,:/etc/passwd"}, 404, "file_not_found"),
    (START, {"source": "data:video/mp4;base64,AAAA"}, 422, "forbidden_scheme"),
    (START, {"source": "lavfi:testsrc"}, 422, "forbidden_scheme"),
    (START, {"source": "-i /etc/passwd"}, 422, "bad_source"),
    (START, {"source": "/etc/passwd"}, 403, "address_forbidden"),
    (START, {"source": "../../../etc/passwd"}, 403, "address_forbidden"),
    (START, {"source": "nothing-here.mp4"}, 404, "file_not_found"),
    (START, {"source": ""}, 422, "bad_source"),
    (START, {"source": "demo:", "camera_index": 0}, 422, "ambiguous"),
    (START, {"camera_index": {}}, 422, None),  # type: ignore[list-item]
    (START, {"camera_index": -1}, 422, "bad_source"),
    (START, {"source": "rtsp://169.254.169.254/latest/meta-data"}, 403, "address_forbidden"),
    (START, {"source": f"rtsp://admin:{SECRET}@169.254.169.254/live"}, 403, "address_forbidden"),
    (START, {"source": "http://[fd00:ec2::254]/"}, 403, "address_forbidden"),
    (START, {"source": "http://127.0.0.1:5432/"}, 403, "address_forbidden"),
    (START, {"source": "http://2130706433/x.mjpeg"}, 403, "address_forbidden"),
    (START, {"source": "http://[::ffff:127.0.0.1]/"}, 403, "address_forbidden"),
    (START, {"source": "http://0.0.0.0/"}, 403, "address_forbidden"),
    (CAMERAS, camera("exec:sh"), 422, "forbidden_scheme"),
    (CAMERAS, camera("http://metadata.invalid/"), 502, "unreachable"),
    (CAMERAS, camera("http://169.254.169.254/"), 403, "address_forbidden"),
    (CAMERAS, camera(f"rtsp://admin:{SECRET}/@host name/x"), 422, "bad_source"),
    (CAMERAS, camera("demo:\x00"), 422, "bad_source"),
    (CAMERAS, camera("demo:", id="../evil"), 422, "invalid_string_pattern_mismatch"),
    (CAMERAS, camera("demo:", id="default"), 409, "camera_exists"),
    (CAMERAS, camera("demo:", name=""), 422, "invalid_string_too_short"),
    (CAMERAS, camera("demo:", name="x" * 81), 422, "invalid_string_too_long"),
    (CAMERAS, camera("demo:", options={"sparkle": True}), 422, "unknown_option"),
    (CAMERAS, camera("demo:", source_options={"ffmpeg": "-f lavfi"}), 422, "unknown_option"),
    (CAMERAS, camera("demo:", source_options={"rtsp_transport": "carrier pigeon"}), 422, "wrong_value"),
    (CAMERAS, camera(17), 422, "invalid_string_type"),
    (CAMERAS, {"source": "demo:"}, 422, "invalid_missing"),
    (("PATCH", "/api/cameras/default"), {"source": "file:///etc/passwd"}, 422, "forbidden_scheme"),
    (("PATCH", "/api/cameras/default"), {"colour": "red"}, 422, "unknown_field"),
    (("DELETE", "/api/cameras/default"), None, 409, "default_camera"),
    (("DELETE", "/api/cameras/nowhere"), None, 404, "camera_not_found"),
    (("POST", "/api/cameras/probe"), {"source": "http://169.254.169.254/"}, 403, "address_forbidden"),
    (("POST", "/api/cameras/probe"), {}, 422, "missing_field"),
    (("POST", "/api/cameras/import"), {"cameras": [{"id": "a", "name": "A", "source": "exec:x"}]}, 422, "forbidden_scheme"),
    (
        ("POST", "/api/cameras/import"),
        {"cameras": [{"id": "a", "name": "A", "source": "demo:"}, {"id": "b", "name": "B", "source": "http://169.254.169.254/"}]},
        403,
        "address_forbidden",
    ),
    (("POST", "/api/cameras/import"), {"cameras": [{"id": "a", "name": "A"}]}, 422, "bad_import"),
    (TRACK, {"bbox": [0, 0, 321, 10]}, 422, "bad_box"),
    (TRACK, {"bbox": [-5, 0, 20, 20]}, 422, "bad_box"),
    (TRACK, {"bbox": [10, 10, 0, 5]}, 422, "bad_box"),
    (TRACK, {"bbox": [400, 400, 20, 20]}, 422, "bad_box"),
    (TRACK, {"bbox": [1, 2, 3]}, 422, "invalid_too_short"),
    (TRACK, {"bbox": ["a", 2, 3, 4]}, 422, "invalid_float_type"),
    (TRACK, {}, 422, "invalid_missing"),
    (("POST", "/api/save_frame"), {"view": "x-ray"}, 422, "invalid_literal_error"),
    (("POST", "/api/save_frame"), {"camera": "../../etc"}, 422, "invalid_string_pattern_mismatch"),
    (("POST", "/api/save_frame"), {"camera": "nowhere"}, 404, "camera_not_found"),
    (("POST", "/api/cloud_upload"), {}, 409, "cloud_not_configured"),
    (("GET", "/video_feed?camera=nowhere"), None, 404, "camera_not_found"),
    (("GET", "/video_feed?width=1"), None, 422, "invalid_greater_than_equal"),
    (("GET", "/video_feed?quality=101"), None, 422, "invalid_less_than_equal"),
    (("GET", "/video_feed?fps=nan"), None, 422, "invalid_finite_number"),
    (("GET", "/video_feed?view=x"), None, 422, "invalid_literal_error"),
    (("GET", "/video_feed?colour=red"), None, 422, "unknown_field"),
    (("GET", "/api/exports/..%2f..%2fsecret_key"), None, 404, "not_found"),
    (("GET", "/api/exports/secret_key"), None, 404, "export_not_found"),
    (("GET", "/static/..%2f..%2fapp.py"), None, 404, "not_found"),
    (("GET", "/docs/assets/..%2fplugins.py"), None, 404, "not_found"),
    (("GET", "/api/frames/999999/image"), None, 404, "frame_not_found"),
    (("GET", "/api/frames?limit=100000"), None, 422, "invalid_less_than_equal"),
    (("GET", "/api/frames?before=x"), None, 422, "invalid_int_parsing"),
    (("POST", "/api/uploads/999999/retry"), {}, 404, "upload_not_found"),
    (("POST", "/api/stream_config"), {"s3_bucket": "Not A Bucket"}, 422, "wrong_value"),
    (("POST", "/api/stream_config"), {"aws_secret_access_key": SECRET}, 422, "unknown_field"),
    (("POST", "/api/export_data"), {"format": "exe"}, 422, "invalid_literal_error"),
    (("POST", "/api/model_download"), {"name": "../../etc/passwd"}, 404, "model_not_found"),
    (("PATCH", "/api/identities/999999"), {"name": "Ann"}, 404, "identity_not_found"),
    (("PATCH", "/api/identities/1"), {"name": ""}, 422, "bad_name"),
    (("PATCH", "/api/identities/1"), {"name": "x" * 81}, 422, "bad_name"),
    (("PATCH", "/api/identities/1"), {"name": "x" * 201}, 422, "invalid_string_too_long"),
    (("PATCH", "/api/identities/1"), {"name": 7}, 422, "invalid_string_type"),
    (("PATCH", "/api/identities/1"), {"name": "Ann", "vector": [1]}, 422, "unknown_field"),
    (("PATCH", "/api/identities/18446744073709551616"), {"name": "Ann"}, 422, "invalid_less_than_equal"),
    (("DELETE", "/api/identities/999999"), None, 404, "identity_not_found"),
    (("POST", "/api/identities"), {"name": "Ann"}, 415, "not_multipart"),
    (("POST", "/api/identities/1/pictures"), {}, 415, "not_multipart"),
    (("POST", "/api/identities/from_face"), {"face": "nothing", "name": "Ann"}, 404, "face_expired"),
    (("POST", "/api/identities/from_face"), {"face": "nothing"}, 422, "ambiguous"),
    (("POST", "/api/identities/from_face"), {"name": "Ann"}, 422, "invalid_missing"),
    (("POST", "/api/cameras/nowhere/faces"), {}, 404, "camera_not_found"),
    (("POST", "/api/cameras/default/faces"), {}, 409, "recognition_unavailable"),
    (("POST", "/api/users"), {"username": "a/b", "password": SECRET}, 422, "bad_username"),
    (("POST", "/api/users"), {"username": "bob", "password": "short"}, 422, "weak_password"),
    (("POST", "/api/users"), {"username": "bob", "password": SECRET, "role": "god"}, 422, "invalid_literal_error"),
    (("PATCH", "/api/users/1"), {"role": "viewer"}, 409, "last_admin"),
    (("DELETE", "/api/users/1"), None, 409, "last_admin"),
    (("GET", "/api/no/such/thing"), None, 404, "not_found"),
    (("PUT", "/api/get_options"), {}, 405, "method_not_allowed"),
    (("GET", "/api/update_options"), None, 405, "method_not_allowed"),
]


def check_problem(answer: httpx.Response, status: int, code: str | None) -> dict[str, Any]:
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status and body["success"] is False and body["detail"] == body["message"]
    assert code is None or body["code"] == code, body
    assert len(body["detail"]) > 10 and body["title"]
    for leak in ("Traceback", 'File "', SECRET, "sqlalchemy", "site-packages"):
        assert leak not in answer.text
    return body


@pytest.mark.parametrize(("route", "body", "status", "code"), JSON_CASES)
def test_bad_json_requests(site: Site, route: tuple[str, str], body: object, status: int, code: str) -> None:
    before = site.state()

    answer = site.admin.request(*route, **({} if body is None else {"json": body}))

    problem = check_problem(answer, status, code)
    if status == 422:
        assert problem["field"], problem
    assert site.state() == before


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_json"),
        (b"grayscale=true", "application/json", 400, "bad_json"),
        (b"\xff\xfe\x00", "application/json", 400, "bad_json"),
        (b"[" * 200_000, "application/json", 400, "bad_json"),
        (b'{"grayscale": true}', "text/plain", 415, "not_json"),
        (b"grayscale=true", "application/x-www-form-urlencoded", 415, "not_json"),
        (b'"grayscale"', "application/json", 422, None),
        (b"3", "application/json", 422, None),
        (b'{"brightness": NaN}', "application/json", 422, "wrong_type"),
        (b'{"brightness": 1e999}', "application/json", 422, "wrong_type"),
        (b'{"x": "' + b"a" * 5_000_000 + b'"}', "application/json", 413, "too_large"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_bodies_that_are_no_json(site: Site, content: bytes, content_type: str, status: int, code: str | None) -> None:
    before = site.state()

    answer = site.admin.post("/api/update_options", content=content, headers={"Content-Type": content_type})

    check_problem(answer, status, code)
    assert site.state() == before


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("text.mp4", TEXT_AS_MP4, 415, "not_a_video"),
        ("empty.mp4", b"", 422, "missing_field"),
        ("script.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n", 415, "not_a_video"),
        ("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", 415, "not_a_video"),
        ("../../../etc/cron.d/evil.mp4", TEXT_AS_MP4, 415, "not_a_video"),
        ("\u202egnp.\x00mp4", TEXT_AS_MP4, 415, "not_a_video"),
    ],
)
def test_uploads_that_are_no_video(site: Site, name: str, content: bytes, status: int, code: str) -> None:
    before = site.state()

    answer = site.admin.post("/api/upload_video", files={"video": (name, content, "video/mp4")})

    check_problem(answer, status, code)
    assert site.state() == before


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("text.jpg", b"This is no picture at all.", 415, "not_a_picture"),
        ("empty.jpg", b"", 415, "not_a_picture"),
        ("page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415, "not_a_picture"),
        ("cut.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", 422, "bad_picture"),
        ("bomb.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x7f\xff\xff\xff" * 2 + bytes(9), 413, "picture_too_large"),
        ("huge.jpg", b"\xff\xd8\xff" + bytes(16_000_000), 413, "picture_too_large"),
        ("heap.jpg", b"\xff\xd8\xff" + bytes(60_000_000), 413, "too_large"),
    ],
)
def test_pictures_of_people_that_are_none(site: Site, name: str, content: bytes, status: int, code: str) -> None:
    before = site.state()

    answer = site.admin.post("/api/identities", data={"name": "Ann"}, files={"pictures": (name, content, "image/jpeg")})

    check_problem(answer, status, code)
    assert site.state() == before


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.98])
def test_a_truncated_mp4_is_refused(site: Site, asset: Callable[[str], Path], keep: float) -> None:
    whole = asset("video/talking_head_speech.mp4").read_bytes()
    before = site.state()

    answer = site.admin.post("/api/upload_video", files={"video": ("cut.mp4", whole[: int(len(whole) * keep)], "video/mp4")})

    check_problem(answer, 422, "incomplete_video")
    assert site.state() == before


def test_a_form_with_the_wrong_field_or_two_files_is_refused(site: Site) -> None:
    before = site.state()

    check_problem(site.admin.post("/api/upload_video", files={"film": ("a.mp4", TEXT_AS_MP4)}), 422, "missing_field")
    two = [("video", ("a.mp4", TEXT_AS_MP4)), ("video", ("b.mp4", TEXT_AS_MP4))]
    check_problem(site.admin.post("/api/upload_video", files=two), 422, "too_many_files")
    check_problem(site.admin.post("/api/upload_video", json={}), 415, "not_multipart")
    assert site.state() == before


def test_two_gigabytes_are_refused_before_they_are_read(site: Site) -> None:
    before = site.state()
    head = (
        "POST /api/upload_video HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {MAX_UPLOAD_BYTES + 100_000_000}\r\nX-CSRF-Token: {site.admin.headers['X-CSRF-Token']}\r\n"
        f"Cookie: sightline_session={site.admin.cookies['sightline_session']}\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", site.web.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"--x\r\n")
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 413 ")
    body = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert body["code"] == "too_large" and body["limit_bytes"] == MAX_UPLOAD_BYTES
    assert site.state() == before


def test_two_starts_at_once_are_one_start(site: Site) -> None:
    answers: list[int] = []

    def start() -> None:
        with site.web.logged_in() as client:
            answers.append(client.post("/api/start_camera", json={"camera_index": "demo:?size=320x180&fps=10"}).status_code)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 4
    cameras = site.admin.get("/api/cameras").json()["cameras"]
    assert [c["state"] for c in cameras if c["id"] == "default"] == ["live"]


def test_a_camera_deleted_while_watched_ends_the_stream(site: Site) -> None:
    made = site.admin.post("/api/cameras", json=camera("demo:?size=320x180&fps=10", id="short-lived"))
    assert made.status_code == 201
    site.admin.post("/api/cameras/short-lived/start").raise_for_status()

    with site.web.logged_in() as watcher, watcher.stream("GET", "/api/cameras/short-lived/mjpeg") as stream:
        chunks = stream.iter_bytes()
        assert b"--frame" in next(chunks)
        assert site.admin.delete("/api/cameras/short-lived").status_code == 200
        for _ in chunks:  # ends by itself, and without a broken connection
            pass

    check_problem(site.admin.get("/api/cameras/short-lived"), 404, "camera_not_found")
    assert site.admin.get("/api/cameras/default").json()["state"] == "live"


def test_credentials_of_a_camera_never_come_back(site: Site) -> None:
    address = f"rtsp://admin:{SECRET}@192.0.2.1/live?token={SECRET}"
    made = site.admin.post("/api/cameras", json=camera(address, id="locked", is_running=False))
    assert made.status_code == 201, made.text

    answers = [made, *(site.admin.get(path) for path in ("/api/cameras", "/api/cameras/locked", "/api/cameras/export"))]
    assert all(SECRET not in answer.text for answer in answers)
    assert SECRET in site.admin.get("/api/cameras/export?secrets=1").text
    site.admin.delete("/api/cameras/locked").raise_for_status()
    assert SECRET not in site.web.log


def test_the_server_never_logged_a_stack_trace(site: Site) -> None:
    assert "Traceback" not in site.web.log
