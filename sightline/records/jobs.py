"""Batch jobs: their rows, the lease by which one runner owns a running job, and the fence against runners that were given up.

States: queued → running → succeeded | failed | cancelled | timed_out; waiting_external while another machine has it, expired when
that machine forgot it. The web adds and cancels; the worker claims; the job's own process writes progress and the result. Whoever
runs a job writes with the number of its attempt: once the job was claimed anew, such a write changes nothing (`Lost`).
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from sightline.errors import Conflict, NotFound
from sightline.records.database import Database
from sightline.records.models import ExternalRunRow, JobRow

MOST_FAILURES = 3
"""Attempts that may be lost before the job is given up: what kills three workers would kill the fourth."""
FIRST_RETRY_S = 5.0
SEARCH_BATCH = 200


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING_EXTERNAL = "waiting_external"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"


OPEN = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING_EXTERNAL)
ENDED = tuple(state for state in JobState if state not in OPEN)


class Lost(Conflict):
    """The job belongs to another attempt by now, or was taken away."""

    default_code = "job_lost"


@dataclass(frozen=True, slots=True)
class JobInput:
    """One file that a job works on."""

    name: str
    """As the user called it; for display and for the names of results."""
    path: str
    """Below DATA_DIR; with an `origin` the file comes there only when the job begins."""
    sha256: str
    """Empty: not known yet."""
    size_bytes: int
    origin: str = ""
    """Where the job fetches it from when it begins: `http(s)://…`, or `storage:KEY`. Empty: it is here. May hold credentials."""
    duration_s: float = 0.0
    """0: not known."""


@dataclass(frozen=True, slots=True)
class JobOutput:
    """One result."""

    name: str
    key: str
    """Name in storage."""
    size_bytes: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage of a job, as the operator sees it."""

    name: str
    label: str
    weight: float
    state: str = "waiting"
    """waiting | running | done | skipped (was done by an earlier attempt) | failed"""
    progress: float = 0.0
    """0..100"""
    message: str = ""
    started_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job."""

    id: str
    kind: str
    state: JobState
    inputs: tuple[JobInput, ...]
    params: Mapping[str, Any]
    owner_id: int | None
    attempt: int
    failures: int
    lease_owner: str
    lease_until: float
    not_before: float
    is_cancel_wanted: bool
    is_pinned: bool
    timeout_s: float
    stages: tuple[StageProgress, ...]
    progress: float
    outputs: tuple[JobOutput, ...]
    notices: tuple[str, ...]
    error: Mapping[str, Any] | None
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def eta_s(self) -> float | None:
        """Seconds that are left, from what this attempt has done itself; None while nothing can be said."""
        weights = sum(stage.weight for stage in self.stages) or 1.0
        skipped = 100 * sum(stage.weight for stage in self.stages if stage.state == "skipped") / weights
        done = self.progress - skipped
        if self.state != JobState.RUNNING or self.started_at is None or done < 2:
            return None
        return max(0.0, (time.time() - self.started_at) * (100 - self.progress) / done)


@dataclass(frozen=True, slots=True)
class NewJob:
    """What `Jobs.add` needs."""

    kind: str
    inputs: Sequence[JobInput]
    params: Mapping[str, Any]
    owner_id: int | None
    timeout_s: float
    request_sha256: str = ""
    """Of everything that the request asked for; tells a repeated request from another one with the same key."""
    idempotency_key: str | None = None


class Jobs:
    """Repository of jobs; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewJob, job_id: str = "") -> tuple[Job, bool]:
        """Enter a job; (the earlier job, False) when this request was made before with the same idempotency key.

        Raises:
            Conflict: `idempotency_key_reused`: the key stands for another request.
        """
        with self._database.transaction() as session:
            earlier = _by_key(session, new.idempotency_key)
            if earlier is not None:
                if earlier.request_sha256 != new.request_sha256:
                    message = "This Idempotency-Key was used for another request. Use a new key, or send the same request."
                    raise Conflict(message, code="idempotency_key_reused", job_id=earlier.id)
                return _job(earlier), False
            row = JobRow(
                id=job_id or secrets.token_hex(12), kind=new.kind, state=JobState.QUEUED,
                inputs=[_plain(item) for item in new.inputs], params=dict(new.params), owner_id=new.owner_id,
                idempotency_key=new.idempotency_key, request_sha256=new.request_sha256, timeout_s=new.timeout_s,
                created_at=time.time(), **_FRESH,
            )  # fmt: skip
            session.add(row)
            session.flush()
            return _job(row), True

    def get(self, job_id: str) -> Job:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _job(_row(session, job_id))

    def is_known(self, job_id: str) -> bool:
        with self._database.reading() as session:
            return session.get(JobRow, job_id) is not None

    def by_idempotency_key(self, key: str) -> Job | None:
        with self._database.reading() as session:
            row = _by_key(session, key)
            return None if row is None else _job(row)

    def page(
        self, limit: int = 50, before: float | None = None, states: Sequence[str] = (), kind: str = "", text: str = ""
    ) -> tuple[Job, ...]:
        """Jobs, newest first.

        Args:
            before: only those created earlier (epoch s).
            text: only those with a file whose name has that in it, in capitals or not.
        """
        query = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id)
        if before is not None:
            query = query.where(JobRow.created_at < before)
        if states:
            query = query.where(JobRow.state.in_(states))
        if kind:
            query = query.where(JobRow.kind == kind)
        wanted = text.casefold()
        with self._database.reading() as session:
            if not wanted:
                return tuple(_job(row) for row in session.scalars(query.limit(limit)))
            # Databases differ in what a capital letter is beyond ASCII; there are some thousand jobs at most.
            rows = session.scalars(query.execution_options(yield_per=SEARCH_BATCH))
            matching = (row for row in rows if any(wanted in item["name"].casefold() for item in row.inputs))
            return tuple(_job(row) for row in islice(matching, limit))

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        with self._database.reading() as session:
            return {state: count for state, count in session.execute(select(JobRow.state, func.count()).group_by(JobRow.state))}

    def ended_since(self, since: float) -> dict[str, float]:
        """When each job ended that ended at that time (epoch s) or later, by id."""
        query = select(JobRow.id, JobRow.ended_at).where(JobRow.state.in_(ENDED), JobRow.ended_at >= since)
        with self._database.reading() as session:
            return {job_id: ended_at or 0.0 for job_id, ended_at in session.execute(query)}

    def open_count(self, owner_id: int | None) -> int:
        """How many jobs of a user have not ended."""
        owned = JobRow.owner_id.is_(None) if owner_id is None else JobRow.owner_id == owner_id
        query = select(func.count()).select_from(JobRow).where(JobRow.state.in_(OPEN), owned)
        with self._database.reading() as session:
            return session.scalar(query) or 0

    # What a worker does

    def claim(self, owner: str, lease_s: float, now: float, job_id: str = "", *, kept_for: str | None = None) -> Job | None:
        """Take the job that has waited longest (or `job_id`) and is due; None when there is none. Nobody else gets it.

        Args:
            kept_for: take only what `take_back` keeps for that; empty: only what it keeps for nobody. None: whatever is due.
        """
        query: Select[JobRow] = (
            select(JobRow).where(JobRow.state == JobState.QUEUED, JobRow.not_before <= now).order_by(JobRow.created_at).limit(1)
        )
        if kept_for is not None:
            query = query.where(JobRow.lease_owner == kept_for)
        if job_id:
            query = query.where(JobRow.id == job_id)
        with self._database.transaction() as session:
            # SQLite has the write lock here already; PostgreSQL passes over rows that another worker is claiming.
            row = session.scalar(query.with_for_update(skip_locked=True))
            if row is None:
                return None
            row.state, row.attempt = JobState.RUNNING, row.attempt + 1
            row.lease_owner, row.lease_until = owner, now + lease_s
            row.started_at, row.progress, row.error = now, 0.0, None
            session.flush()
            return _job(row)

    def extend(self, job_id: str, attempt: int, lease_until: float) -> bool:
        """Prolong the lease; True when somebody wants the job cancelled. Raises: Lost."""
        return self._write(job_id, attempt, {"lease_until": lease_until}, is_durable=False).is_cancel_wanted

    def requeue(
        self, job_id: str, attempt: int, reason: str, now: float, *, is_fault: bool = True, pause_s: float = 0.0,
        code: str = "worker_lost",
    ) -> Job:  # fmt: skip
        """Give the job back, to be tried again after a pause; the third fault ends it as failed.

        Args:
            is_fault: False: the job is not to blame (the worker itself stops, say) and may run again after `pause_s`.
            code: of the error that the third fault ends it with.

        Raises: Lost.
        """

        def change(row: JobRow) -> None:
            if is_fault:
                _give_back(row, reason, now, code)
            elif not _cancel_if_wanted(row, now):
                _queue_again(row, now + pause_s)

        return self._change(job_id, attempt, change)

    def reap(self, now: float) -> tuple[Job, ...]:
        """Give back the jobs whose lease has run out: their worker is gone. Any worker may call it."""
        with self._database.reading() as session:
            lost = select(JobRow.id, JobRow.attempt).where(JobRow.state == JobState.RUNNING, JobRow.lease_until < now)
            rows = session.execute(lost).all()
        reaped = []

        def change(row: JobRow) -> None:
            if row.state != JobState.RUNNING or row.lease_until >= now:
                raise _lost(row.id)  # to us: its worker was only slow, or has handed it over just now
            _give_back(row, "its worker stopped without a word", now, "worker_lost")

        for job_id, attempt in rows:
            try:
                reaped.append(self._change(job_id, attempt, change))
            except Lost:  # another worker was first
                continue
        return tuple(reaped)

    def hand_over(self, job_id: str, attempt: int, carrier: str, token_sha256: str, now: float) -> Job:
        """From now on a machine of others is to have it: no lease is needed, `ExternalRuns` says when to look. Raises: Lost."""
        with self._database.transaction() as session:
            row = _fenced(session, job_id, attempt)
            row.state, row.lease_owner, row.lease_until, row.started_at = JobState.WAITING_EXTERNAL, "", 0.0, now
            run = ExternalRunRow(
                job_id=job_id, attempt=attempt, carrier=carrier, token_sha256=token_sha256, submitted_at=now, look_at=now,
                external_id="", state="", sequence=0,
            )  # fmt: skip
            session.add(run)
            session.flush()
            return _job(row)

    def take_back(self, job_id: str, attempt: int, kept_for: str, words: str) -> Job:
        """Queue a job that another machine did not take, for those who `claim` with that `kept_for`. Raises: Lost."""

        def change(row: JobRow) -> None:
            row.state, row.lease_owner, row.not_before, row.stages = JobState.QUEUED, kept_for, 0.0, []
            row.notices = [*row.notices, words]

        return self._change(job_id, attempt, change)

    # What the job's own process does

    def report(self, job_id: str, attempt: int, stages: Sequence[StageProgress], progress: float) -> bool:
        """Tell how far it is; True when somebody wants the job cancelled. Raises: Lost."""
        values = {"stages": [_plain(stage) for stage in stages], "progress": progress}
        return self._write(job_id, attempt, values, is_durable=False).is_cancel_wanted

    def notice(self, job_id: str, attempt: int, words: str) -> None:
        """Add something that the user should know of a job that goes on. Raises: Lost."""

        def change(row: JobRow) -> None:
            if words not in row.notices:
                row.notices = [*row.notices, words]

        self._change(job_id, attempt, change)

    def notice_new(self, job_id: str, words: str) -> None:
        """Add a notice to a job that has just been entered: what was left out of it."""
        with self._database.transaction() as session:
            row = _row(session, job_id, is_changed=True)
            row.notices = [*row.notices, words]

    def succeed(self, job_id: str, attempt: int, outputs: Sequence[JobOutput]) -> Job:
        """Raises: Lost."""

        def change(row: JobRow) -> None:
            row.outputs, row.progress = [_plain(output) for output in outputs], 100.0
            _end(row, JobState.SUCCEEDED, time.time())

        return self._change(job_id, attempt, change)

    def end(self, job_id: str, attempt: int, state: JobState, error: Mapping[str, Any] | None = None) -> Job:
        """End it without a result. Raises: Lost."""
        return self._change(job_id, attempt, lambda row: _end(row, state, time.time(), error))

    # What people do

    def cancel(self, job_id: str) -> Job:
        """Want it cancelled: a waiting job ends at once, a running one soon. Raises: NotFound, Conflict (it has ended)."""
        with self._database.transaction() as session:
            row = _row(session, job_id, is_changed=True)
            if row.state in ENDED:
                raise Conflict(f"The job has ended already ({row.state}).", code="job_ended", state=row.state)
            row.is_cancel_wanted = True
            if row.state == JobState.QUEUED:
                _end(row, JobState.CANCELLED, time.time())
            if row.state == JobState.WAITING_EXTERNAL:
                _look_now(session, row)
            session.flush()
            return _job(row)

    def retry(self, job_id: str) -> Job:
        """Queue an ended job again; stages that are done are not done again. Raises: NotFound, Conflict (open, or succeeded)."""
        with self._database.transaction() as session:
            row = _row(session, job_id, is_changed=True)
            if row.state in OPEN or row.state == JobState.SUCCEEDED:
                raise Conflict(
                    f"Only a job that failed or was cancelled can be tried again; this one is {row.state}.", code="job_open"
                )
            row.state, row.failures, row.not_before, row.is_cancel_wanted = JobState.QUEUED, 0, 0.0, False
            row.error, row.ended_at, row.outputs, row.progress = None, None, [], 0.0
            session.flush()
            return _job(row)

    def pin(self, job_id: str, is_pinned: bool) -> Job:
        """Keep it from retention, or no longer. Raises: NotFound."""
        with self._database.transaction() as session:
            row = _row(session, job_id, is_changed=True)
            row.is_pinned = is_pinned
            session.flush()
            return _job(row)

    def delete(self, job_id: str) -> Job:
        """Take an ended job's row away. Raises: NotFound, Conflict (it is open)."""
        with self._database.transaction() as session:
            row = _row(session, job_id, is_changed=True)
            if row.state in OPEN:
                raise Conflict("The job is still open. Cancel it first.", code="job_open")
            job = _job(row)
            session.delete(row)
            return job

    def outdated(self, ended_before: float) -> tuple[Job, ...]:
        """Ended jobs that nobody pinned, of before that time."""
        query = select(JobRow).where(JobRow.state.in_(ENDED), JobRow.ended_at < ended_before, JobRow.is_pinned.is_(False))
        with self._database.reading() as session:
            return tuple(_job(row) for row in session.scalars(query))

    def purge(self, job_ids: Sequence[str]) -> None:
        """Take the rows of ended jobs away."""
        with self._database.transaction() as session:
            session.execute(delete(JobRow).where(JobRow.id.in_(job_ids), JobRow.state.in_(ENDED)))

    def _write(self, job_id: str, attempt: int, values: Mapping[str, Any], *, is_durable: bool = True) -> Job:
        with self._database.transaction(is_durable) as session:
            fenced = _fence(update(JobRow), job_id, attempt)
            row = session.scalar(fenced.values(**values).returning(JobRow).execution_options(populate_existing=True))
            if row is None:
                raise _lost(job_id)
            return _job(row)

    def _change(self, job_id: str, attempt: int, change: Callable[[JobRow], None]) -> Job:
        with self._database.transaction() as session:
            row = _fenced(session, job_id, attempt)
            change(row)
            session.flush()
            return _job(row)


