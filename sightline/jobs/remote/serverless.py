"""Jobs on machines that are lent for minutes and pass on no word: AWS Lambda, and containers that a state machine starts.

What is to be done, progress and the wish to cancel go through storage (`attempt_files.py`). Whoever lends the machine may call
twice for the same attempt, at the same time or later, and none of it is done twice.
"""

import logging
import shutil
import time
from collections.abc import Mapping
from typing import Any

import analyzers
from sightline.errors import JobError, StorageError
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.parts import carry_out_part, fetch_parts
from sightline.jobs.remote.payload import Result, read_payload
from sightline.jobs.remote.worker import RemoteLedger, carry_out
from sightline.jobs.task import Task
from sightline.records.jobs import JobState
from sightline.settings import Settings
from sightline.storage import results_storage

log = logging.getLogger(__name__)

MARGIN_S = 40.0
"""This long before the machine is taken away a job gives up, so that it can still say so."""
ALIVE_S = 60.0
"""Who has told nothing for so long is dead."""
ROOM = 3.0
"""A job writes about so many times the size of its inputs."""


class StillRunning(JobError):
    """Another machine is at work on the very same attempt; look again in a minute."""

    default_code = "still_running"


class LambdaEnded(JobError):
    """The time of the machine is over."""

    default_code = "lambda_timeout"


class Shift:
    """The time for which the machine is ours. Passes progress on to storage.

    Args:
        until: epoch seconds at which it is taken away; None: it stays as long as it takes.
    """

    def __init__(self, files: AttemptFiles, until: float | None) -> None:
        self._files = files
        self._until = until

    def check(self) -> None:
        """Raises: LambdaEnded."""
        if self._until is not None and time.time() > self._until - MARGIN_S:
            raise LambdaEnded(
                "It takes longer than AWS Lambda lets it run (15 minutes at most). Use shorter footage, or have the job run in "
                "Fargate (STATE_MACHINE_ARN)."
            )

    def tell(self, progress: Mapping[str, Any]) -> None:
        """Raises: LambdaEnded."""
        self.check()
        ends = {} if self._until is None else {"until": self._until}
        told = {**progress, "at": time.time(), **ends}
        try:
            self._files.tell(told)
        except StorageError as err:
            log.warning("Progress cannot be told: %s", err.message)


def carry_out_described(job_id: str, attempt: int, settings: Settings, until: float | None, external_id: str = "") -> Result:
    """Carry out the attempt whose payload lies in storage.

    Raises:
        StillRunning: somebody else does so just now. JobError: `no_payload`, `bad_payload`. StorageError.
    """
    files = AttemptFiles(results_storage(settings), job_id, attempt)
    payload = files.payload()
    task = read_payload(payload)
    if files.result() is None:
        told = files.progress()
        if told is not None and time.time() - float(told.get("at", 0.0)) < ALIVE_S:
            raise StillRunning("This attempt is being worked on by another machine.")
        _forget_others(job_id, settings)
        lack = _lack_of_room(task, settings)
        if lack is not None:
            files.leave(lack)
        else:
            fetch_parts(task, settings)
    return carry_out(payload, settings, Shift(files, until).tell, external_id)


def carry_out_one(job_id: str, attempt: int, number: int, settings: Settings, until: float | None) -> None:
    """Carry out the first stage on the input at that place, from 0. Raises: JobError, StorageError, SightlineError."""
    files = AttemptFiles(results_storage(settings), job_id, attempt)
    task = read_payload(files.payload())
    _forget_others(job_id, settings)
    analyzers.load()
    shift = Shift(files, until)
    # What many machines tell at the same time is no progress of the whole: it is looked at for the time only.
    carry_out_part(task, number, settings, RemoteLedger(files, lambda _progress: shift.check()))


def _forget_others(job_id: str, settings: Settings) -> None:
    """The machine may have worked for other jobs before, and its disk is small."""
    jobs = settings.data_dir / "jobs"
    for folder in jobs.iterdir() if jobs.is_dir() else ():
        if not folder.name.startswith(job_id):
            shutil.rmtree(folder, ignore_errors=True)


def _lack_of_room(task: Task, settings: Settings) -> Result | None:
    """How an attempt ends that would not find room for its files."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(settings.data_dir).free
    wanted_bytes = ROOM * sum(item.size_bytes for item in task.inputs)
    if wanted_bytes <= free_bytes:
        return None
    words = (
        f"It needs about {wanted_bytes / 1e9:.1f} GB of room, and the machine has {free_bytes / 1e9:.1f} GB. Give the function "
        "more ephemeral storage (10 GB at most), or have the job run in Fargate (STATE_MACHINE_ARN)."
    )
    error = {"code": "no_room", "message": words, "stage": ""}
    return Result(task.job_id, task.attempt, JobState.FAILED, error=error)
