"""The engine's API over its real Unix socket and TCP port."""

import base64
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import httpx
import numpy as np
import pytest

from sightline.media.signing import sign_path
from tests.live_fakes import wait_for

pytestmark = pytest.mark.system


def decoded(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def is_gray(jpeg):
    image = decoded(jpeg).astype(int)
    return bool(abs(image[:, :, 0] - image[:, :, 2]).mean() < 3)


@pytest.fixture
def orange(engine, clip):
    """A source that shows one colour."""
    path = engine.folder / clip.name
    path.write_bytes(clip.read_bytes())
    return str(path)


def test_the_first_start_enters_the_default_camera(engine):
    answer = engine.client.post("/cameras/default/wait?timeout_s=20")
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["kind"], answer.json()["state"]) == ("Default camera", "demo", "live")
    health = engine.client.get("/health").json()
    assert health["status"] == "ok"
    assert health["cameras"]["default"]["newest_frame_age_s"] < 5
    assert health["pid"] == engine.process.pid


def test_a_viewer_gets_every_frame_with_its_time_and_number(engine):
    engine.live("every")
    parts = engine.watch("every").wait(lambda parts: len(parts) >= 30)
    numbers = [part.seq for part in parts]
    assert numbers == sorted(set(numbers))
    assert all(decoded(part.jpeg).shape == (180, 320, 3) for part in parts[:3])
    assert abs(parts[-1].timestamp - time.time()) < 10
    assert 0 <= time.monotonic_ns() - parts[-1].captured_ns < 10e9


def test_a_toggle_shows_within_two_frames(engine, orange):
    engine.live("toggle", orange)
    watcher = engine.watch("toggle")
    watcher.wait(lambda parts: len(parts) >= 5)
    for is_on in (True, False, True, False):
        before = engine.client.get("/cameras/toggle/snapshot?view=raw").json()["seq"]
        assert engine.put("toggle", orange, chain=engine.chain(grayscale=True) if is_on else {}).status_code == 200
        newest = engine.client.get("/cameras/toggle/snapshot?view=raw").json()["seq"]
        parts = watcher.wait(lambda parts, newest=newest: parts[-1].seq >= newest + 4)
        # From the answer on at most two more frames may look the old way.
        assert all(is_gray(part.jpeg) == is_on for part in parts if part.seq > newest + 2)
        assert any(is_gray(part.jpeg) != is_on for part in parts if part.seq <= before)
    status = engine.client.get("/cameras/toggle").json()
    assert status["reconnects"] == 0
    assert status["chain_version"] == 5


def test_every_part_of_a_chain_that_changes_makes_a_new_version(engine):
    engine.live("versions", "demo:?size=160x90&fps=10")
    for change in ({"analysis": "exact"}, {"analysis": "exact", "processing": False}, {"analysis": "beside"}):
        before = engine.client.get("/cameras/versions").json()["chain_version"]
        for _ in range(2):
            assert engine.put("versions", "demo:?size=160x90&fps=10", chain=change).status_code == 200
        assert engine.client.get("/cameras/versions").json()["chain_version"] == before + 1


def test_parameters_take_effect(engine, orange):
    engine.live("params", orange, chain=engine.chain(adjust={"brightness": -100}))
    watcher = engine.watch("params")
    watcher.wait(lambda parts: parts and decoded(parts[-1].jpeg).mean() < 60)
    engine.put("params", orange, chain=engine.chain(adjust={"brightness": 100}))
    watcher.wait(lambda parts: decoded(parts[-1].jpeg).mean() > 120)


def test_fifty_viewers_are_one_encoder(engine):
    engine.live("many")
    watchers = [engine.watch("many") for _ in range(50)]
    for watcher in watchers:
        watcher.wait(lambda parts: len(parts) >= 3)
    status = engine.client.get("/cameras/many").json()
    assert (status["encoders"], status["viewers"]) == (1, 50)
    for watcher in watchers:
        watcher.close()
    wait_for(lambda: engine.client.get("/cameras/many").json()["viewers"] == 0, "the viewers to be gone")


