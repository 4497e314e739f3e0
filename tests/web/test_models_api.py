"""The weight files: listed, downloaded, cancelled, verified, removed, brought from a mirror."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from flask import Flask
from moto.server import ThreadedMotoServer

from sightline.storage.model_mirror import model_store
from tests.model_server import WEIGHTS, ModelServer, entry, running_server, write_manifest
from tests.web.callers import Caller, assert_problem, log_in
from tests.web.fake_engine import FakeEngine, says

STAGES = [
    {"name": "object_detection", "label": "Objects", "available": True, "is_hidden": False},
    {"name": "other", "label": "Other", "available": False, "is_hidden": False},
]
RUNNING = [{"file": "tiny.onnx", "backend": "CPU", "p50_ms": 4.5, "p95_ms": 5.5, "rate_hz": 5.0}]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with running_server() as running:
        yield running


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    engine = FakeEngine(tmp_path / "fake" / "e.sock")
    engine.answers["/stages"] = says({"stages": STAGES})
    engine.answers["/models"] = says({"running": RUNNING})
    engine.answers["/models/changed"] = says({})
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def heard() -> list[dict[str, Any]]:
    """The `model` events of the app that `build` makes."""
    return []


@pytest.fixture
def build(
    fake: FakeEngine, lonely_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: list[dict[str, Any]]
) -> Callable[..., Caller]:
    """An app with a manifest of these entries, and its admin."""

    def make(*entries: str, **changes: str) -> Caller:
        path = write_manifest(tmp_path, *entries)
        monkeypatch.setattr("sightline.web.services.model_store", lambda settings: replace(model_store(settings), manifest=path))
        app = lonely_app(ENGINES=fake.address, MODELS_DIR=str(tmp_path / "models"), **changes)
        monkeypatch.setattr(app.extensions["sightline.sockets"], "emit", lambda kind, data: heard.append({"kind": kind, **data}))
        return log_in(app, "admin")

    return make


def model(caller: Caller, name: str = "tiny") -> dict[str, Any]:
    return next(one for one in caller.get("/api/models").json["models"] if one["name"] == name)


def test_what_there_is_and_what_uses_it(build: Callable[..., Caller], server: ModelServer, tmp_path: Path) -> None:
    admin = build(entry(f"{server.url}/good/tiny.onnx"), entry("", "bound", is_extra=True), entry("", "mine", is_own=True))
    answer = admin.get("/api/models").json
    assert [one["name"] for one in answer["models"]] == ["tiny", "bound", "mine"]
    assert answer["has_mirror"] is False and answer["sync"]["state"] == "idle"
    tiny = answer["models"][0]
    assert (tiny["state"], tiny["licence"], tiny["bytes"], tiny["places"]) == ("missing", "MIT", len(WEIGHTS), ["Internet"])
    assert tiny["stages"] == STAGES[:1] and tiny["can_remove"] is False
    assert tiny["running"] == RUNNING[0]
    bound = answer["models"][1]
    assert bound["is_extra"] and bound["places"] == [] and bound["source"] and bound["running"] is None
    assert str(tmp_path) not in str(answer) and server.url not in str(answer)


def test_a_download_from_start_to_end(
    build: Callable[..., Caller], server: ModelServer, heard: list[dict[str, Any]], fake: FakeEngine,
    wait_until: Callable[..., None], tmp_path: Path,
) -> None:  # fmt: skip
    admin = build(entry(f"{server.url}/slow/tiny.onnx"))
    answer = admin.post("/api/models/tiny/download", {})
    assert answer.status_code == 202 and answer.json["licence"] == "MIT"
    wait_until(lambda: 0 < model(admin)["done_bytes"] < len(WEIGHTS), what="some progress")
    assert model(admin)["state"] == "downloading"
    assert_problem(admin.post("/api/models/tiny/download", {}), 409, "already_downloading")
    assert_problem(admin.delete("/api/models/tiny"), 409, "already_downloading")
    server.release.set()
    wait_until(lambda: heard and heard[-1]["state"] == "ready")
    assert [event["kind"] for event in heard] == ["model"] * len(heard)
    done = [event["done_bytes"] for event in heard]
    assert done == sorted(done) and done[-1] == heard[-1]["total_bytes"] == len(WEIGHTS)
    assert (model(admin)["state"], model(admin)["can_remove"]) == ("here", True)
    assert ("POST", "/models/changed", {"stages": ["object_detection"]}) in fake.requests
    assert (tmp_path / "models" / "tiny.onnx").read_bytes() == WEIGHTS


def test_a_download_that_fails_says_why_until_it_is_tried_again(
    build: Callable[..., Caller], server: ModelServer, heard: list[dict[str, Any]], wait_until: Callable[..., None]
) -> None:
    admin = build(entry(f"{server.url}/good/missing/tiny.onnx".replace("good", "absent")))
    admin.post("/api/models/tiny/download", {})
    wait_until(lambda: heard and heard[-1]["state"] == "failed")
    assert "404" in heard[-1]["message"]
    assert model(admin)["state"] == "failed" and "404" in model(admin)["message"]
    heard.clear()
    admin.post("/api/models/tiny/download", {})
    wait_until(lambda: heard and heard[-1]["state"] == "failed")


def test_a_download_is_cancelled(
    build: Callable[..., Caller], server: ModelServer, heard: list[dict[str, Any]], wait_until: Callable[..., None], tmp_path: Path
) -> None:
    admin = build(entry(f"{server.url}/slow/tiny.onnx"))
    assert_problem(admin.post("/api/models/tiny/cancel", {}), 409, "not_downloading")
    admin.post("/api/models/tiny/download", {})
    wait_until(lambda: model(admin)["done_bytes"] > 0)
    assert admin.post("/api/models/tiny/cancel", {}).status_code == 202
    wait_until(lambda: heard[-1]["state"] == "cancelled")
    assert model(admin)["state"] == "missing"
    assert list((tmp_path / "models").iterdir()) == []


def test_a_binding_licence_needs_a_yes(
    build: Callable[..., Caller], server: ModelServer, heard: list[dict[str, Any]], wait_until: Callable[..., None]
) -> None:
    admin = build(entry(f"{server.url}/good/tiny.onnx", is_extra=True))
    problem = assert_problem(admin.post("/api/models/tiny/download", {}), 409, "licence_not_accepted")
    assert problem["licence"] == "AGPL-3.0"
    assert_problem(admin.post("/api/model_download", {"name": "tiny"}), 409, "licence_not_accepted")
    assert heard == []
    assert admin.post("/api/models/tiny/download", {"accept_licence": True}).status_code == 202
    wait_until(lambda: heard and heard[-1]["state"] == "ready")


def test_a_damaged_file_is_told_from_a_whole_one(build: Callable[..., Caller], server: ModelServer, tmp_path: Path) -> None:
    admin = build(entry(f"{server.url}/good/tiny.onnx"))
    file = tmp_path / "models" / "tiny.onnx"
    file.parent.mkdir()
    assert admin.post("/api/models/tiny/verify", {}).json["verdict"] == "missing"
    file.write_bytes(WEIGHTS[:-1])
    assert model(admin)["state"] == "damaged"
    file.write_bytes(WEIGHTS[::-1])
    assert (model(admin)["state"], model(admin)["verdict"]) == ("here", None)
    assert admin.post("/api/models/tiny/verify", {}).json["success"] is False
    assert model(admin)["state"] == "damaged"
    file.write_bytes(WEIGHTS)
    assert admin.post("/api/models/tiny/verify", {}).json["verdict"] == "good"
    assert (model(admin)["state"], model(admin)["verdict"]) == ("here", "good")


def test_a_file_is_removed_but_not_from_the_mirror(
    build: Callable[..., Caller], tmp_path: Path, heard: list[dict[str, Any]], fake: FakeEngine
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "tiny.onnx").write_bytes(WEIGHTS)
    admin = build(entry(""), entry("", "other"), MODELS_MIRROR=str(mirror))
    assert (model(admin)["state"], model(admin)["can_remove"]) == ("mirror", False)
    assert_problem(admin.delete("/api/models/tiny"), 409, "model_in_mirror")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "other.onnx").write_bytes(WEIGHTS)
    assert admin.delete("/api/models/other").json["success"]
    assert model(admin, "other")["state"] == "missing" and heard[-1]["state"] == "removed"
    assert ("POST", "/models/changed", {"stages": ["object_detection"]}) in fake.requests
    assert_problem(admin.delete("/api/models/other"), 404, "model_not_here")


def test_everything_of_a_mirror_is_brought(
    build: Callable[..., Caller], server: ModelServer, heard: list[dict[str, Any]], wait_until: Callable[..., None]
) -> None:
    server.files |= {"tiny.onnx": WEIGHTS, "broken.onnx": WEIGHTS[::-1], "bound.onnx": WEIGHTS}
    entries = entry(""), entry("", "broken"), entry("", "bound", is_extra=True), entry("", "absent")
    admin = build(*entries, MODELS_MIRROR=f"{server.url}/mirror")
    assert admin.post("/api/models/sync", {}).status_code == 202
    wait_until(lambda: heard and heard[-1]["state"] == "synced")
    answer = admin.get("/api/models").json
    assert answer["sync"]["state"] == "failed" and list(answer["sync"]["failed"]) == ["broken"]
    assert "1 brought" in answer["sync"]["message"] and "1 left out" in heard[-1]["message"]
    states = {one["name"]: one["state"] for one in answer["models"]}
    assert states == {"tiny": "here", "broken": "failed", "bound": "missing", "absent": "missing"}


def test_everything_of_a_bucket_is_brought(
    build: Callable[..., Caller], heard: list[dict[str, Any]], wait_until: Callable[..., None], tmp_path: Path
) -> None:
    s3 = ThreadedMotoServer("127.0.0.1", 0)
    s3.start()
    try:
        host, port = s3.get_host_and_port()
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        with closing(boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)) as client:
            client.create_bucket(Bucket="weights")
            client.put_object(Bucket="weights", Key="v1/tiny.onnx", Body=WEIGHTS)
        access = {name.upper(): value for name, value in keys.items()} | {"S3_ENDPOINT_URL": f"http://{host}:{port}"}
        admin = build(entry(""), entry("", "absent"), MODELS_MIRROR="s3://weights/v1", **access)
        assert admin.get("/api/models").json["models"][0]["places"] == ["Mirror bucket"]
        assert admin.post("/api/models/sync", {}).status_code == 202
        wait_until(lambda: heard and heard[-1]["state"] == "synced")
        assert heard[-1]["message"] == "1 brought, 0 here already, 1 not in the mirror."
        assert (tmp_path / "models" / "tiny.onnx").read_bytes() == WEIGHTS
    finally:
        s3.stop()


def test_without_a_mirror_there_is_nothing_to_bring(build: Callable[..., Caller]) -> None:
    assert_problem(build(entry("")).post("/api/models/sync", {}), 409, "no_mirror")


def test_a_mirror_that_is_away_is_said_so(
    build: Callable[..., Caller], heard: list[dict[str, Any]], wait_until: Callable[..., None]
) -> None:
    admin = build(entry(""), MODELS_MIRROR="http://user:secret@127.0.0.1:1/")
    admin.post("/api/models/sync", {})
    wait_until(lambda: heard and heard[-1]["state"] == "synced")
    assert "cannot be reached" in heard[-1]["message"] and "secret" not in heard[-1]["message"]


def test_names_that_do_not_exist(build: Callable[..., Caller]) -> None:
    admin = build(entry(""))
    for path in ("nothing/download", "nothing/cancel", "nothing/verify", "..%2f..%2fetc/verify"):
        assert admin.post(f"/api/models/{path}", {}).status_code == 404, path
    assert_problem(admin.delete("/api/models/nothing"), 404, "model_not_found")
    assert_problem(admin.post("/api/model_download", {"name": "nothing"}), 404, "model_not_found")
    assert_problem(admin.post("/api/model_download", {}), 404, "model_not_found")


def test_the_page_works_while_the_engine_is_down(build: Callable[..., Caller], fake: FakeEngine) -> None:
    admin = build(entry(""))
    fake.stop()
    assert model(admin)["running"] is None
    assert [stage["name"] for stage in model(admin)["stages"]] == ["object_detection"]


def test_everybody_may_look_and_only_admins_may_change(viewer: Caller, operator: Caller) -> None:
    assert len(viewer.get("/api/models").json["models"]) > 20
    for caller in (viewer, operator):
        assert_problem(caller.post("/api/models/yolox_nano/download", {}), 403, "role_too_low")
        assert_problem(caller.delete("/api/models/yolox_nano"), 403, "role_too_low")
