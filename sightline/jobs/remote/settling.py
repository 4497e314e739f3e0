"""The end of an attempt on a machine of others, brought into the job's row."""

import logging
import time

from sightline.errors import JobError, NotFound
from sightline.jobs.carriers.remote import RemoteState, RemoteStatus
from sightline.jobs.remote.machine_stage import with_machine
from sightline.jobs.remote.payload import Result
from sightline.records.jobs import Job, JobOutput, Jobs, JobState
from sightline.storage import Storage

log = logging.getLogger(__name__)


class Settling:
    """Writes ends. Every method may raise Lost and StorageError; nothing is written then, and it may be called again."""

    def __init__(self, jobs: Jobs, label: str) -> None:
        self._jobs = jobs
        self._label = label

    def with_result(self, job: Job, result: Result, used_s: float | None, storage: Storage) -> None:
        """The other machine left a result.

        Args:
            used_s: machine time that it has cost, where the landlord tells.
        """
        message = self._label if used_s is None else f"{self._label}, {used_s:.0f} s of machine time"
        stages = with_machine(job, self._label, time.time(), result.stages, message)
        missing = _missing(job, result.outputs, storage)
        self._jobs.report(job.id, result.attempt, stages, job.progress)
        for words in result.notices:
            self._jobs.notice(job.id, result.attempt, words)
        if result.state == JobState.CANCELLED:
            self._jobs.end(job.id, result.attempt, JobState.CANCELLED)
        elif result.state == JobState.SUCCEEDED and result.outputs and not missing:
            self._jobs.succeed(job.id, result.attempt, result.outputs)
        elif result.state == JobState.SUCCEEDED:
            what = f"the result {missing} is not in the bucket" if missing else "there is no result in the bucket"
            self._again(job, result.attempt, f"{self._label} said that it is done, but {what}", "result_missing")
        else:
            self._failed(job, result)

    def without_result(self, job: Job, attempt: int, status: RemoteStatus) -> None:
        """The landlord says that it is over, and the machine left no result."""
        detail = {"detail": status.error} if status.error else {}
        if status.state == RemoteState.GONE:
            words = f"{self._label} forgot the job before it ended. Try again."
            self._jobs.end(job.id, attempt, JobState.EXPIRED, {"code": "expired", "message": words, "stage": ""})
        elif status.state == RemoteState.TIMED_OUT:
            words = f"It took longer than {job.timeout_s:.0f} s on {self._label} and was ended there."
            self._jobs.end(job.id, attempt, JobState.TIMED_OUT, {"code": "timeout", "message": words, "stage": "", **detail})
        elif status.state == RemoteState.CANCELLED:
            words = f"Somebody cancelled it on {self._label}."
            self._jobs.end(job.id, attempt, JobState.CANCELLED, {"code": "cancelled_there", "message": words, "stage": ""})
        elif status.state == RemoteState.ENDED:
            self._again(job, attempt, f"{self._label} said that it is done, but left no result", "result_missing")
        else:
            reason = f"its machine on {self._label} failed" + (f": {status.error}" if status.error else "")
            self._again(job, attempt, reason, "remote_failed")

    def unreadable(self, job: Job, attempt: int, err: JobError) -> None:
        """The other machine left something that is no result."""
        self._again(job, attempt, err.message, err.code)

    def _failed(self, job: Job, result: Result) -> None:
        error = dict(result.error or {"code": "job_failed", "message": "It failed without saying why.", "stage": ""})
        if result.is_transient:
            self._again(job, result.attempt, str(error.get("message", "")), str(error.get("code", "job_failed")))
            return
        self._jobs.end(job.id, result.attempt, JobState.FAILED, error)

    def _again(self, job: Job, attempt: int, reason: str, code: str) -> None:
        log.warning("Job %s, attempt %d: %s", job.id, attempt, reason)
        self._jobs.requeue(job.id, attempt, reason, time.time(), code=code)


def _missing(job: Job, outputs: tuple[JobOutput, ...], storage: Storage) -> str:
    """Name of the first output that does not lie in storage as it should; empty: all do. Raises: StorageError."""
    for output in outputs:
        if not output.key.startswith(f"jobs/{job.id}/"):
            return output.name
        try:
            stored = storage.stat(output.key)
        except NotFound:
            return output.name
        if (stored.size_bytes, stored.sha256) != (output.size_bytes, output.sha256):
            return output.name
    return ""