def test_nothing_is_encoded_unwatched(engine):
    engine.live("alone")
    watcher = engine.watch("alone")
    watcher.wait(lambda parts: len(parts) >= 3)
    watcher.close()
    wait_for(lambda: engine.stats("alone")["encoders"] == 0, "the encoder to stop")
    encoded, frames = engine.stats("alone")["encodes_total"], engine.stats("alone")["frames_processed"]
    wait_for(lambda: engine.stats("alone")["frames_processed"] >= frames + 20, "more frames")
    assert engine.stats("alone")["encodes_total"] == encoded


def test_renditions(engine):
    engine.live("sizes")
    small = engine.watch("sizes", "?width=160&quality=30&fps=5").wait(lambda parts: len(parts) >= 3)
    assert decoded(small[-1].jpeg).shape == (90, 160, 3)
    gaps = [b.seq - a.seq for a, b in itertools.pairwise(small[1:])]
    assert all(gap >= 5 for gap in gaps)
    large = engine.watch("sizes", "?view=&width=3840&quality=&fps=").wait(lambda parts: len(parts) >= 1)
    assert decoded(large[-1].jpeg).shape == (180, 320, 3)


def test_a_viewer_of_a_deleted_camera_gets_a_clean_end(engine):
    engine.live("gone")
    watcher = engine.watch("gone")
    watcher.wait(lambda parts: parts)
    assert engine.client.delete("/cameras/gone").status_code == 204
    assert watcher.is_ended.wait(30)
    assert watcher.error is None
    assert engine.client.get("/cameras/gone").status_code == 404
    assert engine.client.delete("/cameras/gone").status_code == 404


def test_a_stopped_camera_keeps_its_viewers(engine):
    engine.live("paused")
    watcher = engine.watch("paused")
    watcher.wait(lambda parts: len(parts) >= 3)
    assert engine.put("paused", is_running=False).json()["state"] == "stopped"
    count = len(watcher.reader.parts)
    watcher.wait(lambda parts: len(parts) >= count + 2)
    assert not watcher.is_ended.is_set()
    assert engine.client.get("/cameras/paused/snapshot").status_code == 409
    assert engine.client.get("/cameras/paused/snapshot").json()["code"] == "no_frame"
    engine.live("paused")
    status = engine.client.get("/cameras/paused").json()
    assert status["state"] == "live"


def test_two_starts_at_once_are_one_camera(engine):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: engine.put("twice"), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    engine.live("twice")
    assert [c["id"] for c in engine.client.get("/cameras").json()["cameras"]].count("twice") == 1
    engine.client.delete("/cameras/twice")


def test_snapshots_of_both_views(engine, orange):
    engine.live("shots", orange, chain=engine.chain(grayscale=True))
    for view, gray in (("processed", True), ("raw", False)):
        snapshot = engine.client.get(f"/cameras/shots/snapshot?view={view}&quality=95").json()
        assert is_gray(base64.b64decode(snapshot["jpeg_base64"])) is gray
        assert (snapshot["view"], snapshot["width"], snapshot["height"]) == (view, 320, 180)


@pytest.mark.parametrize("view", ["processed", "raw"])
@pytest.mark.parametrize(("width", "size"), [(16, (16, 9)), (160, (160, 90)), (320, (320, 180)), (3840, (320, 180))])
def test_a_snapshot_is_scaled_down_and_never_up(engine, orange, view, width, size):
    engine.live("small-shots", orange)
    snapshot = engine.client.get(f"/cameras/small-shots/snapshot?view={view}&width={width}").json()
    height_px, width_px = decoded(base64.b64decode(snapshot["jpeg_base64"])).shape[:2]
    assert (width_px, height_px) == (snapshot["width"], snapshot["height"]) == size


def test_statistics_count_and_reset(engine):
    engine.live("counted", chain=engine.chain(motion_detection=True))
    wait_for(lambda: engine.stats("counted")["frames_processed"] > 10, "frames")
    stats = engine.stats("counted")
    names = {stage["name"]: stage for stage in stats["stages"]}
    assert names["motion_detection"]["kind"] == "analyzer"
    assert {"decode", "paint", "encode"} <= set(names)
    assert engine.client.post("/cameras/counted/stats/reset").status_code == 204
    assert engine.stats("counted")["frames_processed"] < stats["frames_processed"]


