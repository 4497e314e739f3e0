"""The system check: what it finds here, what it says of what is missing or hangs, and that it gives no credential away."""

import os
import shutil
import threading
import time
from dataclasses import replace

import pytest
from pydantic import SecretStr

from sightline.errors import StorageError
from sightline.jobs.presence import ALIVE_S, Presence, workers_alive
from sightline.media.models import ModelStore
from sightline.web.checks import CHECKS, Check, Installation, Line
from sightline.web.checks import programs as programs_module
from sightline.web.checks.models import check_detectors, check_files, check_showcase
from sightline.web.checks.places import check_disk, check_storage
from sightline.web.checks.programs import check_ffmpeg, check_packages
from sightline.web.checks.running import check_carrier, check_engines, check_jobs, check_workers
from sightline.web.doctor_desk import DoctorDesk
from sightline.web.engine_client import Engines
from tests.web.callers import assert_problem, log_in


@pytest.fixture
def here(parts) -> Installation:
    return Installation(parts.settings, parts.database, parts.engines, ModelStore.from_settings(parts.settings))


def only(lines) -> Line:
    (line,) = lines
    return line


def changed(here: Installation, **settings: object) -> Installation:
    return replace(here, settings=here.settings.model_copy(update=settings))


def test_every_line_says_what_it_is_and_what_to_do(operator):
    report = operator.get("/api/v1/doctor?fresh=true").json
    lines = [line for group in report["groups"] for line in group["lines"]]
    assert {"engine_0", "database", "disk", "ffmpeg", "gpu", "detector", "showcase_rooms"} <= {line["name"] for line in lines}
    assert len({line["name"] for line in lines}) == len(lines) == sum(report["counts"].values())
    for line in lines:
        assert line["label"] and line["detail"]
        assert line["state"] == "ok" or (line["changes"] and line["todo"]), line
    assert operator.get("/api/v1/doctor").json["checked_at"] == report["checked_at"], "it is kept for some seconds"


def test_it_is_for_operators(viewer, nobody):
    assert_problem(viewer.get("/api/v1/doctor"), 403)
    assert_problem(nobody.get("/api/v1/doctor"), 401)


def test_no_credential_is_told(lonely_app):
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIAHUSH", "AWS_SECRET_ACCESS_KEY": "hush-aws", "TRITON_URL": "http://me:hush-triton@127.0.0.1:9",
        "RUNPOD_API_KEY": "hush-runpod", "RUNPOD_ENDPOINT_ID": "endpoint", "S3_ENDPOINT_URL": "http://me:hush-s3@127.0.0.1:9",
        "MODELS_MIRROR": "http://me:hush-mirror@127.0.0.1:9",
    }  # fmt: skip
    app = lonely_app(STORAGE_TYPE="s3", S3_BUCKET_NAME="frames", **secrets)
    answer = log_in(app, "admin").get("/api/v1/doctor")
    assert answer.status_code == 200 and "hush" not in answer.text.lower()
    s3 = next(line for group in answer.json["groups"] for line in group["lines"] if line["name"] == "s3")
    assert (s3["state"], s3["changes"]) == ("wrong", "Nothing can be kept, and jobs fail at their end.")


def test_a_check_that_hangs_is_told_and_not_begun_again(here):
    begun, go_on = [], threading.Event()

    def hang(_here):
        begun.append(1)
        go_on.wait(20)
        yield Line("slow", "Slow", "ok", "At last.")

    desk = DoctorDesk(here, (Check("slow", "Places", hang),), limit_s=0.05)
    for _ in range(2):
        (line,) = desk.report(is_fresh=True)["groups"][0]["lines"]
        assert line["state"] == "wrong" and "did not answer" in line["detail"]
    assert len(begun) == 1
    go_on.set()
    desk._looks["slow"].join(20)
    assert DoctorDesk(here, desk._checks, limit_s=20).report()["counts"]["ok"] == 1


def test_a_check_that_fails_is_a_line(here, caplog):
    def refuse(_here):
        raise StorageError("The database does not answer.")

    def crash(_here):
        raise ValueError("hush")

    report = DoctorDesk(here, (Check("one", "Places", refuse), Check("two", "Places", crash))).report()
    one, two = report["groups"][0]["lines"]
    assert (one["state"], one["detail"]) == ("wrong", "The database does not answer.")
    assert two["state"] == "wrong" and "hush" not in two["detail"] and "the check two failed" in caplog.text


def test_checks_have_names_of_their_own():
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_an_engine_that_is_down(here, tmp_path):
    line = only(check_engines(replace(here, engines=Engines((f"unix:{tmp_path}/none.sock",), "key"))))
    assert (line.state, line.detail) == ("wrong", "It does not answer.")


