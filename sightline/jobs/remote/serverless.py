"""Jobs on machines that are lent for minutes and pass on no word: AWS Lambda, and containers that a state machine starts.

What is to be done, progress and the wish to cancel go through storage (`attempt_files.py`). Whoever lends the machine may call
twice for the same attempt, at the same time or later, and none of it is done twice.
"""

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sightline.errors import JobError, StorageError
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.parts import carry_out_part, fetch_parts
from sightline.jobs.remote.payload import Result, read_payload
from sightline.jobs.remote.worker import RemoteLedger, carry_out, load_what_is_needed
from sightline.jobs.task import Task
from sightline.logs import configure
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
TOO_LONG, TOO_BIG = "lambda_timeout", "no_room"
"""Codes of jobs for which the machine has not enough time or room."""


class StillRunning(JobError):
    """Another machine is at work on the very same attempt; look again in a minute."""

    default_code = "still_running"


class Movable(JobError):
    """This machine has not enough time or room for the attempt; how it ended is left open, for a bigger one may take it."""

    default_code = "movable"


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that is lent to us."""

    name: str
    until: float | None
    """Epoch seconds at which it is taken away; None: it stays as long as it takes."""
    is_movable: bool = False
    """A bigger one follows when this one has not enough time or room."""

    def check_time(self) -> None:
        """Raises: JobError: `lambda_timeout`."""
        if self.until is not None and time.time() > self.until - MARGIN_S:
            words = (
                "It takes longer than AWS Lambda lets it run (15 minutes at most). Use shorter footage, or have the job run in "
                "Fargate (STATE_MACHINE_ARN)."
            )
            raise JobError(words, code=TOO_LONG)


def machine_settings() -> Settings:
    """The settings of this machine, which from now on logs as every process of ours: without credentials. Raises: Invalid."""
    settings = Settings.from_env()
    configure(settings, "jobs")
    return settings


class Telling:
    """Passes progress on to storage, until the time is over."""

    def __init__(self, files: AttemptFiles, machine: Machine) -> None:
        self._files = files
        self._machine = machine
        self._is_over = False

    def __call__(self, progress: Mapping[str, Any]) -> None:
        """Raises: JobError: `lambda_timeout`, once: the job tells its end afterwards."""
        if not self._is_over:
            self._is_over = True  # unless the check passes
            self._machine.check_time()
            self._is_over = False
        ends = {} if self._machine.until is None else {"until": self._machine.until}
        try:
            self._files.tell({**progress, "at": time.time(), **ends})
        except StorageError as err:
            log.warning("Progress cannot be told: %s", err.message)


def carry_out_described(job_id: str, attempt: int, settings: Settings, machine: Machine) -> Result:
    """Carry out the attempt whose payload lies in storage.

    Raises:
        StillRunning: somebody else does so just now. Movable. JobError: `no_payload`, `bad_payload`. StorageError.
    """
    files = AttemptFiles(results_storage(settings), job_id, attempt)
    payload = files.payload()
    return files.result() or _carry_out(payload, files, settings, machine)


def _carry_out(payload: Mapping[str, Any], files: AttemptFiles, settings: Settings, machine: Machine) -> Result:
    task = read_payload(payload)
    told = files.progress()
    if told is not None and time.time() - float(told.get("at", 0.0)) < ALIVE_S:
        raise StillRunning("This attempt is being worked on by another machine.")
    _forget_others(task.job_id, settings)
    lack = _lack_of_room(task, settings)
    if lack is not None:
        if machine.is_movable:
            raise Movable(lack["message"])
        result = Result(task.job_id, task.attempt, JobState.FAILED, error=lack)
        files.leave(result)
        return result
    fetch_parts(task, settings)
    kept_back = frozenset({TOO_LONG} if machine.is_movable else ())
    result = carry_out(payload, settings, Telling(files, machine), machine.name, kept_back)
    if machine.is_movable and result.error is not None and result.error["code"] == TOO_LONG:
        raise Movable(str(result.error["message"]))
    return result


def carry_out_one(job_id: str, attempt: int, number: int, settings: Settings, machine: Machine) -> None:
    """Carry out the first stage on the input at that place, from 0. Raises: JobError, StorageError, SightlineError."""
    files = AttemptFiles(results_storage(settings), job_id, attempt)
    task = read_payload(files.payload())
    _forget_others(job_id, settings)
    load_what_is_needed(task)
    # What many machines tell at the same time is no progress of the whole: only the time is looked at.
    carry_out_part(task, number, settings, RemoteLedger(files, lambda _progress: machine.check_time()))


def _forget_others(job_id: str, settings: Settings) -> None:
    """The machine may have worked for other jobs before, and its disk is small."""
    jobs = settings.data_dir / "jobs"
    for folder in jobs.iterdir() if jobs.is_dir() else ():
        if not folder.name.startswith(job_id):
            shutil.rmtree(folder, ignore_errors=True)


def _lack_of_room(task: Task, settings: Settings) -> dict[str, str] | None:
    """The error of an attempt that would not find room for its files."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(settings.data_dir).free
    wanted_bytes = ROOM * sum(item.size_bytes for item in task.inputs)
    if wanted_bytes <= free_bytes:
        return None
    words = (
        f"It needs about {wanted_bytes / 1e9:.1f} GB of room, and the machine has {free_bytes / 1e9:.1f} GB. Give the function "
        "more ephemeral storage (10 GB at most), or have the job run in Fargate (STATE_MACHINE_ARN)."
    )
    return {"code": TOO_BIG, "message": words, "stage": ""}
