"""The cameras of the installation and what the operator wants of them.

The engine seeds the first one and loads its own at start; after that the web process is the only writer.
"""

import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from sightline.errors import Conflict, Invalid, NotFound
from sightline.records.database import Database
from sightline.records.models import CameraRow

DEFAULT_CAMERA = "default"
ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
NAME_MAX_CHARS = 80
CHANGEABLE = frozenset({"name", "source", "source_options", "is_running", "chain", "position"})


def engine_index_of(camera_id: str, engines: int) -> int:
    """Which of so many engines runs this camera. The same in every process, and for ever, as long as their number stays."""
    return zlib.crc32(camera_id.encode()) % engines


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera as configured. `source` holds credentials: redact before it leaves the server."""

    id: str
    name: str
    source: str = field(repr=False)
    source_options: Mapping[str, Any] = field(default_factory=dict)
    is_running: bool = True
    chain: Mapping[str, Any] = field(default_factory=dict)
    """`ChainSpec.to_json()`"""
    position: int = 0
    created_at: float = 0.0


class Cameras:
    """Repository of cameras."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> tuple[Camera, ...]:
        with self._database.reading() as session:
            rows = session.scalars(select(CameraRow).order_by(CameraRow.position, CameraRow.created_at)).all()
            return tuple(_camera(row) for row in rows)

    def get(self, camera_id: str) -> Camera:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _camera(_row(session.get(CameraRow, camera_id), camera_id))

    def add(self, camera: Camera) -> Camera:
        """Keep it, behind the others. Raises: Invalid (bad id or name), Conflict (id taken)."""
        if not ID_PATTERN.fullmatch(camera.id):
            raise Invalid("A camera id is 1 to 32 of a-z, 0-9, - and _.", code="bad_id", field="id")
        check_name(camera.name)
        with self._database.transaction() as session:
            if session.get(CameraRow, camera.id) is not None:
                raise Conflict(f"There is a camera {camera.id!r} already.", code="camera_exists")
            last = session.scalar(select(func.max(CameraRow.position)))
            row = CameraRow(
                id=camera.id, name=camera.name, source=camera.source, source_options=dict(camera.source_options),
                is_running=camera.is_running, chain=dict(camera.chain), position=(last or 0) + 1, created_at=time.time(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            return _camera(row)

    def update(self, camera_id: str, **changes: Any) -> Camera:
        """Change fields of Camera by name; return the new value.

        Raises:
            NotFound; Invalid (a field that a camera has not, or a bad name).
        """
        unknown = changes.keys() - CHANGEABLE
        if unknown:
            raise Invalid(f"A camera has no {min(unknown)!r} to change.", code="unknown_field", field=min(unknown))
        if "name" in changes:
            check_name(changes["name"])
        with self._database.transaction() as session:
            row = _row(session.get(CameraRow, camera_id), camera_id)
            for name, value in changes.items():
                setattr(row, name, dict(value) if isinstance(value, Mapping) else value)
            return _camera(row)

    def delete(self, camera_id: str) -> None:
        """Raises: NotFound."""
        with self._database.transaction() as session:
            session.delete(_row(session.get(CameraRow, camera_id), camera_id))


def check_name(name: str) -> None:
    """Raises: Invalid (`bad_name`)."""
    if not 1 <= len(name) <= NAME_MAX_CHARS or not name.isprintable():
        message = f"A camera name is 1 to {NAME_MAX_CHARS} characters on one line."
        raise Invalid(message, code="bad_name", field="name")


def _row(row: CameraRow | None, camera_id: str) -> CameraRow:
    if row is None:
        raise NotFound(f"There is no camera {camera_id!r}.", code="camera_not_found")
    return row


def _camera(row: CameraRow) -> Camera:
    return Camera(
        row.id, row.name, row.source, dict(row.source_options), row.is_running, dict(row.chain), row.position, row.created_at
    )