_FRESH: dict[str, Any] = {
    "attempt": 0, "failures": 0, "lease_owner": "", "lease_until": 0.0, "not_before": 0.0, "is_cancel_wanted": False,
    "is_pinned": False, "stages": [], "progress": 0.0, "outputs": [], "notices": [], "error": None,
}  # fmt: skip


def _fence(statement: Any, job_id: str, attempt: int) -> Any:
    """Only while the job runs as that very attempt."""
    return statement.where(
        JobRow.id == job_id,
        JobRow.attempt == attempt,
        or_(JobRow.state == JobState.RUNNING, JobRow.state == JobState.WAITING_EXTERNAL),
    )


def _fenced(session: Session, job_id: str, attempt: int) -> JobRow:
    row: JobRow | None = session.scalar(_fence(select(JobRow), job_id, attempt).with_for_update())
    if row is None:
        raise _lost(job_id)
    return row


def _look_now(session: Session, row: JobRow) -> None:
    """The next look at its run on a machine of others is due at once."""
    run = session.get(ExternalRunRow, (row.id, row.attempt))
    if run is not None:
        run.look_at = min(run.look_at, time.time())


def _lost(job_id: str) -> Lost:
    return Lost(f"Job {job_id} is not this attempt's any more.")


def _give_back(row: JobRow, reason: str, now: float, code: str) -> None:
    """After a fault: cancelled when that is wanted, failed after the third one, else queued again after a pause."""
    if _cancel_if_wanted(row, now):
        return
    row.failures += 1
    if row.failures >= MOST_FAILURES:
        message = f"It was tried {row.failures} times; each time it was lost: {reason}"
        _end(row, JobState.FAILED, now, {"code": code, "message": message, "stage": _running_stage(row)})
        return
    _queue_again(row, now + FIRST_RETRY_S * 2 ** (row.failures - 1))


