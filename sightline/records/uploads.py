"""Uploads in parts that are under way. Written by the web process; the worker deletes those that have expired."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from sightline.errors import NotFound
from sightline.records.database import Database
from sightline.records.models import AssetRow, UploadRow

NAME_MAX_CHARS = 255
PARTS = ".tus"
"""Folder below DATA_DIR/uploads with what has come of uploads by tus: files that begin with their ids."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload that may be taken up again until it expires."""

    way: str
    """tus | s3"""
    name: str
    """What the client calls the file."""
    size_bytes: int
    expires_at: float
    """Epoch seconds."""
    owner_id: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What its way needs to go on."""
    asset_id: str = ""
    """The video it became; empty until it is whole and examined."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    created_at: float = field(default_factory=time.time)


class Uploads:
    """Repository of uploads; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, upload: Upload) -> Upload:
        shown = "".join(char for char in upload.name if char.isprintable())[:NAME_MAX_CHARS] or "video"
        with self._database.transaction() as session:
            row = UploadRow(
                id=upload.id, way=upload.way, owner_id=upload.owner_id, name=shown, size_bytes=upload.size_bytes,
                facts=dict(upload.facts), asset_id=upload.asset_id, created_at=upload.created_at, expires_at=upload.expires_at,
            )  # fmt: skip
            session.add(row)
            session.flush()
            return _upload(row)

    def get(self, upload_id: str) -> Upload:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _upload(_row(session, upload_id))

    def finish(self, upload_id: str, asset_id: str) -> Upload:
        """It has become that video. Raises: NotFound."""
        with self._database.transaction() as session:
            row = _row(session, upload_id)
            row.asset_id = asset_id
            session.flush()
            return _upload(row)

    def delete(self, upload_id: str) -> None:
        """Nothing happens when it is not there."""
        with self._database.transaction() as session:
            row = session.get(UploadRow, upload_id)
            if row is not None:
                session.delete(row)

    def open_of(self, owner_id: int | None) -> tuple[Upload, ...]:
        """What a user has begun and not ended, oldest first."""
        query = select(UploadRow).where(UploadRow.asset_id == "", _is(owner_id)).order_by(UploadRow.created_at)
        with self._database.reading() as session:
            return tuple(_upload(row) for row in session.scalars(query))

    def bytes_of(self, owner_id: int | None) -> int:
        """What a user's uploaded videos take, and those under way will take."""
        whole = select(func.coalesce(func.sum(AssetRow.size_bytes), 0))
        whole = whole.where(AssetRow.uploaded_by.is_(None) if owner_id is None else AssetRow.uploaded_by == owner_id)
        with self._database.reading() as session:
            kept_bytes = int(session.scalar(whole) or 0)
        return kept_bytes + sum(upload.size_bytes for upload in self.open_of(owner_id))

    def expired(self, now: float) -> tuple[Upload, ...]:
        """Those that may not be taken up any more."""
        with self._database.reading() as session:
            return tuple(_upload(row) for row in session.scalars(select(UploadRow).where(UploadRow.expires_at < now)))


def _is(owner_id: int | None) -> ColumnElement[bool]:
    return UploadRow.owner_id.is_(None) if owner_id is None else UploadRow.owner_id == owner_id


def _row(session: Session, upload_id: str) -> UploadRow:
    row = session.get(UploadRow, upload_id)
    if row is None:
        words = "There is no such upload (any more). Send the file again."
        raise NotFound(words, code="upload_not_found")
    return row


def _upload(row: UploadRow) -> Upload:
    return Upload(
        way=row.way, name=row.name, size_bytes=row.size_bytes, expires_at=row.expires_at, owner_id=row.owner_id, facts=row.facts,
        asset_id=row.asset_id, id=row.id, created_at=row.created_at,
    )  # fmt: skip
