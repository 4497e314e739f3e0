"""What state machines call: functions of the Lambda stand-in, and containers of ECS as processes of this machine."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.stand_ins.lambda_runtime import FunctionFailed, LambdaRuntime
from tests.stand_ins.states import Failed, Resource

ROOT = Path(__file__).resolve().parents[2]
INVOKE, RUN_TASK = "arn:aws:states:::lambda:invoke", "arn:aws:states:::ecs:runTask.sync"
MOST_OVERRIDE_CHARS = 8192

Container = Callable[[list[str], Callable[[], bool]], int]
"""Runs a container with these arguments; its exit code. The second: whether it is to be stopped."""


def resources(runtime: LambdaRuntime, container: Container) -> Mapping[str, Resource]:
    """The resources that the shipped machines use."""

    def invoke(given: Mapping[str, Any], _is_stopped: Callable[[], bool]) -> dict[str, Any]:
        try:
            return {
                "StatusCode": 200,
                "ExecutedVersion": "$LATEST",
                "Payload": runtime.call(given["FunctionName"], given["Payload"]),
            }
        except FunctionFailed as err:
            raise Failed(err.error, err.cause) from err

    def run_task(given: Mapping[str, Any], is_stopped: Callable[[], bool]) -> dict[str, Any]:
        network = given["NetworkConfiguration"]["AwsvpcConfiguration"]
        if given["LaunchType"] != "FARGATE" or not network["Subnets"]:
            raise Failed("ECS.InvalidParameterException", "Fargate needs subnets")
        (override,) = given["Overrides"]["ContainerOverrides"]
        if sum(map(len, override["Command"])) > MOST_OVERRIDE_CHARS:
            raise Failed("ECS.InvalidParameterException", "the overrides are too long")
        code = container(override["Command"], is_stopped)
        if code:
            raise Failed("States.TaskFailed", f"the container ended with exit code {code}")
        return {"Containers": [{"ExitCode": code}], "StopCode": "EssentialContainerExited"}

    return {INVOKE: invoke, RUN_TASK: run_task}


def container_process(environ: Mapping[str, str]) -> Container:
    """The container's entry point in a process of its own, which is ended with the task."""

    def run(arguments: list[str], is_stopped: Callable[[], bool]) -> int:
        process = subprocess.Popen([sys.executable, "-m", "lambda_functions.run_job", *arguments], env=dict(environ), cwd=ROOT)
        while process.poll() is None:
            if is_stopped():
                process.kill()
            time.sleep(0.05)
        return process.returncode

    return run
