"""Cameras from birth to end, options and chain, the short routes of the default camera, export and import, accounts."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from sightline.web.services import EXTENSION
from tests.web.callers import Caller, assert_problem, log_in

DEMO = "demo:?size=320x180&fps=15"


def test_a_camera_from_its_birth_to_its_end(admin: Caller, wait_until: Callable[..., None]) -> None:
    made = admin.post("/api/cameras", {"name": "Tür 1", "source": DEMO, "options": {"grayscale": True}})
    assert made.status_code == 201
    camera = made.json
    assert camera["id"] == "tur-1" and camera["options"]["grayscale"] is True and camera["is_default"] is False
    path = f"/api/cameras/{camera['id']}"

    assert admin.post(f"{path}/start").json["state"] == "live"
    live = admin.get(path).json
    assert (live["width"], live["height"], live["kind"]) == (320, 180, "demo") and live["mjpeg_url"] == f"{path}/mjpeg"
    assert admin.post(f"{path}/stop").json["is_running"] is False
    wait_until(lambda: admin.get(path).json["state"] == "stopped")
    assert admin.patch(path, {"name": "Back door", "source_options": {"loop": False}}).json["name"] == "Back door"
    assert admin.get(path).json["source_options"] == {"loop": False}
    assert admin.delete(path).json["success"] is True
    assert_problem(admin.get(path), 404, "camera_not_found")
    assert_problem(admin.post(f"{path}/start"), 404, "camera_not_found")


def test_a_source_that_gives_no_picture_is_named(admin: Caller) -> None:
    admin.post("/api/cameras", {"name": "Dead", "id": "dead", "source": "rtsp://127.0.0.2:9/x", "is_running": False})
    answer = admin.get("/api/cameras/dead")
    assert answer.status_code == 404  # this machine itself is refused, see CAMERA_ALLOW_LOOPBACK

    made = admin.post("/api/cameras", {"name": "Dead", "id": "dead", "source": "/dev/video77", "is_running": False})
    assert made.status_code == 201
    assert_problem(admin.post("/api/cameras/dead/start"), 502, "not_found")
    admin.delete("/api/cameras/dead")


def test_the_short_routes_drive_the_default_camera(operator: Caller, wait_until: Callable[..., None]) -> None:
    options = operator.get("/api/get_options").json
    names = (
        "face_detection edge_detection blur grayscale motion_detection object_tracking object_detection pose_estimation "
        "advanced_analysis brightness contrast saturation"
    )
    assert set(names.split()) <= options.keys()

    changed = operator.post("/api/update_options", {"grayscale": True, "brightness": 20}).json
    assert changed["success"] and changed["options"]["brightness"] == 20 and changed["options"]["grayscale"] is True
    assert operator.get("/api/cameras/default/options").json == changed["options"]
    assert operator.patch("/api/cameras/default/options", {"grayscale": False, "brightness": 0}).json["grayscale"] is False

    assert operator.post("/api/toggle_processing", {}).json["processing_enabled"] is False
    assert operator.get("/api/stats").json["processing_enabled"] is False
    assert operator.post("/api/toggle_processing", {"enabled": True}).json["processing_enabled"] is True

    assert operator.post("/api/stop_camera").json["success"] is True
    wait_until(lambda: operator.get("/api/cameras/default").json["state"] == "stopped")
    assert_problem(operator.post("/api/save_frame", {}), 409, "no_frame")
    started = operator.post("/api/start_camera", {"source": DEMO})
    assert started.status_code == 200 and started.json["camera"]["state"] == "live"
    assert operator.post("/api/reset_stats").json["success"] is True
    assert {"frames_processed", "fps", "latency_ms", "stages", "runtime_seconds"} <= operator.get("/api/stats").json.keys()


def test_only_an_admin_gives_the_default_camera_another_source(operator: Caller, admin: Caller) -> None:
    assert_problem(operator.post("/api/start_camera", {"source": "demo:"}), 403, "role_too_low")
    assert admin.get("/api/cameras/default").json["source"] == DEMO

    changed = admin.post("/api/start_camera", {"camera_index": "demo:?size=160x90&fps=15"})
    assert changed.json["camera"]["width"] == 160
    assert admin.post("/api/start_camera", {"source": DEMO}).json["camera"]["width"] == 320


def test_tracking_turns_its_stage_on_and_off(operator: Caller) -> None:
    assert operator.post("/api/start_tracking", {"bbox": [100, 60, 80, 60]}).json["success"] is True
    assert operator.get("/api/get_options").json["object_tracking"] is True
    assert operator.post("/api/stop_tracking").json["success"] is True
    assert operator.get("/api/get_options").json["object_tracking"] is False

    assert_problem(operator.post("/api/start_tracking", {"bbox": [300, 60, 80, 60]}), 422, "bad_box")
    assert operator.get("/api/get_options").json["object_tracking"] is False


def test_the_whole_chain_can_be_replaced(admin: Caller) -> None:
    before = admin.get("/api/cameras/default/chain").json
    stages = [{"name": "sepia", "enabled": True, "params": {"strength": 0.5}}, {"name": "blur", "enabled": True}]

    after = admin.send("PUT", "/api/cameras/default/chain", {"stages": stages}).json

    assert [stage["name"] for stage in after["stages"][:2]] == ["sepia", "blur"] and after["stages"][0]["params"]["strength"] == 0.5
    assert admin.get("/api/get_options").json["sepia"] is True
    assert admin.send("PUT", "/api/cameras/default/chain", before).json == before


def test_stages_and_what_is_available(viewer: Caller) -> None:
    stages = {stage["name"]: stage for stage in viewer.get("/api/stages").json["stages"]}
    assert {"grayscale", "motion_detection", "adjust"} <= stages.keys()
    assert stages["adjust"]["has_switch"] is False and {"available", "reason", "licence", "params"} <= stages["blur"].keys()
    advanced = viewer.get("/api/advanced_options").json
    assert advanced["cloud"]["available"] is False and "S3_BUCKET_NAME" in advanced["cloud"]["reason"]
    assert {stage["name"] for stage in advanced["stages"]} == stages.keys()


def test_stages_are_the_same_whether_the_engine_or_the_web_tells(lonely_app: Any, viewer: Caller) -> None:
    told_here = log_in(lonely_app(), "admin").get("/api/stages").json["stages"]
    told_there = viewer.get("/api/stages").json["stages"]

    def plain(stages: list[dict[str, Any]]) -> list[Any]:
        kept = ("name", "kind", "label", "has_switch", "licence", "uses", "rate_hz")
        return [
            [*(stage[k] for k in kept), [(p["key"], p["type"], p["default"], p["choices"]) for p in stage["params"]]]
            for stage in stages
        ]

    assert plain(told_here) == plain(told_there)


def test_the_doctor_examines_a_source(admin: Caller) -> None:
    report = admin.post("/api/cameras/probe", {"camera": "default"}).json

    assert report["ok"] is True and {check["name"] for check in report["checks"]} >= {"address", "first_picture"}
    assert (report["width"], report["height"]) == (320, 180)


def test_without_an_engine_what_is_configured_still_can_be_changed(lonely_app: Any) -> None:
    app: Flask = lonely_app()
    admin = log_in(app, "admin")
    made = admin.post("/api/cameras", {"name": "Later", "source": "demo:", "id": "later"})
    assert made.status_code == 201 and made.json["reason"] == "engine_unavailable" and made.json["state"] == "idle"

    assert admin.patch("/api/cameras/later/options", {"blur": True}).json["blur"] is True
    assert_problem(admin.post("/api/cameras/later/start"), 503, "engine_unavailable")
    assert_problem(admin.get("/api/cameras/later/stats"), 503, "engine_unavailable")
    assert admin.get("/api/cameras").json["cameras"][0]["options"]["blur"] is True
    health = admin.get("/health/readiness")
    assert health.status_code == 503 and health.json["failing"] == ["engine"]
    assert admin.get("/health/liveness").status_code == 200
    assert 'sightline_web_engine_up{engine="0"} 0.0' in admin.get("/metrics").text
    assert app.extensions[EXTENSION].cameras.get("later").chain["stages"]


def test_an_import_with_one_bad_camera_adds_none(lonely_app: Any) -> None:
    caller = log_in(lonely_app(), "admin")
    cameras = [{"id": "good", "name": "Good", "source": "demo:"}, {"id": "bad", "name": "two\nlines", "source": "demo:"}]

    assert_problem(caller.post("/api/cameras/import", {"cameras": cameras}), 422, "bad_name")

    assert caller.get("/api/cameras").json == {"cameras": []}


def test_export_and_import_move_cameras(lonely_app: Any) -> None:
    here, there = log_in(lonely_app(), "admin"), log_in(lonely_app(), "admin")
    source = "rtsp://ann:p/@ss@192.0.2.7/live"
    here.post("/api/cameras", {"name": "Gate", "id": "gate", "source": source, "is_running": False, "options": {"sepia": True}})
    here.post("/api/cameras", {"name": "Demo", "id": "show", "source": "demo:", "is_running": False})

    shown = here.get("/api/cameras/export").json
    assert "p/@ss" not in str(shown) and shown["with_secrets"] is False
    assert_problem(there.post("/api/cameras/import", {"cameras": shown["cameras"]}), 422, "bad_import")
    assert there.get("/api/cameras").json["cameras"] == []

    full = here.get("/api/cameras/export?secrets=1").json
    answer = there.post("/api/cameras/import", {"cameras": full["cameras"]}).json
    assert answer["added"] == ["gate", "show"]
    assert there.get("/api/cameras/export?secrets=1").json["cameras"] == full["cameras"]
    assert there.get("/api/cameras/gate").json["options"]["sepia"] is True
    again = there.post("/api/cameras/import", {"cameras": full["cameras"]}).json
    assert again["added"] == [] and again["left_alone"] == ["gate", "show"]

    # A document without passwords keeps those that are known here.
    shown["cameras"][0]["name"] = "Main gate"
    assert there.post("/api/cameras/import", {"cameras": shown["cameras"], "replace": True}).json["changed"] == ["gate", "show"]
    assert there.get("/api/cameras/export?secrets=1").json["cameras"][0] == {**full["cameras"][0], "name": "Main gate"}


def test_accounts(lonely_app: Any) -> None:
    app = lonely_app()
    admin = log_in(app, "admin")
    made = admin.post("/api/users", {"username": "olga", "password": "long enough 1", "role": "operator", "cameras": ["gate"]})
    assert made.status_code == 201 and made.json["cameras"] == ["gate"] and "password" not in made.text
    path = f"/api/users/{made.json['id']}"

    assert_problem(admin.post("/api/users", {"username": "olga", "password": "long enough 1"}), 409, "user_exists")
    assert admin.patch(path, {"cameras": None, "role": "viewer"}).json["cameras"] is None
    assert_problem(admin.patch(path, {"role": None}), 422)
    assert admin.patch(path, {"password": "another long one"}).status_code == 200
    log_in(app, "olga", "another long one")
    assert [user["username"] for user in admin.get("/api/users").json["users"]] == ["admin", "olga"]
    assert admin.delete(path).json["success"] is True
    assert_problem(admin.delete(path), 404, "user_not_found")


def test_health_and_metrics(nobody: Caller, viewer: Caller, operator: Caller) -> None:
    for path in ("/health", "/health/", "/health/readiness", "/api/health"):
        answer = nobody.get(path)
        assert answer.status_code == 200 and answer.json["failing"] == [] and "cameras" not in answer.json
    assert "cameras" not in nobody.get("/health/detailed").json
    assert viewer.get("/health/detailed").json["cameras"]["default"]["newest_frame_age_s"] < 5
    metrics = operator.get("/metrics")
    assert metrics.content_type.startswith("text/plain")
    assert 'sightline_web_requests_total{endpoint="operations.health"' in metrics.text and "sightline_web_engine_up" in metrics.text


@pytest.mark.parametrize("path", ["/api/stream_config"])
def test_the_stream_settings_of_this_run(admin: Caller, path: str) -> None:
    before = admin.get(path).json
    changed = admin.post(path, {"s3_bucket": "my-bucket", "streaming_enabled": True}).json

    assert changed["s3_bucket"] == "my-bucket" and changed["streaming_enabled"] is True
    assert admin.get("/api/advanced_options").json["cloud"]["available"] is True
    assert set(before) == {"kinesis_stream", "s3_bucket", "aws_region", "streaming_enabled"}
    admin.post(path, before)
    assert admin.get(path).json == before
