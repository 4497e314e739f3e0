"""The image of RunPod's machines: its handler, run as the image runs it, and its Dockerfile."""

import json
import os
import re
import subprocess
import sys

import pytest
from moto.server import ThreadedMotoServer

import analyzers
from sightline.jobs.execute import execute
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.payload import payload_of
from sightline.jobs.remote.sending import remote_task
from sightline.records.jobs import JobInput, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import results_storage
from sightline.storage.contract import sha256_of
from tests.clips import make_clip
from tests.jobs.job_kinds import office  # noqa: F401 - fixture

pytestmark = pytest.mark.system
analyzers.load(entry_points=False)


@pytest.fixture
def there(tmp_path):
    """The environment of a machine, with a bucket."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    host, port = moto.get_host_and_port()
    environ = {
        "STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "results", "S3_ENDPOINT_URL": f"http://{host}:{port}", "DISK_RESERVE": "0",
        "AWS_ACCESS_KEY_ID": "key-id", "AWS_SECRET_ACCESS_KEY": "very-secret", "DATA_DIR": str(tmp_path / "machine"),
    }  # fmt: skip
    results_storage(Settings.from_env(environ))._client.create_bucket(Bucket="results")
    yield environ
    moto.stop()


def run(root, environ, job) -> tuple[int, list[dict], str]:
    """Exit code of the handler, what it said to RunPod, and its log."""
    command = [sys.executable, "-m", "tests.stand_ins.runpod_machine", json.dumps(job)]
    done = subprocess.run(command, cwd=root, env=os.environ | environ, capture_output=True, text=True, timeout=110)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_package_made_there_is_the_one_made_here(root, there, office):  # noqa: F811
    clip = make_clip(office.settings.data_dir / "uploads" / "clip.mp4", 30)
    one = JobInput("My clip.mp4", "uploads/clip.mp4", sha256_of(clip)[0], clip.stat().st_size)
    params = {"width_px": 320, "height_px": 240, "clip_s": 1.0, "model": "hog"}
    job_id = office.jobs.add(NewJob("annotation", [one], params, None, 300.0))[0].id
    job = office.claim(job_id)
    task = remote_task(job)
    storage = results_storage(Settings.from_env(there))
    storage.put(task.inputs[0].origin.removeprefix("storage:"), clip, "video/mp4")

    code, said, log = run(root, there, {"id": "run-1", "input": payload_of(task)})
    assert code == 0, log
    assert said[-1]["answer"]["state"] == "succeeded", log
    progress = [line["progress"] for line in said[:-1]]
    assert [one["seq"] for one in progress] == list(range(1, len(progress) + 1))
    assert {line["of"] for line in said[:-1]} == {"run-1"}
    result = AttemptFiles(storage, job_id, job.attempt).result()
    assert execute(job_id, job.attempt, office.settings, office.database) == JobState.SUCCEEDED
    ours = {output.name: output.sha256 for output in office.jobs.get(job_id).outputs}
    assert {output.name: output.sha256 for output in result.outputs} == ours


@pytest.mark.parametrize(("payload", "words"), [({}, "no job of Sightline"), ({"version": 99}, "another version")])
def test_what_is_no_job_is_told_to_runpod(root, there, payload, words):
    code, said, _log = run(root, there, {"id": "run-1", "input": payload})
    assert code == 0
    assert words in said[-1]["answer"]["error"]


@pytest.mark.parametrize("change", [{"STORAGE_TYPE": "local"}, {"JOB_SLOTS": "many"}])
def test_a_machine_with_wrong_settings_does_not_start(root, there, change):
    code, said, log = run(root, {**there, **change}, {"id": "run-1", "input": {}})
    assert (code, said) == (2, [])
    assert next(iter(change)) in log


def test_a_bucket_that_is_away_is_told_without_credentials(root, there, free_port):
    payload = {"version": 1, "job_id": "a1b2c3d4", "attempt": 1, "kind": "transcode", "params": {}, "inputs": []}
    code, said, log = run(root, {**there, "S3_ENDPOINT_URL": f"http://127.0.0.1:{free_port}"}, {"id": "run-1", "input": payload})
    assert (code, "s3_unreachable" in said[-1]["answer"]["error"]) == (0, True)
    assert "very-secret" not in log


def test_the_image_is_not_root_and_has_all_that_the_handler_needs(root):
    text = (root / "infrastructure" / "runpod" / "Dockerfile").read_text()
    stages = text.split("\nFROM ")
    assert re.findall(r"^USER (\S+)", stages[-1], re.M) == ["sightline"]
    assert "--no-deps -r /requirements.lock" in text
    copied = [line.split()[1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    assert [path for path in copied if not (root / path).exists()] == []
    allowed = [line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [path for path in copied if not any(entry.startswith(path) or path.startswith(entry) for entry in allowed)] == []
    assert {"sightline", "analyzers", "models", "infrastructure/runpod/handler.py"} <= set(copied)


def test_the_image_locks_what_it_adds(root):
    added = (root / "infrastructure" / "runpod" / "requirements.lock").read_text().splitlines()
    assert [line for line in added if not re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)] == []
    ours = {line.split("==")[0] for line in (root / "requirements.lock").read_text().splitlines()}
    assert {line.split("==")[0] for line in added} & ours == set()
