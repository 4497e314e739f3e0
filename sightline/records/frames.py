"""Frames that somebody kept: where the JPEG lies and what was found in it. Written by the web, pruned by the worker."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sightline.errors import Conflict, NotFound
from sightline.records.database import Database
from sightline.records.models import FrameRow
from sightline.records.paging import newest_first


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """One kept JPEG."""

    camera_id: str
    view: str
    """processed | raw"""
    key: str
    """Name in storage; unique."""
    storage: str
    """local | s3: where `key` lies."""
    sha256: str
    size_bytes: int
    width_px: int
    height_px: int
    captured_at: float
    """Epoch seconds."""
    findings: tuple[Mapping[str, Any], ...] = ()
    """FindingsJson of each analyzer at that moment."""
    id: int | None = None
    """None until it is in the database."""


class Frames:
    """Repository of kept frames. The bytes are the storage's: delete them before the row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, frame: KeptFrame) -> KeptFrame:
        """Keep the row; return it with its id. Raises: Conflict (key taken)."""
        with self._database.transaction() as session:
            if session.scalar(select(FrameRow.id).where(FrameRow.key == frame.key)) is not None:
                raise Conflict(f"There is a kept frame {frame.key!r} already.", code="frame_exists")
            row = _make_row(frame)
            session.add(row)
            session.flush()
            return replace(frame, id=row.id)

    def get(self, frame_id: int) -> KeptFrame:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _frame(_row(session, frame_id))

    def list(
        self,
        camera: str | None = None,
        limit: int = 50,
        before_id: int | None = None,
        among: Collection[str] | None = None,
    ) -> tuple[KeptFrame, ...]:
        """Kept frames, newest first; the arguments are those of `newest_first`."""
        query = newest_first(FrameRow, limit, before_id, camera, among)
        with self._database.reading() as session:
            return tuple(_frame(row) for row in session.scalars(query))

    def older_than(self, at: float, limit: int = 200, after_id: int = 0) -> tuple[KeptFrame, ...]:
        """Frames captured before `at` (epoch s), in order of id, from behind `after_id`."""
        query = select(FrameRow).where(FrameRow.captured_at < at, FrameRow.id > after_id).order_by(FrameRow.id).limit(limit)
        with self._database.reading() as session:
            return tuple(_frame(row) for row in session.scalars(query))

    def delete(self, frame_id: int) -> None:
        """Raises: NotFound."""
        with self._database.transaction() as session:
            session.delete(_row(session, frame_id))


def _row(session: Session, frame_id: int) -> FrameRow:
    row = session.get(FrameRow, frame_id)
    if row is None:
        raise NotFound(f"There is no kept frame {frame_id}.", code="frame_not_found")
    return row


def _make_row(frame: KeptFrame) -> FrameRow:
    return FrameRow(
        camera_id=frame.camera_id, view=frame.view, key=frame.key, storage=frame.storage, sha256=frame.sha256,
        size_bytes=frame.size_bytes, width_px=frame.width_px, height_px=frame.height_px, captured_at=frame.captured_at,
        findings=[dict(item) for item in frame.findings],
    )  # fmt: skip


def _frame(row: FrameRow) -> KeptFrame:
    return KeptFrame(
        row.camera_id, row.view, row.key, row.storage, row.sha256, row.size_bytes, row.width_px, row.height_px,
        row.captured_at, tuple(row.findings), row.id,
    )  # fmt: skip
