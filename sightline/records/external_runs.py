"""Attempts at jobs that run on machines of others: what they are called there, and when to ask how they are.

A row is entered by `Jobs.hand_over`. Several workers may look after the same rows: `take_due` gives a look to one of them.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select, update

from sightline.records.database import Database
from sightline.records.jobs import JobState
from sightline.records.models import ExternalRunRow, JobRow

_WAITS = and_(JobRow.id == ExternalRunRow.job_id, JobRow.attempt == ExternalRunRow.attempt)


@dataclass(frozen=True, slots=True)
class ExternalRun:
    """One attempt over there."""

    job_id: str
    attempt: int
    external_id: str
    """Its name over there; empty while it is not known whether the handing over arrived."""
    state: str
    """What the other side last called it."""
    sequence: int
    """Of the newest word on its progress."""
    submitted_at: float
    begun_at: float | None
    """When it was first seen at work."""
    look_at: float
    """When to ask how it is; of one that was taken: until when it is the taker's."""


class ExternalRuns:
    """Repository of such attempts; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job_id: str, attempt: int) -> ExternalRun | None:
        with self._database.reading() as session:
            row = session.get(ExternalRunRow, (job_id, attempt))
            return None if row is None else _run(row)

    def take_due(self, carrier: str, now: float, until: float) -> ExternalRun | None:
        """The run that has waited longest for its look, for the caller alone until then; None when none is due."""
        due = (
            select(ExternalRunRow)
            .join(JobRow, _WAITS)
            .where(JobRow.state == JobState.WAITING_EXTERNAL, ExternalRunRow.carrier == carrier, ExternalRunRow.look_at <= now)
            .order_by(ExternalRunRow.look_at)
            .limit(1)
        )
        with self._database.reading() as session:  # mostly none is, and a reader waits for nobody
            if session.scalar(due) is None:
                return None
        with self._database.transaction() as session:
            row = session.scalar(due.with_for_update(skip_locked=True, of=ExternalRunRow))
            if row is None:
                return None
            row.look_at = until
            session.flush()
            return _run(row)

    def forsaken(self, carrier: str, before: float) -> tuple[ExternalRun, ...]:
        """Open runs of other carriers whose look was due before that time and was not made: nobody looks after them."""
        query = (
            select(ExternalRunRow)
            .join(JobRow, _WAITS)
            .where(JobRow.state == JobState.WAITING_EXTERNAL, ExternalRunRow.carrier != carrier, ExternalRunRow.look_at < before)
        )
        with self._database.reading() as session:
            return tuple(map(_run, session.scalars(query)))

    def write(self, run: ExternalRun, **changes: Any) -> None:
        """Change what is known of it."""
        with self._database.transaction() as session:
            session.execute(_of(run).values(**changes))

    def look_again(self, run: ExternalRun, at: float) -> None:
        """The look is over and the next one is due then, unless somebody asked for one meanwhile."""
        with self._database.transaction() as session:
            session.execute(_of(run).where(ExternalRunRow.look_at == run.look_at).values(look_at=at))

    def call(self, carrier: str, token_sha256: str, external_id: str, now: float) -> bool:
        """Somebody with the token says that there is news: look at once. False when no run has that token.

        Args:
            external_id: its name over there as the caller tells; taken only where it is not known, and believed by nobody before
                the other side was asked.
        """
        with self._database.transaction() as session:
            row = session.scalar(
                select(ExternalRunRow).where(ExternalRunRow.token_sha256 == token_sha256, ExternalRunRow.carrier == carrier)
            )
            if row is None:
                return False
            row.external_id = row.external_id or external_id
            row.look_at = min(row.look_at, now)
            return True


def _of(run: ExternalRun) -> Any:
    return update(ExternalRunRow).where(ExternalRunRow.job_id == run.job_id, ExternalRunRow.attempt == run.attempt)


def _run(row: ExternalRunRow) -> ExternalRun:
    return ExternalRun(
        row.job_id, row.attempt, row.external_id, row.state, row.sequence, row.submitted_at, row.begun_at, row.look_at
    )  # fmt: skip
