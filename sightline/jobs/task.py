"""One attempt at one job, as whoever carries it out needs it: here, in a process beside the worker, or on another machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sightline.records.jobs import Job, JobInput, Jobs, StageProgress


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done."""

    job_id: str
    attempt: int
    kind: str
    params: Mapping[str, Any]
    inputs: tuple[JobInput, ...]

    @classmethod
    def of(cls, job: Job, attempt: int) -> "Task":
        return cls(job.id, attempt, job.kind, job.params, job.inputs)


class Ledger(Protocol):
    """Where the one who carries out a task tells how it goes. Called by the thread that runs the stages."""

    def report(self, stages: Sequence[StageProgress], progress: float) -> bool:
        """Tell how far it is, 0..100; True when somebody wants the job cancelled. Raises: Lost."""
        ...

    def notice(self, words: str) -> None:
        """Tell the user something of a job that goes on. Raises: Lost."""
        ...


class RowLedger:
    """Writes into the job's row, fenced by the attempt."""

    def __init__(self, jobs: Jobs, task: Task) -> None:
        self._jobs = jobs
        self._task = task

    def report(self, stages: Sequence[StageProgress], progress: float) -> bool:
        return self._jobs.report(self._task.job_id, self._task.attempt, stages, progress)

    def notice(self, words: str) -> None:
        self._jobs.notice(self._task.job_id, self._task.attempt, words)
