"""`run_task`: the only code that runs a job. `execute(job_id, attempt)` does it for a row of ours, whoever delivered its id.

Runs in a process of its own, in the main thread. Everything it writes to the job's row is fenced by the attempt: a process that
was given up changes nothing. It ends the row itself; when it dies, its runner or the reaper finds the row still `running`.
"""

import errno
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sightline.errors import JobError, SightlineError, StorageError
from sightline.jobs.commands import Cancelled, disk_full, run_command
from sightline.jobs.contract import JobKind, JobStage, WorkInput, kind, make_job_params
from sightline.jobs.gathering import gather, is_fetching
from sightline.jobs.task import Ledger, RowLedger, Task
from sightline.jobs.workspace import ResultFile, Workspace, fingerprint
from sightline.media.chain import plain
from sightline.media.models import ModelStore
from sightline.records.database import Database
from sightline.records.jobs import JobOutput, Jobs, JobState, Lost, StageProgress
from sightline.settings import Settings
from sightline.storage import Storage, results_storage

log = logging.getLogger(__name__)

REPORT_INTERVAL_S = 0.5
NO_SPACE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
FETCH = "fetch"
"""The stage before those of the kind, of jobs whose footage comes from elsewhere."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt came to its end."""

    state: JobState
    """succeeded, failed or cancelled"""
    outputs: tuple[JobOutput, ...] = ()
    error: Mapping[str, Any] | None = None
    """{"code", "message", "stage", …} of one that failed."""
    is_transient: bool = False
    """It failed, but may succeed when it is tried again."""


def execute(job_id: str, attempt: int, settings: Settings, database: Database) -> JobState:
    """Run the job's stages and end its row; returns the state it ended in (QUEUED: it will be tried again).

    Raises:
        Lost: another attempt has the job by now.
    """
    jobs = Jobs(database)
    task = Task.of(jobs.get(job_id), attempt)
    outcome = run_task(task, settings, RowLedger(jobs, task))
    if outcome.state == JobState.SUCCEEDED:
        return jobs.succeed(job_id, attempt, outcome.outputs).state
    if outcome.error is not None and outcome.is_transient:
        words, code = str(outcome.error["message"]), str(outcome.error["code"])
        return jobs.requeue(job_id, attempt, words, time.time(), code=code).state
    return jobs.end(job_id, attempt, outcome.state, outcome.error).state


def run_task(task: Task, settings: Settings, ledger: Ledger) -> Outcome:
    """Run the stages of a task and put its results into storage. Raises: Lost."""
    execution: Execution | None = None
    try:
        execution = Execution(task, settings, ledger)
        return Outcome(JobState.SUCCEEDED, execution.carry_out())
    except Cancelled:
        log.info("Job %s is cancelled", task.job_id)
        return Outcome(JobState.CANCELLED)
    except Lost:
        raise
    except SightlineError as err:
        return _failed(task, execution, err)
    except Exception as err:
        if isinstance(err, OSError) and err.errno in NO_SPACE_ERRORS:
            return _failed(task, execution, disk_full(str(err)))
        # A fault of ours or of a library: the same would happen again.
        log.exception("Job %s failed", task.job_id)
        message = "It failed unexpectedly. The log of the job says more."
        return _failed(task, execution, JobError(message, code="unexpected", detail=f"{type(err).__name__}: {err}"))


def _failed(task: Task, execution: "Execution | None", err: SightlineError) -> Outcome:
    error = {**err.facts, "code": err.code, "message": err.message, "stage": ""}
    if isinstance(err, JobError | StorageError) and err.is_transient:
        log.warning("Job %s: %s (%s); it may be tried again", task.job_id, err.message, err.code)
        return Outcome(JobState.FAILED, error=error, is_transient=True)
    log.error("Job %s failed: %s (%s)", task.job_id, err.message, err.code)
    if execution is not None:
        error["stage"] = execution.fail()
    return Outcome(JobState.FAILED, error=error)


