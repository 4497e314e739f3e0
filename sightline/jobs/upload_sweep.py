"""Uploads in parts that nobody went on with: their bytes go, here and in S3, and then their rows. Run by retention."""

import logging
import time
from contextlib import suppress

from sightline.errors import SightlineError
from sightline.records.database import Database
from sightline.records.uploads import PARTS, Upload, Uploads
from sightline.settings import Settings
from sightline.storage import videos_bucket

log = logging.getLogger(__name__)

ORPHAN_AGE_S = 86_400.0
LAST_STEPS_S = 600.0
"""After its end an upload may still be under examination for so long."""


class UploadSweep:
    """Deletes what has expired. One thread at a time."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._uploads = Uploads(database)
        self._folder = settings.data_dir / "uploads" / PARTS

    def sweep(self, now: float) -> int:
        """How many went."""
        expired = self._uploads.expired(now - LAST_STEPS_S)
        count = sum(self._delete(upload) for upload in expired)
        self._sweep_orphans()
        return count

    def _delete(self, upload: Upload) -> bool:
        try:
            if upload.way == "s3" and not upload.asset_id:
                bucket = videos_bucket(self._settings)
                bucket.abort_parts(upload.facts["key"], upload.facts["upload_id"])
                bucket.delete(upload.facts["key"])  # its parts may have been joined without its becoming a video
        except SightlineError as err:
            log.warning("upload %s stays: %s", upload.id, err.message)
            return False
        for path in self._folder.glob(f"{upload.id}*"):
            path.unlink(missing_ok=True)
        self._uploads.delete(upload.id)
        return True

    def _sweep_orphans(self) -> None:
        """Parts that no row knows: the row of an upload goes with its user's."""
        young = time.time() - max(ORPHAN_AGE_S, self._settings.uploads_keep_hours * 3600.0)
        for path in self._folder.glob("*"):
            with suppress(FileNotFoundError):  # it has just become a video
                if path.stat().st_mtime < young:
                    path.unlink()
