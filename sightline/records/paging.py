"""One page of the rows of cameras, newest first: what the lists of events and of kept frames have in common. Pure."""

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import Select, select

from sightline.records.models import EventRow, FrameRow

Row = TypeVar("Row", EventRow, FrameRow)


def newest_first(
    row: type[Row], limit: int, before_id: int | None, camera: str | None, among: Collection[str] | None
) -> Select[Row]:
    """Select at most `limit` rows.

    Args:
        before_id: only those older than this one, for the next page.
        camera: only those of this camera.
        among: only those of these cameras (what the user may see); None = all.
    """
    query = select(row).order_by(row.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(row.id < before_id)
    if camera is not None:
        query = query.where(row.camera_id == camera)
    if among is not None:
        query = query.where(row.camera_id.in_(among))
    return query
