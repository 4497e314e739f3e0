"""Uploaded videos: streamed to disk, limited in size, examined, and only then given their name. Called by request threads."""

import mimetypes
import secrets
from pathlib import Path
from typing import Any

from flask import Request

from sightline.errors import Conflict, Forbidden
from sightline.jobs.outbox import Outbox
from sightline.media.probe import VideoInfo, probe_file
from sightline.records.assets import Asset, Assets
from sightline.records.cameras import Cameras
from sightline.records.uploads import Upload
from sightline.settings import Settings
from sightline.storage import videos_bucket
from sightline.storage.contract import sha256_of
from sightline.web.accounts import Identity, Role
from sightline.web.reception import Limits, received, safe_name
from sightline.web.run_config import RunConfig
from sightline.web.upload_limits import UploadLimits

FIELD = "video"


class UploadDesk:
    """Takes uploads, and keeps what became of them."""

    def __init__(
        self, settings: Settings, assets: Assets, cameras: Cameras, outbox: Outbox, run: RunConfig, limits: UploadLimits
    ) -> None:
        self._settings = settings
        self._folder = settings.data_dir / "uploads"
        self._assets = assets
        self._cameras = cameras
        self._outbox = outbox
        self._run = run
        self._limits = limits

    def take(self, request: Request, owner_id: int | None) -> dict[str, Any]:
        """Receive the video of a multipart request.

        Raises:
            TooLarge, Unsupported (no form, not a video), Invalid (no file in it, incomplete video), StorageError (disk full),
            Conflict (quota).
        """
        limits = Limits(1, self._settings.max_upload_bytes, self._settings.disk_reserve_bytes)
        with received(request, FIELD, self._folder, limits) as form:
            file = form.files[0]
            self._limits.check_bytes(file.part.size_bytes, owner_id)
            info = probe_file(file.part.path)
            asset_id = secrets.token_hex(8)
            path = self._place(file.original_name, asset_id)
            file.part.path.rename(path)
            uploaded = Asset(
                file_name=path.name, original_name=file.original_name, sha256=file.part.sha256, size_bytes=file.part.size_bytes,
                width_px=info.width_px, height_px=info.height_px, codec=info.codec, duration_s=info.duration_s,
                uploaded_by=owner_id, id=asset_id,
            )  # fmt: skip
            asset = self._assets.add(uploaded)
        answer = {"success": True, "filename": path.name, "local_path": f"uploads/{path.name}", "asset_id": asset.id}
        return {**answer, **self._send_to_cloud(path), "message": "The video is here. Use its name as the source of a camera."}

    def place_of(self, upload: Upload) -> Path:
        """Where the video of an upload in parts lies once it is whole."""
        return self._place(upload.name, _asset_id(upload))

    def enter(self, upload: Upload, path: Path) -> Asset:
        """The whole file of an upload becomes a video. Done a second time, after a crash, it comes to the same.

        Raises:
            Unsupported (not a video), Invalid (incomplete video): the file is still at `path`. StorageError.
        """
        info = probe_file(path)
        sha256, _ = sha256_of(path)
        place = self.place_of(upload)
        path.rename(place)
        asset = self._add(_asset_of(upload, place.name, info, sha256))
        self._send_to_cloud(place)
        return asset

    def enter_stored(self, upload: Upload, info: VideoInfo, storage_key: str) -> Asset:
        """A file that lies in the bucket for videos becomes a video."""
        name = safe_name(upload.name, _asset_id(upload))
        return self._add(_asset_of(upload, name, info, "", storage_key))

    def delete(self, asset_id: str, identity: Identity) -> None:
        """Raises: NotFound, Forbidden (somebody else's), Conflict (a camera plays it), StorageError."""
        asset = self._assets.get(asset_id)
        if asset.uploaded_by != (identity.user_id or None) and identity.role != Role.ADMIN:
            raise Forbidden("Only an admin may delete the videos of others.", code="not_yours")
        playing = [camera.name for camera in self._cameras.list() if camera.source == asset.file_name]
        if playing:
            words = f"The camera {playing[0]} plays this video. Give it another source first."
            raise Conflict(words, code="asset_in_use", cameras=playing)
        if asset.storage_key:
            videos_bucket(self._settings).delete(asset.storage_key)
        else:
            (self._folder / asset.file_name).unlink(missing_ok=True)
        self._assets.delete(asset_id)

    def _place(self, original_name: str, asset_id: str) -> Path:
        return self._folder / safe_name(original_name, asset_id)

    def _add(self, asset: Asset) -> Asset:
        try:
            return self._assets.add(asset)
        except Conflict:  # entered before a crash
            return self._assets.get(asset.id)

    def _send_to_cloud(self, path: Path) -> dict[str, Any]:
        bucket = self._settings.s3_bucket_videos or self._run.bucket
        if self._settings.storage_type != "s3" or not bucket:
            return {"cloud_url": None, "queued": False}
        item = self._outbox.enqueue(f"videos/{path.name}", path, mimetypes.guess_type(path.name)[0] or "video/mp4", bucket)
        return {"cloud_url": item.url or None, "queued": True, "upload_id": item.id}


def _asset_id(upload: Upload) -> str:
    return upload.id[:16]


def _asset_of(upload: Upload, file_name: str, info: VideoInfo, sha256: str, storage_key: str | None = None) -> Asset:
    return Asset(
        file_name=file_name, original_name=upload.name, sha256=sha256, size_bytes=upload.size_bytes, width_px=info.width_px,
        height_px=info.height_px, codec=info.codec, duration_s=info.duration_s, uploaded_by=upload.owner_id,
        storage_key=storage_key, id=_asset_id(upload),
    )  # fmt: skip