class Execution:
    """One attempt at one job. Is the `Work` of its stages."""

    def __init__(self, task: Task, settings: Settings, ledger: Ledger) -> None:
        self.settings = settings
        self.models = ModelStore.from_settings(settings)
        self.params: Any = None
        self.folder = Path()
        self.inputs: tuple[WorkInput, ...] = ()
        self._kind: JobKind = kind(task.kind)
        self._task = task
        self._ledger = ledger
        self._workspace = Workspace(settings, task.job_id)
        self._stages = [StageProgress(stage.name, stage.label, stage.weight) for stage in self._kind.stages]
        self._place = 0
        self._results: list[ResultFile] = []
        self._reported_s = 0.0

    def carry_out(self) -> tuple[JobOutput, ...]:
        """All stages, then the results into storage. Raises: Cancelled, Lost, any SightlineError."""
        self.params = make_job_params(self._kind, self._task.params)
        with self._workspace.held():
            self._report()  # it may have waited
            self._gather()
            try:
                return self._work_through()
            finally:
                self._workspace.drop_preview()

    def _gather(self) -> None:
        if not is_fetching(self._task):
            self.inputs = gather(self._task, self.settings, self.progress)
            return
        self._stages.insert(0, StageProgress(FETCH, "Fetch the footage", 1.0))
        self._mark(state="running", started_at=time.time())
        self.inputs = gather(self._task, self.settings, self.progress)
        self._mark(state="done", progress=100.0, ended_at=time.time(), message="")

    def carry_out_first(self) -> str:
        """The first stage only; what it was made from. Raises: as `carry_out`."""
        self.params = make_job_params(self._kind, self._task.params)
        with self._workspace.held():
            self._gather()
            self._place = len(self._stages) - len(self._kind.stages)
            stage = self._kind.stages[0]
            made_from = self._fingerprint(stage, _made_from(self.inputs))
            if not self._workspace.is_done(stage.name, made_from):
                self._run_stage(stage, made_from)
            return made_from

    def fail(self) -> str:
        """Tell that the stage that runs has failed; its name, empty when none runs."""
        stage = self._stages[self._place]
        if stage.state != "running":
            return ""
        self._stages[self._place] = replace(stage, state="failed", ended_at=time.time())
        self._ledger.report(self._stages, self._total())
        return stage.name

    def _work_through(self) -> tuple[JobOutput, ...]:
        made_from = _made_from(self.inputs)
        for place, stage in enumerate(self._kind.stages, start=len(self._stages) - len(self._kind.stages)):
            self._place = place
            made_from = self._fingerprint(stage, made_from)
            if self._workspace.is_done(stage.name, made_from):
                self._mark(state="skipped", progress=100.0)
                continue
            self._run_stage(stage, made_from)
        return self._publish(results_storage(self.settings))

    def _run_stage(self, stage: JobStage, made_from: str) -> None:
        self.folder, self._results = self._workspace.begin(stage.name, made_from), []
        for item in self.inputs:
            self._workspace.adopt(stage.name, self._fingerprint(stage, _made_from([item])))
        self._mark(state="running", started_at=time.time())
        log.info("Stage %s begins", stage.name)
        stage.run(self)
        self._workspace.finish(stage.name, made_from, self._results)
        self._mark(state="done", progress=100.0, ended_at=time.time(), message="")

    # Work

    @property
    def preview(self) -> Path:
        return self._workspace.preview

    def folder_of(self, stage: str) -> Path:
        return self._workspace.stage(stage)

    def keep(self, name: str) -> None:
        self._workspace.keep(self._stages[self._place].name, name)

    def is_kept(self, name: str) -> bool:
        return self._workspace.is_kept(self._stages[self._place].name, name)

    def progress(self, share: float, message: str = "") -> None:
        now_s = time.monotonic()
        stage = self._stages[self._place]
        percent = round(max(stage.progress, min(100.0, share * 100)), 1)
        self._stages[self._place] = replace(stage, progress=percent, message=message or stage.message)
        if now_s - self._reported_s >= REPORT_INTERVAL_S:
            self._report()

    def notice(self, words: str) -> None:
        log.info("%s", words)
        self._ledger.notice(words)

    def result(self, name: str, content_type: str) -> Path:
        file = name.replace("/", "_")
        self._results.append(ResultFile(name, file, content_type))
        return self.folder / file

    def command(self, command: Sequence[str], *, duration_s: float | None = None, message: str = "") -> None:
        run_command(command, lambda share: self.progress(share, message), duration_s=duration_s)

    def _mark(self, **changes: Any) -> None:
        self._stages[self._place] = replace(self._stages[self._place], **changes)
        self._report()

    def _report(self) -> None:
        self._reported_s = time.monotonic()
        if self._ledger.report(self._stages, self._total()):
            raise Cancelled("The job is cancelled.")

    def _total(self) -> float:
        whole = sum(stage.weight for stage in self._stages)
        # The last percent is for carrying the results into storage.
        return round(99 * sum(stage.weight * stage.progress / 100 for stage in self._stages) / whole, 1)

    def _fingerprint(self, stage: JobStage, made_from: str) -> str:
        """What the stage is made from: inputs and earlier stages (`made_from`), its own version, and the parameters it uses."""
        asked: dict[str, Any] = plain(self.params)
        used = asked if stage.uses is None else {name: asked[name] for name in stage.uses}
        return fingerprint(self._kind.name, stage.name, stage.version, used, made_from)

    def _publish(self, storage: Storage) -> tuple[JobOutput, ...]:
        """Results of all stages into storage. Putting the same again does no harm, so a crash in between loses nothing."""
        files = [(stage, result) for stage in self._kind.stages for result in self._workspace.results(stage.name)]
        if not files:
            raise JobError("The job came to its end without any result.", code="no_output")
        outputs: list[JobOutput] = []
        try:
            for stage, result in files:
                path = self._workspace.stage(stage.name) / result.file
                if not path.is_file() or not path.stat().st_size:
                    raise JobError(f"The result {result.name} is empty.", code="no_output", stage=stage.name)
                stored = storage.put(f"jobs/{self._task.job_id}/{result.name}", path, result.content_type)
                outputs.append(JobOutput(result.name, stored.key, stored.size_bytes, stored.sha256, result.content_type))
                self._report()
        except Lost:  # who has the job now puts the same
            raise
        except SightlineError:
            _take_back(storage, outputs)
            raise
        return tuple(outputs)


def _take_back(storage: Storage, outputs: Sequence[JobOutput]) -> None:
    """A job that does not succeed has no results."""
    for output in outputs:
        try:
            storage.delete(output.key)
        except StorageError as err:
            log.warning("%s stays in storage until the job is deleted: %s", output.key, err.message)


def _made_from(inputs: Sequence[WorkInput]) -> str:
    """What the first stage is made from."""
    return fingerprint([item.sha256 for item in inputs], [item.name for item in inputs])
