"""The other side: carries out one attempt on a machine of others, and leaves its result in storage.

Called by the handlers in `infrastructure/` and `lambda_functions/`, in the main thread of their process. It needs the bucket of
results and room on its disk, and nothing else of ours: no database, no web server.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import analyzers
from sightline.errors import Invalid, StorageError
from sightline.jobs.contract import kind
from sightline.jobs.execute import Outcome, run_task
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.payload import Result, read_payload
from sightline.jobs.task import Task
from sightline.jobs.workspace import Workspace
from sightline.records.jobs import JobState, Lost, StageProgress
from sightline.settings import Settings
from sightline.storage import results_storage

log = logging.getLogger(__name__)

TELL_INTERVAL_S = 2.0
CANCEL_LOOK_S = 5.0

Tell = Callable[[Mapping[str, Any]], None]
"""Passes progress on: {"seq": the highest is the newest, "progress": 0..100, "stages": [StageProgress fields]}."""


class RemoteLedger:
    """Tells progress through the landlord, and sees the wish to cancel in storage."""

    def __init__(self, files: AttemptFiles, tell: Tell) -> None:
        self.stages: tuple[StageProgress, ...] = ()
        self.notices: list[str] = []
        self._files = files
        self._tell = tell
        self._sequence = 0
        self._told_s = self._looked_s = float("-inf")
        self._is_cancel_wanted = False

    def report(self, stages: Sequence[StageProgress], progress: float) -> bool:
        now_s = time.monotonic()
        has_turned = [stage.state for stage in stages] != [stage.state for stage in self.stages]
        self.stages = tuple(stages)
        if has_turned or now_s - self._told_s >= TELL_INTERVAL_S:
            self._told_s = now_s
            self._sequence += 1
            self._tell({"seq": self._sequence, "progress": progress, "stages": [asdict(stage) for stage in stages]})
        if now_s - self._looked_s >= CANCEL_LOOK_S:
            self._looked_s = now_s
            self._look()
        return self._is_cancel_wanted

    def notice(self, words: str) -> None:
        if words not in self.notices:
            self.notices.append(words)

    def _look(self) -> None:
        """Raises: Lost: another machine that was given the same attempt was quicker."""
        try:
            self._is_cancel_wanted = self._is_cancel_wanted or self._files.is_cancel_wanted()
            has_ended = self._files.has_ended()
        except StorageError as err:
            log.warning("Whether it is to go on cannot be seen: %s", err.message)
            return
        if has_ended:
            raise Lost("Another machine has ended this attempt.")


def carry_out(
    payload: Mapping[str, Any], settings: Settings, tell: Tell, external_id: str = "", kept_back: frozenset[str] = frozenset()
) -> Result:
    """Carry out the attempt and leave its result; one that has ended already is not run again.

    Args:
        external_id: what the landlord calls this run.
        kept_back: codes of failures that are not left in storage, because another machine goes on with the attempt.

    Raises:
        JobError: `bad_payload`. StorageError: nothing can be read from the bucket, or left in it.
    """
    task = read_payload(payload)
    files = AttemptFiles(results_storage(settings), task.job_id, task.attempt)
    earlier = files.result()
    if earlier is not None:
        log.info("Job %s, attempt %d, has ended before: %s", task.job_id, task.attempt, earlier.state)
        return earlier
    files.begin(external_id)
    load_what_is_needed(task)
    result = _run(task, settings, files, tell)
    if result.error is not None and result.error["code"] in kept_back:
        return result
    files.leave(result)
    if not result.is_transient:
        # The next attempt at one that may succeed can land here again and finds what is done.
        Workspace(settings, task.job_id).remove()
    return result


def load_what_is_needed(task: Task) -> None:
    """The analyzers of the dashboard, where the kind of the task runs them."""
    with suppress(Invalid):  # a kind that is not known here: running it says so
        if kind(task.kind).needs_analyzers:
            analyzers.load()


def _run(task: Task, settings: Settings, files: AttemptFiles, tell: Tell) -> Result:
    ledger = RemoteLedger(files, tell)
    try:
        outcome = run_task(task, settings, ledger)
    except Lost:
        outcome = Outcome(JobState.CANCELLED)
    made = Result(
        task.job_id, task.attempt, outcome.state, outcome.outputs, tuple(ledger.notices), ledger.stages, outcome.error,
        outcome.is_transient,
    )  # fmt: skip
    # Another machine that was given the same attempt may have been quicker.
    return files.result() or made
