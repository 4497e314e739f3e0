"""What a machine of others gets to do, and what it leaves behind. Version 1 of both documents.

The payload names files by their keys in the bucket of results, never by content, and holds no credentials of ours: the other
machine has its own (S3_* settings). As its last act it puts `jobs/<id>/attempts/<attempt>/result.json` into the bucket. That
document, and not the word of the machine's landlord, says how the attempt ended: landlords lose outputs, repeat calls, forget jobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from sightline.errors import JobError
from sightline.jobs.task import Task
from sightline.records.jobs import JobInput, JobOutput, JobState, StageProgress

VERSION = 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended over there."""

    job_id: str
    attempt: int
    state: JobState
    """succeeded, failed or cancelled"""
    outputs: tuple[JobOutput, ...] = ()
    notices: tuple[str, ...] = ()
    stages: tuple[StageProgress, ...] = ()
    error: Mapping[str, Any] | None = None
    is_transient: bool = False
    """It failed, but may succeed when it is tried again."""


def result_key(job_id: str, attempt: int) -> str:
    """Name of the result's document in storage."""
    return f"jobs/{job_id}/attempts/{attempt}/result.json"


def input_key(job_id: str, number: int, name: str) -> str:
    """Name in storage of the input at that place, from 0."""
    return f"jobs/{job_id}/inputs/{number + 1:03d}-{name}"


def payload_of(task: Task) -> dict[str, Any]:
    """The task as JSON. Its inputs must have origins: a path of ours says nothing elsewhere."""
    return {
        "version": VERSION, "job_id": task.job_id, "attempt": task.attempt, "kind": task.kind, "params": dict(task.params),
        "inputs": [asdict(item) for item in task.inputs],
    }  # fmt: skip


def read_payload(told: Mapping[str, Any]) -> Task:
    """Raises: JobError: `bad_payload`: another version, or no payload of ours."""
    try:
        if told["version"] != VERSION:
            words = (
                f"The job was sent by another version of Sightline (payload {told['version']}, here {VERSION}). Update the worker."
            )
            raise JobError(words, code="bad_payload")
        inputs = tuple(JobInput(**item) for item in told["inputs"])
        return Task(str(told["job_id"]), int(told["attempt"]), str(told["kind"]), dict(told["params"]), inputs)
    except (KeyError, TypeError, ValueError) as err:
        raise JobError("This is no job of Sightline.", code="bad_payload", detail=repr(err)) from err


def result_json(result: Result) -> dict[str, Any]:
    return {"version": VERSION, **asdict(result), "state": str(result.state)}


def read_result(told: Mapping[str, Any]) -> Result:
    """Raises: JobError: `bad_result`."""
    try:
        if told["version"] != VERSION:
            raise ValueError(f"version {told['version']}")
        return Result(
            str(told["job_id"]), int(told["attempt"]), JobState(told["state"]), _all(JobOutput, told["outputs"]),
            tuple(map(str, told["notices"])), _all(StageProgress, told["stages"]), told["error"], bool(told["is_transient"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as err:
        raise JobError("The other machine left a result that cannot be read.", code="bad_result", detail=repr(err)) from err


def _all(made: type[T], items: Sequence[Mapping[str, Any]]) -> tuple[T, ...]:
    return tuple(made(**item) for item in items)
