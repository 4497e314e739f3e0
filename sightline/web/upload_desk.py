"""Uploaded videos: streamed to disk, limited in size, examined, and only then given their name. Called by request threads."""

import mimetypes
import secrets
import time
from pathlib import Path
from typing import Any

from flask import Request

from sightline.jobs.outbox import Outbox
from sightline.media.probe import probe_file
from sightline.records.assets import Asset, Assets
from sightline.settings import Settings
from sightline.web.reception import Limits, ReceivedFile, received, safe_name
from sightline.web.run_config import RunConfig

FIELD = "video"


class UploadDesk:
    """Takes uploads."""

    def __init__(self, settings: Settings, assets: Assets, outbox: Outbox, run: RunConfig) -> None:
        self._settings = settings
        self._folder = settings.data_dir / "uploads"
        self._assets = assets
        self._outbox = outbox
        self._run = run

    def take(self, request: Request, user_id: int | None) -> dict[str, Any]:
        """Receive the video of a multipart request.

        Raises:
            TooLarge, Unsupported (no form, not a video), Invalid (no file in it, incomplete video), StorageError (disk full).
        """
        limits = Limits(1, self._settings.max_upload_bytes, self._settings.disk_reserve_bytes)
        with received(request, FIELD, self._folder, limits) as form:
            return self._keep(form.files[0], user_id)

    def _keep(self, file: ReceivedFile, user_id: int | None) -> dict[str, Any]:
        part, original_name = file.part, file.original_name
        info = probe_file(part.path)
        asset_id = secrets.token_hex(8)
        file_name = safe_name(original_name, asset_id)
        path = self._folder / file_name
        part.path.rename(path)
        uploaded = Asset(
            file_name=file_name, original_name=original_name, sha256=part.sha256, size_bytes=part.size_bytes,
            width_px=info.width_px, height_px=info.height_px, codec=info.codec, duration_s=info.duration_s,
            uploaded_by=user_id or None, id=asset_id, created_at=time.time(),
        )  # fmt: skip
        asset = self._assets.add(uploaded)
        answer = {"success": True, "filename": file_name, "local_path": f"uploads/{file_name}", "asset_id": asset.id}
        return {**answer, **self._send_to_cloud(path), "message": "The video is here. Use its name as the source of a camera."}

    def _send_to_cloud(self, path: Path) -> dict[str, Any]:
        bucket = self._settings.s3_bucket_videos or self._run.bucket
        if self._settings.storage_type != "s3" or not bucket:
            return {"cloud_url": None, "queued": False}
        item = self._outbox.enqueue(f"videos/{path.name}", path, mimetypes.guess_type(path.name)[0] or "video/mp4", bucket)
        return {"cloud_url": item.url or None, "queued": True, "upload_id": item.id}