def _cancel_if_wanted(row: JobRow, now: float) -> bool:
    if row.is_cancel_wanted:
        _end(row, JobState.CANCELLED, now)
    return row.is_cancel_wanted


def _queue_again(row: JobRow, not_before: float) -> None:
    row.state, row.not_before, row.lease_owner, row.lease_until = JobState.QUEUED, not_before, "", 0.0


def _end(row: JobRow, state: JobState, now: float, error: Mapping[str, Any] | None = None) -> None:
    row.state, row.ended_at, row.lease_owner, row.lease_until = state, now, "", 0.0
    row.error = dict(error) if error is not None else None


def _running_stage(row: JobRow) -> str:
    return next((stage["name"] for stage in row.stages if stage["state"] == "running"), "")


def _by_key(session: Session, key: str | None) -> JobRow | None:
    return session.scalar(select(JobRow).where(JobRow.idempotency_key == key)) if key else None


def _row(session: Session, job_id: str, *, is_changed: bool = False) -> JobRow:
    row = session.get(JobRow, job_id, with_for_update=is_changed)
    if row is None:
        raise NotFound(f"There is no job {job_id!r}.", code="job_not_found")
    return row


def _plain(value: JobInput | JobOutput | StageProgress) -> dict[str, Any]:
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__}


def _job(row: JobRow) -> Job:
    return Job(
        id=row.id, kind=row.kind, state=JobState(row.state), inputs=tuple(JobInput(**item) for item in row.inputs),
        params=row.params, owner_id=row.owner_id, attempt=row.attempt, failures=row.failures, lease_owner=row.lease_owner,
        lease_until=row.lease_until, not_before=row.not_before, is_cancel_wanted=row.is_cancel_wanted, is_pinned=row.is_pinned,
        timeout_s=row.timeout_s, stages=tuple(StageProgress(**stage) for stage in row.stages), progress=row.progress,
        outputs=tuple(JobOutput(**output) for output in row.outputs), notices=tuple(row.notices), error=row.error,
        created_at=row.created_at, started_at=row.started_at, ended_at=row.ended_at,
    )  # fmt: skip
