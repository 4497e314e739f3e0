"""AWS Lambda in this process: functions with a clock, asynchronous calls that are repeated, and faults that a test asks for.

A function is any callable of event and context; `in_process(module)` makes one that runs a handler in a process of its own, which
is ended when its time is over, as Lambda does.
"""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MOST_ASYNC_BYTES, MOST_SYNC_BYTES = 256 * 1024, 6 * 1024 * 1024
LIMIT_S = 900.0

Function = Callable[[dict[str, Any], "Context"], Any]


class FunctionFailed(Exception):
    """A call that came to no answer."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class TimedOut(Exception):
    """The function was ended."""


@dataclass
class Context:
    """What a handler is given beside its event."""

    limit_s: float = LIMIT_S
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    begun_s: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.limit_s - (time.monotonic() - self.begun_s)) * 1000))


@dataclass
class LambdaRuntime:
    """Functions by name. Faults are taken from `faults` one per asynchronous call, and from `sync_faults` one per other call.

    throttle, fail, deny (refusals) · lose (taken, but nobody hears of it) · double (delivered twice at the same time) · drop (taken
    and forgotten) · crash (the function dies before its first line, and is called again)
    """

    functions: dict[str, Function] = field(default_factory=dict)
    limit_s: float = LIMIT_S
    faults: list[str] = field(default_factory=list)
    sync_faults: list[str] = field(default_factory=list)
    most_retries: int = 2
    retry_pause_s: float = 0.1
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Every time a function ran: its name and event."""
    threads: list[threading.Thread] = field(default_factory=list)

    def call(self, name: str, event: dict[str, Any]) -> Any:
        """A synchronous call. Raises: FunctionFailed."""
        fault = self.sync_faults.pop(0) if self.sync_faults else ""
        if fault == "throttle":
            raise FunctionFailed("Lambda.TooManyRequestsException", "Rate exceeded")
        if len(json.dumps(event)) > MOST_SYNC_BYTES:
            raise FunctionFailed("Lambda.RequestTooLargeException", "The payload is too large")
        if fault == "crash":
            raise FunctionFailed("Lambda.Unknown", "The function ended without an answer")
        return self._run(name, event)

    def call_later(self, name: str, event: dict[str, Any], fault: str) -> None:
        """An asynchronous call that was taken."""
        if fault == "drop":
            return
        for _ in range(2 if fault == "double" else 1):
            thread = threading.Thread(target=self._deliver, args=(name, event, fault == "crash"), daemon=True)
            self.threads.append(thread)
            thread.start()

    def join(self, timeout_s: float = 60.0) -> None:
        """Wait until all asynchronous calls are over."""
        for thread in self.threads:
            thread.join(timeout_s)
            assert not thread.is_alive(), "a function does not end"

    def _deliver(self, name: str, event: dict[str, Any], is_crashing: bool) -> None:
        for tries in range(1 + self.most_retries):
            if tries:
                time.sleep(self.retry_pause_s)
            if is_crashing and not tries:
                continue
            try:
                self._run(name, event)
            except FunctionFailed:
                continue
            return

    def _run(self, name: str, event: dict[str, Any]) -> Any:
        self.calls.append((name, event))
        try:
            answer = self.functions[name](json.loads(json.dumps(event)), Context(self.limit_s))
            return json.loads(json.dumps(answer))
        except TimedOut as err:
            raise FunctionFailed("Sandbox.Timedout", f"Task timed out after {self.limit_s:.2f} seconds") from err
        except FunctionFailed:
            raise
        except Exception as err:
            raise FunctionFailed(type(err).__name__, json.dumps({"errorMessage": str(err)})) from err


def in_process(module: str, environ: Mapping[str, str]) -> Function:
    """A function that runs `handle` of a module in a process of its own, and is killed when its time is over."""

    def function(event: dict[str, Any], context: Context) -> Any:
        told = json.dumps({"module": module, "event": event, "limit_s": context.limit_s, "id": context.aws_request_id})
        command = [sys.executable, "-m", "tests.stand_ins.lambda_process"]
        try:
            done = subprocess.run(
                command, input=told, env=dict(environ), cwd=ROOT, capture_output=True, text=True, timeout=context.limit_s
            )
        except subprocess.TimeoutExpired as err:
            raise TimedOut from err
        if done.returncode:
            raise FunctionFailed("Runtime.ExitError", done.stderr[-2000:])
        answer = json.loads(done.stdout.splitlines()[-1])
        if "error" in answer:
            raise FunctionFailed(answer["error"], answer["cause"])
        return answer["answer"]

    return function