def test_motion_is_found_told_and_kept(engine):
    with engine.client.stream("GET", "/feed") as feed:
        lines = (json.loads(line) for line in feed.iter_lines())
        engine.live("moving", chain=engine.chain(motion_detection=True))
        seen: dict[str, dict] = {}
        for line in lines:
            kind = line["type"]
            if kind == "event":
                kind = line["data"]["kind"]
            if line.get("camera") == "moving":
                seen.setdefault(kind, line["data"])
            if {"stats", "findings", "camera", "camera.live", "motion.started"} <= set(seen):
                break
    assert seen["stats"]["camera"] == "moving"
    assert seen["findings"]["findings"][0]["analyzer"] == "motion_detection"
    assert seen["camera"]["id"] == "moving"
    findings = engine.client.get("/cameras/moving/findings").json()["findings"]
    assert findings[0]["size"] == [320, 180]


def test_tracking_needs_a_box_in_the_picture(engine):
    engine.live("track")
    for box, status in (([0, 0, 400, 10], 422), ([5, 5, 5, 5], 422), ("all", 422), ([1, 2, 3], 422), ([0, 0, 50, 50], 409)):
        answer = engine.client.post("/cameras/track/track", json={"box": box})
        assert answer.status_code == status, (box, answer.text)
    assert engine.client.delete("/cameras/track/track").status_code == 204


def test_stages_describe_themselves(engine):
    stages = {stage["name"]: stage for stage in engine.client.get("/stages").json()["stages"]}
    assert stages["grayscale"]["kind"] == "filter"
    assert stages["adjust"]["has_switch"] is False
    brightness = next(p for p in stages["adjust"]["params"] if p["name"] == "brightness")
    assert (brightness["key"], brightness["type"], brightness["minimum"], brightness["maximum"]) == ("brightness", "int", -100, 100)


def test_metrics_are_prometheus_text(engine):
    answer = engine.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'sightline_up{camera="default"} 1.0' in answer.text
    assert 'sightline_stage_ms{camera="default",quantile="0.5",stage="decode"}' in answer.text


