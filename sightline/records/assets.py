"""Uploaded videos: what was probed of each. Written and read by the web process."""

import secrets
import time
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from sightline.errors import Conflict, NotFound
from sightline.records.database import Database
from sightline.records.models import AssetRow

ORIGINAL_NAME_MAX_CHARS = 255


@dataclass(frozen=True, slots=True)
class Asset:
    """One uploaded video."""

    file_name: str
    """The safe name under DATA_DIR/uploads; of one in S3 it is only a name."""
    original_name: str
    """What the client called it: for display only."""
    sha256: str
    """Empty: it lies in S3 and was not read as a whole."""
    size_bytes: int
    width_px: int
    height_px: int
    codec: str
    duration_s: float | None = None
    uploaded_by: int | None = None
    """Id of the user; None when that user is gone."""
    storage_key: str | None = None
    """Of a video that was sent into the bucket for videos."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    created_at: float = field(default_factory=time.time)
    """Epoch seconds."""


class Assets:
    """Repository of uploaded videos."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, asset: Asset) -> Asset:
        """Raises: Conflict (id taken)."""
        with self._database.transaction() as session:
            if session.get(AssetRow, asset.id) is not None:
                raise Conflict(f"There is an upload {asset.id!r} already.", code="asset_exists")
            row = _make_row(asset)
            session.add(row)
            session.flush()
            return _asset(row)

    def get(self, asset_id: str) -> Asset:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _asset(_row(session, asset_id))

    def list(self, limit: int = 200) -> tuple[Asset, ...]:
        """Uploaded videos, newest first."""
        with self._database.reading() as session:
            rows = session.scalars(select(AssetRow).order_by(AssetRow.created_at.desc(), AssetRow.id).limit(limit))
            return tuple(_asset(row) for row in rows)

    def delete(self, asset_id: str) -> None:
        """Raises: NotFound."""
        with self._database.transaction() as session:
            session.delete(_row(session, asset_id))


def _row(session: Session, asset_id: str) -> AssetRow:
    row = session.get(AssetRow, asset_id)
    if row is None:
        raise NotFound(f"There is no uploaded video {asset_id!r}.", code="asset_not_found")
    return row


def _make_row(asset: Asset) -> AssetRow:
    # The client chose this name: cut it, and drop what PostgreSQL refuses.
    shown = "".join(char for char in asset.original_name if char.isprintable())[:ORIGINAL_NAME_MAX_CHARS]
    return AssetRow(
        id=asset.id, file_name=asset.file_name, original_name=shown, sha256=asset.sha256, size_bytes=asset.size_bytes,
        duration_s=asset.duration_s, width_px=asset.width_px, height_px=asset.height_px, codec=asset.codec,
        uploaded_by=asset.uploaded_by, storage_key=asset.storage_key, created_at=asset.created_at,
    )  # fmt: skip


def _asset(row: AssetRow) -> Asset:
    return Asset(
        file_name=row.file_name, original_name=row.original_name, sha256=row.sha256, size_bytes=row.size_bytes,
        width_px=row.width_px, height_px=row.height_px, codec=row.codec, duration_s=row.duration_s,
        uploaded_by=row.uploaded_by, storage_key=row.storage_key, id=row.id, created_at=row.created_at,
    )  # fmt: skip
