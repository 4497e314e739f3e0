"""JOB_CARRIER=lambda: jobs run in AWS Lambda, or in state machines of Step Functions that use Lambda and Fargate.

Neither is handed the job itself, only its id and attempt: what is to be done lies in storage (`jobs/remote/attempt_files.py`), for
an event of Lambda and what a container is started with have narrow limits. Lambda tells nobody how an asynchronous call goes, so
progress, the wish to cancel and the result go through storage as well.
"""

import time
from collections.abc import Mapping
from typing import Any

from sightline.errors import Invalid
from sightline.jobs.carriers.aws import AwsCalls
from sightline.jobs.carriers.remote import Handover, RemoteState, RemoteStatus
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.media.redaction import redact
from sightline.settings import Settings
from sightline.storage import results_storage

RETRIES_S = 300.0
"""A function that was ended without a word is called again twice by Lambda, after one minute and two."""
DETAIL_CHARS = 2_000
DIRECT = "call"
"""Begins the name of a call that no state machine knows of: `call/<job>/<attempt>/<epoch seconds at which it is given up>`."""
STATES = {
    "RUNNING": RemoteState.RUNNING, "PENDING_REDRIVE": RemoteState.RUNNING, "SUCCEEDED": RemoteState.ENDED,
    "FAILED": RemoteState.FAILED, "TIMED_OUT": RemoteState.TIMED_OUT, "ABORTED": RemoteState.CANCELLED,
}  # fmt: skip
"""Words of DescribeExecution; others are none of an end."""


class LambdaCarrier:
    """Hands jobs to STATE_MACHINE_ARN (a showcase to SHOWCASE_STATE_MACHINE_ARN, where that is set), else to LAMBDA_FUNCTION."""

    name = "lambda"
    label = "AWS"

    def __init__(self, settings: Settings) -> None:
        """Raises: Invalid: neither a function nor a state machine is set."""
        if not (settings.lambda_function or settings.state_machine_arn):
            words = "JOB_CARRIER=lambda needs LAMBDA_FUNCTION (a name or ARN) or STATE_MACHINE_ARN."
            raise Invalid(words, code="bad_setting", field="LAMBDA_FUNCTION")
        self._settings = settings
        self._storage = results_storage(settings)
        self._aws = AwsCalls(settings)

    def submit(self, handover: Handover) -> str:
        self._files(handover.job_id, handover.attempt).describe(handover.payload)
        event = {"job_id": handover.job_id, "attempt": handover.attempt}
        machine_arn = self._machine_of(handover)
        if machine_arn:
            self._aws.start_execution(machine_arn, _execution_name(handover), event)
            return _execution_arn(machine_arn, handover)
        self._aws.invoke_later(self._settings.lambda_function, event)
        return _call_name(handover)

    def find(self, handover: Handover) -> str | None:
        machine_arn = self._machine_of(handover)
        if machine_arn:
            arn = _execution_arn(machine_arn, handover)
            return arn if self._aws.execution(arn) is not None else None
        files = self._files(handover.job_id, handover.attempt)
        return _call_name(handover) if files.started() is not None or files.has_ended() else None

    def look(self, external_id: str) -> RemoteStatus:
        files = self._files(*_job_of(external_id))
        told = files.progress() or {}
        if files.has_ended():
            state, word, error = RemoteState.ENDED, "result", ""
        else:
            state, word, error = _call_state(external_id, told) if _is_call(external_id) else self._machine_state(external_id)
        sequence, stages, progress = int(told.get("seq", 0)), tuple(told.get("stages", ())), float(told.get("progress", 0))
        return RemoteStatus(state, word, sequence, stages, progress, error)

    def _machine_state(self, execution_arn: str) -> tuple[RemoteState, str, str]:
        """State, AWS's word for it, and why it failed."""
        told = self._aws.execution(execution_arn)
        if told is None:
            return RemoteState.GONE, "", ""
        word = str(told["status"])
        error = ": ".join(filter(None, (told.get("error"), told.get("cause"))))
        return STATES.get(word, RemoteState.RUNNING), word, redact(error[:DETAIL_CHARS])

    def cancel(self, external_id: str) -> None:
        # A state machine that is stopped leaves the functions running that it has called.
        self._files(*_job_of(external_id)).want_cancel()
        if not _is_call(external_id):
            self._aws.stop_execution(external_id)

    def health(self) -> str:
        """What takes the jobs, in words. Raises: Invalid, StorageError: why it cannot."""
        for machine_arn in filter(None, (self._settings.state_machine_arn, self._settings.showcase_state_machine_arn)):
            self._aws.check_machine(machine_arn)
        if not self._settings.state_machine_arn:
            self._aws.check_function(self._settings.lambda_function)
            return f"The Lambda function {self._settings.lambda_function} takes the jobs."
        return "State machines of AWS take the jobs."

    def _machine_of(self, handover: Handover) -> str:
        is_showcase = handover.payload["kind"] == "showcase"
        return (self._settings.showcase_state_machine_arn if is_showcase else "") or self._settings.state_machine_arn

    def _files(self, job_id: str, attempt: int) -> AttemptFiles:
        return AttemptFiles(self._storage, job_id, attempt)


def _execution_name(handover: Handover) -> str:
    return f"{handover.job_id}-{handover.attempt}"


def _execution_arn(machine_arn: str, handover: Handover) -> str:
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{_execution_name(handover)}"


def _call_name(handover: Handover) -> str:
    given_up_at = time.time() + handover.queue_s + handover.timeout_s + RETRIES_S
    return f"{DIRECT}/{handover.job_id}/{handover.attempt}/{given_up_at:.0f}"


def _is_call(external_id: str) -> bool:
    return external_id.startswith(f"{DIRECT}/")


def _call_state(external_id: str, told: Mapping[str, Any]) -> tuple[RemoteState, str, str]:
    """State of a call without a result, of which nobody but storage knows. Args: told: its progress."""
    last_s = float(told["until"]) + RETRIES_S if "until" in told else float(external_id.rpartition("/")[2])
    if time.time() >= last_s:
        return RemoteState.GONE, "silent", ""
    return (RemoteState.RUNNING, "progress", "") if told else (RemoteState.WAITING, "called", "")


def _job_of(external_id: str) -> tuple[str, int]:
    """Job and attempt."""
    if _is_call(external_id):
        _, job_id, attempt, _ = external_id.split("/")
    else:
        job_id, _, attempt = external_id.rpartition(":")[2].rpartition("-")
    return job_id, int(attempt)