BAD_BODIES = [
    ("not json", 422, "bad_json"),
    ("[]", 422, "wrong_type"),
    ("{}", 422, "wrong_type"),
    ('{"source": 5}', 422, "wrong_type"),
    ('{"source": "exec:ls"}', 422, "forbidden_scheme"),
    ('{"source": "demo:", "is_running": "yes"}', 422, "wrong_type"),
    ('{"source": "demo:", "source_options": {"nonsense": 1}}', 422, None),
    ('{"source": "demo:", "chain": {"stages": [{"name": "nonsense"}]}}', 422, "unknown_stage"),
    ('{"source": "demo:", "chain": {"stages": [{"name": "blur", "params": {"nonsense": 1}}]}}', 422, "unknown_option"),
    ('{"source": "demo:", "chain": {"stages": 5}}', 422, "wrong_type"),
    ('{"source": "demo:", "id": "another"}', 422, "bad_id"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES)
def test_a_bad_body_changes_nothing(engine, body, status, code):
    before = engine.client.get("/cameras/default").json()
    answer = engine.client.put("/cameras/default", content=body)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert code is None or problem["code"] == code
    after = engine.client.get("/cameras/default").json()
    assert (after["kind"], after["chain_version"], after["reconnects"]) == ("demo", before["chain_version"], before["reconnects"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/cameras/nobody", 404),
        ("GET", "/cameras/nobody/stats", 404),
        ("POST", "/cameras/nobody/wait", 404),
        ("GET", "/media/nobody/mjpeg", 404),
        ("GET", "/nowhere", 404),
        ("POST", "/health", 405),
        ("PUT", "/cameras/UPPER", 422),
        ("GET", "/media/default/mjpeg?width=15", 422),
        ("GET", "/media/default/mjpeg?width=3841", 422),
        ("GET", "/media/default/mjpeg?quality=0", 422),
        ("GET", "/media/default/mjpeg?quality=x", 422),
        ("GET", "/media/default/mjpeg?fps=0", 422),
        ("GET", "/media/default/mjpeg?fps=nan", 422),
        ("GET", "/media/default/mjpeg?fps=121", 422),
        ("GET", "/media/default/mjpeg?view=naked", 422),
        ("GET", "/cameras/default/snapshot?quality=101", 422),
        ("GET", "/cameras/default/snapshot?width=15", 422),
        ("GET", "/cameras/default/snapshot?width=3841", 422),
        ("GET", "/cameras/default/snapshot?width=wide", 422),
        ("POST", "/cameras/default/wait?timeout_s=-1", 422),
        ("POST", "/probe", 422),
    ],
)
def test_bad_requests_are_problems(engine, method, path, status):
    answer = engine.client.request(method, path, json={} if method in ("PUT", "POST") else None)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["code"]
    assert "Traceback" not in answer.text


def test_a_source_that_does_not_answer_is_named(engine, free_port):
    engine.put("dead", f"{engine.folder}/nothing.mp4")
    answer = engine.client.post("/cameras/dead/wait?timeout_s=10")
    assert (answer.status_code, answer.json()["code"]) == (502, "not_found")
    assert engine.client.get("/health").json()["status"] == "degraded"
    engine.client.delete("/cameras/dead")


def test_the_doctor_examines_a_source(engine):
    report = engine.client.post("/probe", json={"source": "demo:?size=320x180&fps=30"}).json()
    assert report["ok"] is True
    assert (report["width"], report["height"]) == (320, 180)


class TestOverTcp:
    def test_every_route_needs_the_key(self, engine):
        with engine.tcp() as client:
            for method, path in [
                ("GET", "/cameras"),
                ("GET", "/health"),
                ("GET", "/feed"),
                ("GET", "/metrics"),
                ("DELETE", "/cameras/default"),
            ]:
                answer = client.request(method, path)
                assert (answer.status_code, answer.json()["code"]) == (401, "engine_key_required")
        with engine.tcp(**{"X-Sightline-Key": "wrong"}) as client:
            assert client.get("/cameras").status_code == 401
        with engine.tcp(**{"X-Sightline-Key": engine.settings.derived_key("engine")}) as client:
            assert client.get("/cameras").status_code == 200

    def test_a_signed_address_opens_its_picture_and_nothing_else(self, engine):
        engine.live("signed")
        key = engine.settings.derived_key("media")
        good = sign_path(key, "/media/signed/mjpeg?width=160", time.time() + 60)
        with engine.tcp() as client:
            with client.stream("GET", good) as response:
                assert response.status_code == 200
                assert next(response.iter_raw())
            assert client.get(sign_path(key, "/health", time.time() + 60)).status_code == 200
            for bad in (
                good.replace("signed", "default"),
                good + "&quality=90",
                sign_path(key, "/media/signed/mjpeg", time.time() - 1),
                sign_path(key, "/cameras", time.time() + 60),
                sign_path(engine.settings.derived_key("engine"), "/media/signed/mjpeg", time.time() + 60),
            ):
                assert client.get(bad).status_code == 401, bad
            assert client.delete(sign_path(key, "/media/signed/mjpeg", time.time() + 60)).status_code == 401


def test_the_socket_is_for_our_own_user_only(engine):
    path = engine.settings.engine_socket
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_credentials_are_in_no_answer_and_no_log(engine, free_port):
    secret = "p/@ss-w0rd"
    answer = engine.put("secret", f"rtsp://user:{secret}@127.0.0.1:{free_port}/live")
    assert answer.status_code == 200
    engine.client.post("/cameras/secret/wait?timeout_s=5")
    everything = "".join(engine.client.get(path).text for path in ("/cameras", "/cameras/secret", "/health", "/metrics"))
    assert secret not in everything
    assert secret not in (engine.folder / "engine.log").read_text()
    engine.client.delete("/cameras/secret")


def test_a_client_that_goes_in_the_middle_of_things_leaves_no_trace(engine):
    engine.live("rude")
    for _ in range(5):
        with pytest.raises(httpx.ReadTimeout), engine.client.stream("GET", "/media/rude/mjpeg?fps=0.1", timeout=0.2) as response:
            for _ in response.iter_raw():
                pass
    wait_for(lambda: engine.client.get("/cameras/rude").json()["viewers"] == 0, "the viewers to be gone")
