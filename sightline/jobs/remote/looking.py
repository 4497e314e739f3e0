"""Our side, second half: hands prepared jobs over, asks how they are, and brings their ends into our rows.

Runs in threads of the worker, and everything it knows stands in the database, so it may be killed between any two lines: whoever
looks next goes on. What a landlord says only tells when to read the result's document; that document says how a job ended.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sightline.errors import Invalid, JobError, SightlineError, StorageError
from sightline.jobs.carriers.remote import Handover, OutcomeUnknown, RemoteCarrier, RemoteState, RemoteStatus
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.machine_stage import running_stages, waiting_stages
from sightline.jobs.remote.payload import payload_of
from sightline.jobs.remote.sending import HERE, call_token, remote_task
from sightline.jobs.remote.settling import Settling
from sightline.records.database import Database
from sightline.records.external_runs import ExternalRun, ExternalRuns
from sightline.records.jobs import Job, Jobs, JobState, Lost, StageProgress
from sightline.settings import Settings
from sightline.storage import results_storage

log = logging.getLogger(__name__)

LOOK_LEASE_S = 60.0
"""A look that was not ended after this is made again by somebody else."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 30.0
UNKNOWN_S = 120.0
"""So long after a handing over without an answer, something would have been heard of the job had it arrived."""
GRACE_S = 60.0
"""The other side ends what takes too long itself; when it has not done so after this, we do."""
HANDING_OVER = "handing over"
"""State of a run whose handing over has begun, and of which no answer has been stored."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at one run."""

    run: ExternalRun
    job: Job
    files: AttemptFiles
    now: float


