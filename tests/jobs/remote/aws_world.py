"""AWS on this machine: moto's S3, and stand-ins for Lambda and Step Functions that run the functions of `lambda_functions`."""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from moto.server import ThreadedMotoServer

from lambda_functions.run_job.__main__ import main
from sightline.jobs.carriers.lambda_ import LambdaCarrier
from sightline.jobs.carriers.remote import Handover
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.payload import input_key, payload_of
from sightline.jobs.task import Task
from sightline.records.jobs import JobInput
from sightline.settings import Settings
from sightline.storage import Storage, results_storage
from tests.stand_ins.aws_server import AwsServer
from tests.stand_ins.aws_tasks import Container, resources
from tests.stand_ins.lambda_runtime import Function, LambdaRuntime
from tests.stand_ins.states import StateMachines

RESULTS, VIDEOS = "results", "videos"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:jobs"
INFRASTRUCTURE = Path(__file__).resolve().parents[3] / "infrastructure/aws"
SHOWCASE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:showcase"


def handler(name: str) -> Function:
    """The function of that name, called in this process."""

    def function(event: dict[str, Any], context: Any) -> Any:
        return importlib.import_module(f"lambda_functions.{name}.handler").handle(event, context)

    return function


class AwsWorld:
    """`settings` are those of our side; `environ` those of the machines over there."""

    def __init__(self, folder: Path, s3_url: str, server: AwsServer, **more: str) -> None:
        shared = {
            "STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "frames", "S3_BUCKET_RESULTS": RESULTS, "S3_BUCKET_VIDEOS": VIDEOS,
            "S3_ENDPOINT_URL": s3_url, "AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "key-id",
            "AWS_SECRET_ACCESS_KEY": "very-secret", "AWS_REGION": "us-east-1", "DISK_RESERVE": "0", "LAMBDA_FUNCTION": "run_job",
            **more,
        }  # fmt: skip
        self.environ = {**shared, "DATA_DIR": str(folder / "there")}
        self.here = {**shared, "DATA_DIR": str(folder / "here"), "JOB_CARRIER": "lambda"}
        self.server = server
        self.runtime = server.runtime
        self.folder = folder

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.here)

    @property
    def storage(self) -> Storage:
        return results_storage(self.settings)

    @cached_property
    def carrier(self) -> LambdaCarrier:
        return LambdaCarrier(self.settings)

    def handover(self, kind: str = "double", files: tuple[Path, ...] = (), job_id: str = "a1b2", **params: object) -> Handover:
        """A job whose inputs lie in the bucket."""
        inputs = []
        for number, file in enumerate(files):
            key = input_key(job_id, number, file.name)
            stored = self.storage.put(key, file, "video/mp4")
            path = f"jobs/{job_id}/inputs/{file.name}"
            inputs.append(JobInput(file.name, path, stored.sha256, stored.size_bytes, f"storage:{key}"))
        return Handover(job_id, 1, payload_of(Task(job_id, 1, kind, params, tuple(inputs))), timeout_s=600.0, queue_s=60.0)

    def files(self, job_id: str = "a1b2", attempt: int = 1) -> AttemptFiles:
        return AttemptFiles(self.storage, job_id, attempt)


def container_here(arguments: list[str], _is_stopped: Callable[[], bool]) -> int:
    """The container's entry point, called in this process."""
    return main(*arguments)


@contextmanager
def aws_world(folder: Path, container: Container = container_here, **more: str) -> Iterator[AwsWorld]:
    """Functions and containers run in this process; their settings are put into its environment by whoever uses this.

    Args:
        container: what runs containers instead.
        more: settings of both sides.
    """
    url = _s3_url()
    # It would send the log lines of this process elsewhere.
    quiet = patch("sightline.jobs.remote.serverless.configure")
    runtime = LambdaRuntime({name: handler(name) for name in ("run_job", "probe", "analyze_clip", "s3_event")})
    httpx.post(f"{url}/moto-api/reset").raise_for_status()
    for bucket in (RESULTS, VIDEOS):
        httpx.put(f"{url}/{bucket}").raise_for_status()
    machines = StateMachines(resources(runtime, container), {MACHINE: asl("job"), SHOWCASE_MACHINE: asl("showcase")})
    with quiet, AwsServer(runtime, machines).serving() as server:
        yield AwsWorld(folder, url, server, **more)


@cache
def _s3_url() -> str:
    """One service for all worlds of this process, emptied for each: clients of an address that stays are made once."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    host, port = moto.get_host_and_port()
    return f"http://{host}:{port}"


VALUES = {
    "ProbeFunction": "probe", "AnalyzeClipFunction": "analyze_clip", "RunJobFunction": "run_job", "Cluster": "cluster",
    "TaskDefinition": "job:1", "SubnetA": "subnet-a", "SubnetB": "subnet-b", "SecurityGroup": "sg-1",
}  # fmt: skip
"""What CloudFormation puts into the state machines."""


def asl(name: str) -> dict[str, Any]:
    """A shipped state machine."""
    text = (INFRASTRUCTURE / f"{name}.asl.json").read_text()
    for key, value in VALUES.items():
        text = text.replace("${" + key + "}", value)
    return dict(json.loads(text))
