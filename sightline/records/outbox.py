"""Uploads that must reach S3, now or later. The web adds them, the worker delivers them; the bytes are `jobs.outbox`'s.

Order: within one bucket the oldest queued item blocks the ones behind it, so that things arrive as they were sent.
"""

import time
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from sightline.errors import Conflict, NotFound
from sightline.records.database import Database
from sightline.records.models import OutboxRow


class OutboxState(StrEnum):
    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up: trying again cannot help without a person."""


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One upload."""

    id: int
    bucket: str
    key: str
    path: str
    """Name of the file in DATA_DIR/outbox that holds the bytes until they are delivered."""
    content_type: str
    sha256: str
    size_bytes: int
    state: OutboxState
    attempts: int
    not_before: float
    """Epoch seconds of the next try."""
    last_error: str
    url: str
    """Where it lies; empty until delivered."""
    created_at: float
    delivered_at: float | None


@dataclass(frozen=True, slots=True)
class NewOutboxItem:
    """What `OutboxItems.add` needs; see OutboxItem."""

    bucket: str
    key: str
    path: str
    content_type: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What still waits."""

    count: int
    size_bytes: int


class OutboxItems:
    """Repository of the outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewOutboxItem) -> OutboxItem:
        with self._database.transaction() as session:
            row = OutboxRow(
                bucket=new.bucket, key=new.key, path=new.path, content_type=new.content_type, sha256=new.sha256,
                size_bytes=new.size_bytes, state=OutboxState.QUEUED, attempts=0, not_before=0.0, last_error="", url="",
                created_at=time.time(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            return _item(row)

    def get(self, item_id: int) -> OutboxItem:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _item(_row(session, item_id))

    def by_key(self, key: str) -> OutboxItem | None:
        """The newest item of this key."""
        with self._database.reading() as session:
            row = session.scalar(select(OutboxRow).where(OutboxRow.key == key).order_by(OutboxRow.id.desc()).limit(1))
            return None if row is None else _item(row)

    def list(self, limit: int = 100, before_id: int | None = None) -> tuple[OutboxItem, ...]:
        """Items of every state, newest first."""
        query = select(OutboxRow).order_by(OutboxRow.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(OutboxRow.id < before_id)
        with self._database.reading() as session:
            return tuple(_item(row) for row in session.scalars(query))

    def backlog(self) -> Backlog:
        """How much is queued."""
        query = select(func.count(), func.coalesce(func.sum(OutboxRow.size_bytes), 0)).where(OutboxRow.state == OutboxState.QUEUED)
        with self._database.reading() as session:
            count, size_bytes = session.execute(query).one()
            return Backlog(int(count), int(size_bytes))

    def next_due(self, now: float) -> OutboxItem | None:
        """The oldest item that is at the head of its bucket's queue and may be tried at `now` (epoch s)."""
        heads = select(func.min(OutboxRow.id)).where(OutboxRow.state == OutboxState.QUEUED).group_by(OutboxRow.bucket)
        query = select(OutboxRow).where(OutboxRow.id.in_(heads), OutboxRow.not_before <= now).order_by(OutboxRow.id).limit(1)
        with self._database.reading() as session:
            row = session.scalar(query)
            return None if row is None else _item(row)

    def mark_attempt(self, item_id: int) -> None:
        """Count a try before it begins, so that one that was cut off by a crash is known."""
        self._change_queued(item_id, attempts=OutboxRow.attempts + 1)

    def mark_delivered(self, item_id: int, url: str, at: float) -> None:
        self._change_queued(item_id, state=OutboxState.DELIVERED, url=url, delivered_at=at, last_error="")

    def mark_retry(self, item_id: int, error: str, not_before: float) -> None:
        """Leave it queued, not to be tried before `not_before` (epoch s)."""
        self._change_queued(item_id, last_error=error, not_before=not_before)

    def mark_failed(self, item_id: int, error: str) -> None:
        self._change_queued(item_id, state=OutboxState.FAILED, last_error=error)

    def requeue(self, item_id: int) -> OutboxItem:
        """Try a failed or waiting item at once, at its old place in the order.

        Raises:
            NotFound; Conflict when it is delivered already.
        """
        with self._database.transaction() as session:
            row = _row(session, item_id)
            if row.state == OutboxState.DELIVERED:
                raise Conflict("This upload is delivered already.", code="already_delivered")
            row.state = OutboxState.QUEUED
            row.attempts = 0
            row.not_before = 0.0
            return _item(row)

    def discard(self, key: str) -> tuple[str, ...]:
        """Forget the undelivered items of `key`; return the names of their local files."""
        undelivered = delete(OutboxRow).where(OutboxRow.key == key, OutboxRow.state != OutboxState.DELIVERED)
        with self._database.transaction() as session:
            return tuple(session.scalars(undelivered.returning(OutboxRow.path)))

    def wake_all(self) -> None:
        """Let everything queued be tried at once: after a start the settings may be better ones."""
        with self._database.transaction() as session:
            session.execute(update(OutboxRow).where(OutboxRow.state == OutboxState.QUEUED).values(not_before=0.0))

    def needed_paths(self) -> frozenset[str]:
        """Names of the local files that are not delivered yet."""
        with self._database.reading() as session:
            return frozenset(session.scalars(select(OutboxRow.path).where(OutboxRow.state != OutboxState.DELIVERED)))

    def prune(self, before: float) -> int:
        """Delete items that were delivered before `before` (epoch s); return how many. What is not delivered stays."""
        old = delete(OutboxRow).where(OutboxRow.state == OutboxState.DELIVERED, OutboxRow.delivered_at < before)
        with self._database.transaction() as session:
            return len(session.scalars(old.returning(OutboxRow.id)).all())

    def _change_queued(self, item_id: int, **values: object) -> None:
        # Only what is queued changes: a result that comes late never overwrites a final state.
        change = update(OutboxRow).where(OutboxRow.id == item_id, OutboxRow.state == OutboxState.QUEUED)
        with self._database.transaction() as session:
            session.execute(change.values(**values))


def _row(session: Session, item_id: int) -> OutboxRow:
    row = session.get(OutboxRow, item_id)
    if row is None:
        raise NotFound(f"There is no upload {item_id}.", code="upload_not_found")
    return row


def _item(row: OutboxRow) -> OutboxItem:
    return OutboxItem(
        id=row.id, bucket=row.bucket, key=row.key, path=row.path, content_type=row.content_type, sha256=row.sha256,
        size_bytes=row.size_bytes, state=OutboxState(row.state), attempts=row.attempts, not_before=row.not_before,
        last_error=row.last_error, url=row.url, created_at=row.created_at, delivered_at=row.delivered_at,
    )  # fmt: skip
