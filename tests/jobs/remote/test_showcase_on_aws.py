"""A worker process, a bucket, and AWS whose functions and containers are processes: a showcase goes there and comes back, once."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sightline.records.database import Database
from sightline.records.jobs import ENDED, JobInput, Jobs, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import results_storage
from tests.clips import make_clip
from tests.jobs.remote.aws_world import MACHINE, SHOWCASE_MACHINE, asl
from tests.live_fakes import wait_for
from tests.stand_ins.aws_server import AwsServer
from tests.stand_ins.aws_tasks import container_process, resources
from tests.stand_ins.lambda_runtime import LambdaRuntime, in_process
from tests.stand_ins.states import StateMachines

pytestmark = [pytest.mark.system, pytest.mark.timeout(500)]
ROOT = Path(__file__).resolve().parents[3]
PARAMS = {"model": "none", "target_s": 4.0, "shot_s": 1.0, "shapes": ["16:9"], "short_side_px": 144, "titles": False}
LONGEST_S = 400


@pytest.fixture
def bucket(s3) -> dict[str, str]:
    s3.start(with_bucket=False)
    httpx.put(f"{s3.url}/results", timeout=10).raise_for_status()
    return {
        "STORAGE_TYPE": "s3", "S3_BUCKET_RESULTS": "results", "S3_ENDPOINT_URL": s3.url, "AWS_ACCESS_KEY_ID": "key-id",
        "AWS_SECRET_ACCESS_KEY": "very-secret", "DISK_RESERVE": "0",
    }  # fmt: skip


@pytest.fixture
def aws(bucket, tmp_path):
    there = {**os.environ, **bucket, "PYTHONPATH": str(ROOT)}
    names = ("probe", "analyze_clip", "run_job")
    functions = {
        name: in_process(f"lambda_functions.{name}.handler", {**there, "DATA_DIR": str(tmp_path / "lambda")}) for name in names
    }
    runtime = LambdaRuntime(functions)
    container = container_process({**there, "DATA_DIR": str(tmp_path / "fargate")})
    machines = StateMachines(resources(runtime, container), {MACHINE: asl("job"), SHOWCASE_MACHINE: asl("showcase")})
    with AwsServer(runtime, machines).serving() as server:
        yield server


@pytest.fixture
def environ(bucket, aws, tmp_path) -> dict[str, str]:
    """Of our side."""
    return {
        **bucket, "AWS_ENDPOINT_URL": aws.url, "JOB_CARRIER": "lambda", "JOB_SLOTS": "0", "STATE_MACHINE_ARN": MACHINE,
        "SHOWCASE_STATE_MACHINE_ARN": SHOWCASE_MACHINE, "DATA_DIR": str(tmp_path / "here"),
    }  # fmt: skip


@pytest.fixture
def ours(environ) -> Settings:
    return Settings.from_env(environ)


@pytest.fixture
def worker(environ, tmp_path):
    command = [sys.executable, "-m", "sightline.worker"]
    with (tmp_path / "worker.log").open("wb") as said:
        process = subprocess.Popen(command, env={**os.environ, **environ}, cwd=ROOT, stdout=said, stderr=said)
    yield process
    process.terminate()
    process.wait(30)


@pytest.fixture
def jobs(ours):
    database = Database(ours.database)
    database.migrate()
    yield Jobs(database)
    database.close()


def test_a_showcase_of_two_clips(ours, jobs, worker, aws, tmp_path):
    uploads = ours.data_dir / "uploads"
    uploads.mkdir(parents=True)
    clips = [make_clip(uploads / f"{name}.mp4", frames) for name, frames in (("kitchen", 40), ("garden", 50))]
    inputs = [JobInput(clip.name, f"uploads/{clip.name}", "", clip.stat().st_size) for clip in clips]
    job = jobs.add(NewJob("showcase", inputs, PARAMS, None, 600.0))[0]
    wait_for(lambda: jobs.get(job.id).state in ENDED, "the end of the job", LONGEST_S)
    ended = jobs.get(job.id)
    assert (ended.state, ended.error, ended.attempt) == (JobState.SUCCEEDED, None, 1)
    (execution,) = aws.machines.executions.values()
    assert execution.name == f"{job.id}-1"
    assert execution.interpreter.visited[:5] == ["Probe", "Analyze", "One", "One", "Render"]  # the result may be seen before Done
    assert [name for name, _ in aws.runtime.calls] == ["probe", "analyze_clip", "analyze_clip"]
    films = [output for output in ended.outputs if output.name.endswith(".mp4")]
    assert len(films) == 1
    assert results_storage(ours).stat(films[0].key).sha256 == films[0].sha256