def test_workers_are_seen_while_they_live(here, tmp_path):
    lonely = changed(here, data_dir=tmp_path)
    assert only(check_workers(lonely)).state == "wrong"
    presence = Presence(lonely.settings)
    presence.tell()
    assert only(check_workers(lonely)).state == "ok"
    assert only(check_workers(changed(lonely, job_slots=0))).state == "wrong"
    (sign,) = (tmp_path / "run" / "workers").iterdir()
    old = time.time() - ALIVE_S - 1
    os.utime(sign, (old, old))
    assert workers_alive(lonely.settings) == ()
    presence.tell()
    presence.end()
    assert workers_alive(lonely.settings) == ()


def test_a_full_list_of_jobs_is_told(here, monkeypatch):
    assert only(check_jobs(here)).state == "ok"
    monkeypatch.setattr("sightline.web.checks.running.Jobs.counts", lambda _self: {"queued": 2, "waiting_external": 1})
    line = only(check_jobs(changed(here, jobs_most_open=3)))
    assert line.state == "wrong" and "1 on other machines" in line.detail


@pytest.mark.parametrize(("carrier", "setting"), [("runpod", "RUNPOD_API_KEY"), ("lambda", "LAMBDA_FUNCTION")])
def test_settings_of_a_carrier_that_are_missing(here, carrier, setting):
    line = only(check_carrier(changed(here, job_carrier=carrier, storage_type="s3", s3_bucket="results")))
    assert (line.state, line.todo) == ("wrong", "Correct the setting.") and setting in line.detail


def test_a_carrier_that_does_not_answer(here, free_port):
    here = changed(here, job_carrier="runpod", storage_type="s3", s3_bucket="results", runpod_endpoint_id="one")
    address = f"http://127.0.0.1:{free_port}"
    line = only(check_carrier(changed(here, runpod_endpoint_base_url=address, runpod_api_key=SecretStr("hush"))))
    assert line.state == "wrong" and "RunPod does not answer" in line.detail


def test_celery_without_its_redis(here):
    line = only(check_carrier(changed(here, job_carrier="celery", redis_url="redis://:hush@127.0.0.1:1/0")))
    assert line.state == "wrong" and "hush" not in line.detail


def test_no_ffmpeg_and_one_that_lacks_something(here, tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'ffmpeg version 9.9 built'\necho ' V..... libx264 H.264'\necho ' ... xfade VV->V'\n")
    program.chmod(0o755)
    monkeypatch.setattr(programs_module, "ffmpeg", lambda: str(program))
    line = only(check_ffmpeg(here))
    assert line.state == "better" and "9.9" in line.detail and "HDR" in line.changes and "zscale" in line.todo
    program.write_text("#!/bin/sh\necho 'ffmpeg version 9.9 built'\n")
    assert only(check_ffmpeg(here)).state == "wrong"
    monkeypatch.setattr(programs_module, "ffmpeg", lambda: str(tmp_path / "none"))
    assert only(check_ffmpeg(here)).state == "wrong"


def test_a_package_that_a_setting_asks_for(here, monkeypatch):
    monkeypatch.setattr(programs_module, "find_spec", lambda _name: None)
    lines = {line.name: line for line in check_packages(changed(here, job_carrier="celery"))}
    assert (lines["package_celery"].state, lines["package_tritonclient"].state) == ("wrong", "ok")
    assert lines["package_torch"].state == "better" and lines["package_torch"].command.startswith("pip install")


def test_disk_near_its_reserve(here):
    assert only(check_disk(changed(here, disk_reserve_bytes=10**18))).state == "wrong"
    free_bytes = shutil.disk_usage(here.settings.data_dir).free
    assert only(check_disk(changed(here, disk_reserve_bytes=free_bytes // 2))).state == "better"


def test_local_storage_and_a_bucket_for_uploads(here):
    local, bucket = check_storage(changed(here, s3_bucket="frames", s3_endpoint_url="http://127.0.0.1:1"))
    assert (local.state, bucket.state, bucket.changes) == ("ok", "wrong", "Cloud uploads wait until it answers.")


def test_missing_and_damaged_weight_files(here, tmp_path):
    bare = replace(here, models=ModelStore(tmp_path))
    detector = only(check_detectors(bare))
    assert (detector.state, detector.page) == ("wrong", "models") and "fetch yolox_nano" in detector.command
    assert all(line.state == "better" and line.page == "models" for line in check_files(bare))
    assert any(line.state == "better" and line.command for line in check_showcase(bare))
    yolox = bare.models.model("yolox_nano")
    (tmp_path / yolox.file).write_bytes(b"short")
    damaged = [line for line in check_files(bare) if line.state == "wrong"]
    assert [line.name for line in damaged] == ["model_yolox_nano"] and "download it again" in damaged[0].todo