class Looks:
    """Called by threads of the worker, again and again. Thread-safe."""

    def __init__(
        self, settings: Settings, database: Database, carrier: RemoteCarrier, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._jobs = Jobs(database)
        self._runs = ExternalRuns(database)
        self._carrier = carrier
        self._clock = clock
        self._settling = Settling(self._jobs, carrier.label)

    def look(self) -> bool:
        """Look at the run that is due; False when none is."""
        now = self._clock()
        run = self._runs.take_due(self._carrier.name, now, now + LOOK_LEASE_S)
        if run is None:
            return False
        files = AttemptFiles(results_storage(self._settings), run.job_id, run.attempt)
        pause_s = self._pause_s(run, now)
        try:
            pause_s = self._act(_Look(run, self._jobs.get(run.job_id), files, now)) or pause_s
        except Lost as err:
            log.info("%s", err.message)
        except StorageError as err:
            log.warning("Job %s: %s", run.job_id, err.message)
            told_s = err.facts.get("retry_after_s")
            pause_s = max(pause_s, float(told_s)) if isinstance(told_s, int | float) else pause_s
            if not err.is_transient:
                self._tell_user(run, err)
        except SightlineError as err:
            log.error("Job %s: %s", run.job_id, err.message)
            self._tell_user(run, err)
            pause_s = LONGEST_PAUSE_S
        self._runs.look_again(run, self._clock() + pause_s)
        return True

    def _pause_s(self, run: ExternalRun, now: float) -> float:
        """The longer it takes, the less often it is asked for."""
        return min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, (now - run.submitted_at) / 10))

    def _tell_user(self, run: ExternalRun, err: SightlineError) -> None:
        """The job goes on, but only when somebody mends this."""
        with contextlib.suppress(SightlineError):
            self._jobs.notice(run.job_id, run.attempt, err.message)

    def _act(self, look: _Look) -> float | None:
        """Do what is due; the seconds until the next look, where they are not the usual ones."""
        if look.job.is_cancel_wanted:
            return self._cancel(look)
        if look.run.external_id:
            return self._ask(look)
        if look.run.state == HANDING_OVER:
            return self._find(look)
        return self._hand_over(look)

    # Handing over

    def _hand_over(self, look: _Look) -> float | None:
        run, job = look.run, look.job
        if look.now - (job.started_at or look.now) > self._settings.job_queue_limit_s:
            return self._stop_waiting(look)
        self._runs.write(run, state=HANDING_OVER, submitted_at=look.now, begun_at=None, sequence=0)
        try:
            external_id = self._carrier.submit(self._handover(job))
        except OutcomeUnknown as err:
            log.warning("Job %s: %s", job.id, err.message)
            return FIRST_PAUSE_S
        except StorageError as err:
            if err.is_transient:
                self._runs.write(run, state="", submitted_at=run.submitted_at)
                raise
            self._refused(look, err)
        except SightlineError as err:
            self._refused(look, err)
        else:
            self._handed_over(look, external_id)
        return FIRST_PAUSE_S

    def _handed_over(self, look: _Look, external_id: str) -> None:
        log.info("Job %s, attempt %d: handed to %s as %s", look.job.id, look.run.attempt, self._carrier.label, external_id)
        self._runs.write(look.run, external_id=external_id, state="")
        try:
            self._jobs.report(look.job.id, look.run.attempt, waiting_stages(look.job, self._carrier.label, look.now), 0.0)
        except Lost:
            self._carrier.cancel(external_id)  # it was cancelled while it was handed over
            raise

    def _refused(self, look: _Look, err: SightlineError) -> None:
        """The other side will never take it like this."""
        error = {**err.facts, "code": err.code, "message": err.message, "stage": ""}
        self._jobs.end(look.job.id, look.run.attempt, JobState.FAILED, error)

    def _find(self, look: _Look) -> float | None:
        """The answer to the handing over is not known: was it taken?"""
        if self._settle(look, None):
            return None
        handover = self._handover(look.job)
        external_id = self._carrier.find(handover) or look.files.started()
        if external_id:
            self._handed_over(look, external_id)
            return FIRST_PAUSE_S
        if look.now - look.run.submitted_at < UNKNOWN_S:
            return None
        log.warning("Job %s: nothing was heard of it; it is handed over again", look.job.id)
        return self._hand_over(look)

    def _handover(self, job: Job) -> Handover:
        url = ""
        if self._settings.public_url:
            token = call_token(self._settings, job.id, job.attempt)
            url = f"{self._settings.public_url}/api/v1/webhook/{self._carrier.name}/{token}"
        return Handover(
            job.id, job.attempt, payload_of(remote_task(job)), job.timeout_s, self._settings.job_queue_limit_s, url
        )  # fmt: skip

    # Asking

    def _ask(self, look: _Look) -> float | None:
        try:
            status = self._carrier.look(look.run.external_id)
        except (StorageError, Invalid):
            # Nobody says how it is: its limits hold all the same.
            if self._is_overdue(look):
                return self._end_overdue(look)
            raise
        if status.state == RemoteState.WAITING:
            return self._waits(look, status)
        if status.state == RemoteState.RUNNING:
            return self._runs_there(look, status)
        return self._ended(look, status)

    def _waits(self, look: _Look, status: RemoteStatus) -> float | None:
        self._note(look, status)
        return self._end_overdue(look) if self._is_overdue(look) else None

    def _runs_there(self, look: _Look, status: RemoteStatus) -> float | None:
        has_just_begun = look.run.begun_at is None
        self._note(look, status)
        if not has_just_begun and self._is_overdue(look):
            return self._end_overdue(look)
        stages = tuple(filter(None, map(_stage, status.stages)))
        if has_just_begun or (stages and status.sequence > look.run.sequence):
            told = running_stages(look.job, self._carrier.label, look.now, stages)
            self._jobs.report(look.job.id, look.run.attempt, told, max(look.job.progress, min(99.0, status.progress)))
        return None

    def _note(self, look: _Look, status: RemoteStatus) -> None:
        begun_at = look.run.begun_at or (look.now if status.state == RemoteState.RUNNING else None)
        sequence = max(look.run.sequence, status.sequence)
        if (status.word[:32], begun_at, sequence) != (look.run.state, look.run.begun_at, look.run.sequence):
            self._runs.write(look.run, state=status.word[:32], begun_at=begun_at, sequence=sequence)

    def _ended(self, look: _Look, status: RemoteStatus) -> float | None:
        """It is over by the other side's word."""
        if self._settle(look, status.used_s):
            return None
        word = (status.word or status.state)[:32]
        if look.run.state != word:
            # What was put into storage last may be seen a moment later, and a new job may not be known everywhere at once.
            self._runs.write(look.run, state=word)
            return FIRST_PAUSE_S
        self._settling.without_result(look.job, look.run.attempt, status)
        return None

    def _settle(self, look: _Look, used_s: float | None) -> bool:
        """Take the result over; False when there is none (yet)."""
        try:
            result = look.files.result()
        except JobError as err:
            self._settling.unreadable(look.job, look.run.attempt, err)
            return True
        if result is None:
            return False
        self._settling.with_result(look.job, result, used_s, results_storage(self._settings))
        return True

    # Limits

    def _is_overdue(self, look: _Look) -> bool:
        if look.run.begun_at is None:
            return look.now - (look.job.started_at or look.now) > self._settings.job_queue_limit_s
        return look.now - look.run.begun_at > look.job.timeout_s + GRACE_S

    def _end_overdue(self, look: _Look) -> float | None:
        if self._settle(look, None):  # it has ended, and nobody said so
            return None
        if look.run.begun_at is None:
            return self._stop_waiting(look)
        self._call_off(look)
        words = f"It took longer than {look.job.timeout_s:.0f} s on {self._carrier.label} and was ended."
        self._jobs.end(look.job.id, look.run.attempt, JobState.TIMED_OUT, {"code": "timeout", "message": words, "stage": ""})
        return None

    def _stop_waiting(self, look: _Look) -> float | None:
        """No machine took it in time: it runs here, or ends."""
        self._call_off(look)
        limit_s, label = self._settings.job_queue_limit_s, self._carrier.label
        job_id, attempt = look.job.id, look.run.attempt
        if self._settings.job_fallback == "on" and self._settings.job_slots:
            words = f"{label} had no machine for it within {limit_s:.0f} s (JOB_QUEUE_LIMIT), so it runs on this one."
            self._jobs.take_back(job_id, attempt, HERE, words)
            return None
        words = f"{label} had no machine for it within {limit_s:.0f} s (JOB_QUEUE_LIMIT). Try again later, or set JOB_FALLBACK=on."
        self._jobs.end(job_id, attempt, JobState.FAILED, {"code": "no_machine", "message": words, "stage": ""})
        return None

    def _cancel(self, look: _Look) -> float | None:
        self._call_off(look)
        self._jobs.end(look.job.id, look.run.attempt, JobState.CANCELLED)
        return None

    def _call_off(self, look: _Look) -> None:
        """Tell the other side to end it: by its landlord, and by a document for the machine itself. Raises: when neither works."""
        if not look.run.external_id and look.run.state != HANDING_OVER:
            return  # it was never handed over
        refusals: list[SightlineError] = []
        steps: list[Callable[[], None]] = [look.files.want_cancel]
        if look.run.external_id:
            steps.append(lambda: self._carrier.cancel(look.run.external_id))
        for step in steps:
            try:
                step()
            except (StorageError, Invalid) as err:
                log.warning("Job %s: calling it off: %s", look.job.id, err.message)
                refusals.append(err)
        if len(refusals) == len(steps):
            raise refusals[0]


def _stage(told: Mapping[str, Any]) -> StageProgress | None:
    """Progress of a stage as the other side passes it on; None for what is none."""
    words = [told.get(name, "") for name in ("name", "label", "state", "message")]
    numbers = [told.get(name, 0.0) for name in ("weight", "progress", "started_at", "ended_at")]
    if not all(isinstance(word, str) for word in words) or not all(isinstance(number, int | float | None) for number in numbers):
        return None
    try:
        return StageProgress(**told)
    except TypeError:
        return None
