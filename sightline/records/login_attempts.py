"""Failed logins, counted for the rate limit. Called by the web process; the worker prunes old ones."""

import hashlib
import time

from sqlalchemy import delete, func, select

from sightline.records.database import Database
from sightline.records.models import LoginAttemptRow

WHO_MAX_CHARS = 160


class LoginAttempts:
    """Repository of failed logins. `who` is `user:NAME` or `ip:ADDRESS`, as the client sent it: any text is taken."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, who: str, at: float | None = None) -> None:
        """Remember one failed login at `at` (epoch s; default now)."""
        with self._database.transaction(is_durable=False) as session:
            session.add(LoginAttemptRow(who=_fit(who), at=time.time() if at is None else at))

    def count_since(self, who: str, at: float) -> int:
        """How many failed since `at` (epoch s)."""
        with self._database.reading() as session:
            matching = (LoginAttemptRow.who == _fit(who), LoginAttemptRow.at >= at)
            return session.scalar(select(func.count()).select_from(LoginAttemptRow).where(*matching)) or 0

    def oldest_since(self, who: str, at: float) -> float | None:
        """When the oldest failure since `at` was (epoch s): with it the caller tells how long to wait."""
        with self._database.reading() as session:
            return session.scalar(
                select(func.min(LoginAttemptRow.at)).where(LoginAttemptRow.who == _fit(who), LoginAttemptRow.at >= at)
            )

    def clear(self, who: str) -> None:
        """Forget the failures of `who`, after a login that worked."""
        with self._database.transaction() as session:
            session.execute(delete(LoginAttemptRow).where(LoginAttemptRow.who == _fit(who)))

    def prune(self, before: float) -> int:
        """Delete failures older than `before` (epoch s); return how many."""
        with self._database.transaction() as session:
            gone = session.scalars(delete(LoginAttemptRow).where(LoginAttemptRow.at < before).returning(LoginAttemptRow.id))
            return len(gone.all())


def _fit(who: str) -> str:
    if len(who) <= WHO_MAX_CHARS and who.isprintable():
        return who
    # An attacker chooses this text: PostgreSQL refuses NUL and over-long values, and neither may open a way around the limit.
    return "hash:" + hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()
