"""What happened: a camera lost, motion begun, analysis slowed. Written by the engine, read by the web, pruned by the worker."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import delete, func, select

from sightline.records.database import Database
from sightline.records.models import EventRow
from sightline.records.paging import newest_first

PRUNE_BATCH = 2_000
"""Rows deleted in one transaction, so that pruning never keeps other writers waiting for long."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one camera."""

    camera_id: str
    kind: str
    """Dotted, e.g. `camera.stalled`, `motion.started`."""
    message: str
    """For people."""
    at: float
    """Epoch seconds."""
    pts_ns: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None
    """None until it is in the database."""


class Events:
    """Repository of events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: Event) -> Event:
        """Keep one event; return it with its id."""
        return self.add_many((event,))[0]

    def add_many(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Keep several events in one transaction; return them with their ids, in the same order."""
        events = tuple(events)
        rows = [_row(event) for event in events]
        with self._database.transaction(is_durable=False) as session:
            session.add_all(rows)
            session.flush()
            return tuple(replace(event, id=row.id) for event, row in zip(events, rows, strict=True))

    def list(
        self,
        camera: str | None = None,
        kind: str | None = None,
        limit: int = 100,
        before_id: int | None = None,
        among: Collection[str] | None = None,
        between: tuple[float | None, float | None] = (None, None),
    ) -> tuple[Event, ...]:
        """Events, newest first; the arguments are those of `newest_first`, and `between` two times (epoch s)."""
        query = newest_first(EventRow, limit, before_id, camera, among)
        if kind is not None:
            query = query.where(EventRow.kind == kind)
        first, last = between
        if first is not None:
            query = query.where(EventRow.at >= first)
        if last is not None:
            query = query.where(EventRow.at < last)
        with self._database.reading() as session:
            return tuple(_event(row) for row in session.scalars(query))

    def newest_by_fact(self, kind: str, fact: str, among: Collection[str] | None = None) -> dict[int, Event]:
        """The newest event of `kind` for each value of the whole-number fact `fact`; `among` as in `list`."""
        newest = select(func.max(EventRow.id)).where(EventRow.kind == kind).group_by(EventRow.facts[fact].as_integer())
        if among is not None:
            newest = newest.where(EventRow.camera_id.in_(among))
        with self._database.reading() as session:
            found = [_event(row) for row in session.scalars(select(EventRow).where(EventRow.id.in_(newest)))]
        return {event.facts[fact]: event for event in found if isinstance(event.facts.get(fact), int)}

    def delete_with_fact(self, kind: str, fact: str, value: int) -> int:
        """Delete the events of `kind` whose whole-number fact `fact` is `value`; return how many."""
        with self._database.transaction() as session:
            condition = (EventRow.kind == kind, EventRow.facts[fact].as_integer() == value)
            ids = session.scalars(select(EventRow.id).where(*condition)).all()
            session.execute(delete(EventRow).where(*condition))
            return len(ids)

    def prune(self, before: float) -> int:
        """Delete events older than `before` (epoch s); return how many."""
        total = 0
        while batch := self._prune_batch(before):
            total += batch
        return total

    def _prune_batch(self, before: float) -> int:
        oldest = select(EventRow.id).where(EventRow.at < before).order_by(EventRow.at).limit(PRUNE_BATCH)
        with self._database.transaction(is_durable=False) as session:
            ids = session.scalars(oldest).all()
            session.execute(delete(EventRow).where(EventRow.id.in_(ids)))
            return len(ids)


def _row(event: Event) -> EventRow:
    return EventRow(
        camera_id=event.camera_id, kind=event.kind, message=event.message, at=event.at, pts_ns=event.pts_ns, facts=dict(event.facts)
    )


def _event(row: EventRow) -> Event:
    return Event(row.camera_id, row.kind, row.message, row.at, row.pts_ns, dict(row.facts), row.id)
