"""What was counted, minute by minute: who was in a zone, crossed a line, stood in the picture.

Written by the engine, read by the web, pruned by the worker.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, func, select

from sightline.records.database import Database
from sightline.records.models import CounterMinuteRow

MINUTE_S = 60
PRUNE_BATCH_MINUTES = 24 * 60
"""Of minutes deleted in one transaction, so that pruning never keeps other writers waiting for long."""

CounterKind = Literal["zone", "line", "class"]


@dataclass(frozen=True, slots=True)
class CounterMinute:
    """What one counter came to in one minute."""

    camera_id: str
    kind: CounterKind
    name: str
    """Of the zone, the line or the class."""
    minute: int
    """Epoch minutes."""
    highest: int = 0
    """Most at once; 0 for a line."""
    arrived: int = 0
    """Entered, crossed inwards, or new of that class."""
    departed: int = 0
    """Left, or crossed outwards."""


@dataclass(frozen=True, slots=True)
class CounterPoint:
    """A step of time of a series."""

    at: float
    """Epoch seconds of its beginning."""
    highest: int
    arrived: int
    departed: int


@dataclass(frozen=True, slots=True)
class CounterSeries:
    """One counter over time. Steps in which nothing was counted are absent."""

    kind: str
    name: str
    points: tuple[CounterPoint, ...]


class CounterMinutes:
    """Repository of counted minutes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_many(self, minutes: Iterable[CounterMinute]) -> None:
        """Add to what is known of those minutes: an engine that restarted counts the rest of the same one."""
        with self._database.transaction(is_durable=False) as session:
            for counted in minutes:
                key = (counted.camera_id, counted.kind, counted.name, counted.minute)
                row = session.get(CounterMinuteRow, key)
                if row is None:
                    names = ("camera_id", "kind", "name", "minute", "highest", "arrived", "departed")
                    session.add(CounterMinuteRow(**{name: getattr(counted, name) for name in names}))
                else:
                    row.highest = max(row.highest, counted.highest)
                    row.arrived += counted.arrived
                    row.departed += counted.departed

    def series(self, camera_id: str, from_minute: int, to_minute: int, step_minutes: int) -> tuple[CounterSeries, ...]:
        """Everything that a camera counted from one minute up to, not including, another; in steps of several minutes."""
        row = CounterMinuteRow
        step = ((row.minute - from_minute) // step_minutes).label("step")
        figures = (func.max(row.highest), func.sum(row.arrived), func.sum(row.departed))
        query = (
            select(row.kind, row.name, step, *figures)
            .where(row.camera_id == camera_id, row.minute >= from_minute, row.minute < to_minute)
            .group_by(row.kind, row.name, step)
            .order_by(row.kind, row.name, step)
        )
        found: dict[tuple[str, str], list[CounterPoint]] = {}
        with self._database.reading() as session:
            for kind, name, place, highest, arrived, departed in session.execute(query):
                at = (from_minute + int(place) * step_minutes) * MINUTE_S
                found.setdefault((kind, name), []).append(CounterPoint(float(at), int(highest), int(arrived), int(departed)))
        return tuple(CounterSeries(kind, name, tuple(points)) for (kind, name), points in found.items())

    def delete(self, camera_id: str) -> None:
        """Forget all counts of a camera."""
        with self._database.transaction() as session:
            session.execute(delete(CounterMinuteRow).where(CounterMinuteRow.camera_id == camera_id))

    def prune(self, before: float) -> int:
        """Delete minutes that began before `before` (epoch s); return how many rows."""
        last = int(before // MINUTE_S)
        total = 0
        while (batch := self._prune_batch(last)) is not None:
            total += batch
        return total

    def _prune_batch(self, last: int) -> int | None:
        row = CounterMinuteRow
        with self._database.transaction(is_durable=False) as session:
            oldest = session.scalar(select(func.min(row.minute)))
            if oldest is None or oldest >= last:
                return None
            until = min(last, oldest + PRUNE_BATCH_MINUTES)
            deleted = session.execute(delete(row).where(row.minute < until))
            return int(deleted.rowcount)  # type: ignore[attr-defined]
