"""Keeping frames, and sending the present one to the cloud. Called by request threads; bytes go to `storage` and `jobs.outbox`."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sightline.errors import Conflict, StorageError
from sightline.jobs.outbox import Outbox
from sightline.records.frames import Frames, KeptFrame
from sightline.records.outbox import OutboxItem, OutboxState
from sightline.settings import Settings
from sightline.storage import Stored, make_storage, storage_named
from sightline.web.camera_desk import CameraDesk
from sightline.web.run_config import RunConfig

DELIVERY_WAIT_S = 5.0
JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as the engine gave it."""

    camera_id: str
    view: str
    jpeg: bytes
    captured_at: float
    width_px: int
    height_px: int
    findings: tuple[Mapping[str, Any], ...]

    def key(self, folder: str, suffix: str) -> str:
        """A name in storage that tells camera and time; the random end keeps two shots of one moment apart."""
        day, clock = (
            time.strftime("%Y-%m-%d", time.gmtime(self.captured_at)),
            time.strftime("%H%M%S", time.gmtime(self.captured_at)),
        )
        return f"{folder}/{self.camera_id}/{day}/{clock}-{secrets.token_hex(4)}{suffix}"


class Keeping:
    """Kept frames and cloud uploads."""

    def __init__(self, settings: Settings, desk: CameraDesk, frames: Frames, outbox: Outbox, run: RunConfig) -> None:
        self._settings = settings
        self._desk = desk
        self._frames = frames
        self._outbox = outbox
        self._run = run

    def save_frame(self, camera_id: str, view: str) -> dict[str, Any]:
        """Keep the present picture. Raises: Conflict (no picture), StorageError (`disk_full`, ...)."""
        shot = self._take(camera_id, view)
        key = shot.key("frames", ".jpg")
        stored, is_queued = self._put(key, shot.jpeg)
        frame = KeptFrame(
            camera_id, view, key, self._settings.storage_type, stored.sha256, stored.size_bytes, shot.width_px, shot.height_px,
            shot.captured_at, shot.findings,
        )  # fmt: skip
        kept = self._frames.add(frame)
        words = "The frame is kept here and goes to S3 as soon as it answers." if is_queued else "The frame is kept."
        return {
            "success": True, "id": kept.id, "path": key, "url": frame_url(kept), "sha256": kept.sha256, "queued": is_queued,
            "message": words,
        }  # fmt: skip

    def picture(self, frame: KeptFrame) -> bytes:
        """The bytes of a kept frame, checked. Raises: NotFound, StorageError."""
        local = self._outbox.local_copy(frame.key) if frame.storage == "s3" else None
        if local is not None:
            return local.read_bytes()
        return storage_named(self._settings, frame.storage).get(frame.key, frame.sha256)

    def delete(self, frame: KeptFrame) -> None:
        """Delete the bytes, then the row."""
        storage_named(self._settings, frame.storage).delete(frame.key)
        self._outbox.discard(frame.key)
        self._frames.delete(frame.id or 0)

    def cloud_upload(self, camera_id: str) -> tuple[dict[str, Any], int]:
        """Send the present processed picture and its findings to S3; returns the answer and its HTTP status.

        Raises:
            Conflict: `cloud_not_configured`, `no_frame`.
            StorageError: this machine cannot hold the upload.
        """
        bucket = self._run.bucket
        if not bucket:
            names = ["S3_BUCKET_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_ENDPOINT_URL"]
            raise Conflict(
                "Cloud uploads are not set up. Set S3_BUCKET_NAME and, unless the machine has a role, AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY; S3_ENDPOINT_URL for a service other than AWS.",
                code="cloud_not_configured", settings=names,
            )  # fmt: skip
        shot = self._take(camera_id, "processed")
        key = shot.key("uploads", ".jpg")
        analysis_key = key.removesuffix(".jpg") + ".json"
        picture = self._outbox.enqueue(key, shot.jpeg, "image/jpeg", bucket)
        analysis = self._outbox.enqueue(analysis_key, _analysis_of(shot), "application/json", bucket)
        deadline = time.monotonic() + DELIVERY_WAIT_S
        picture = self._outbox.wait_delivered(picture.id, DELIVERY_WAIT_S)
        analysis = self._outbox.wait_delivered(analysis.id, max(0.0, deadline - time.monotonic()))
        return _upload_answer(picture, analysis)

    def _take(self, camera_id: str, view: str) -> Shot:
        shot = self._desk.ask(camera_id, "GET", "/snapshot", query={"view": view, "quality": JPEG_QUALITY})
        return Shot(
            camera_id, view, base64.b64decode(shot["jpeg_base64"]), float(shot["captured_at"]), int(shot["width"]),
            int(shot["height"]), tuple(shot["findings"]),
        )  # fmt: skip

    def _put(self, key: str, jpeg: bytes) -> tuple[Stored, bool]:
        """Store it; when S3 cannot take it now the outbox does, and the second value is True."""
        try:
            return make_storage(self._settings).put(key, jpeg, "image/jpeg"), False
        except StorageError:
            if self._settings.storage_type == "local":
                raise
            item = self._outbox.enqueue(key, jpeg, "image/jpeg")
            return Stored(key, item.sha256, item.size_bytes, ""), True


def frame_url(frame: KeptFrame) -> str:
    return f"/api/frames/{frame.id}/image"


def _analysis_of(shot: Shot) -> bytes:
    document = {
        "camera": shot.camera_id, "view": shot.view, "captured_at": shot.captured_at, "width": shot.width_px,
        "height": shot.height_px, "findings": list(shot.findings),
    }  # fmt: skip
    return json.dumps(document).encode()


def _upload_answer(picture: OutboxItem, analysis: OutboxItem) -> tuple[dict[str, Any], int]:
    items = (picture, analysis)
    answer = {
        "success": True, "key": picture.key, "analysis_key": analysis.key, "cloud_url": picture.url or None,
        "upload_ids": [item.id for item in items], "queued": True,
    }  # fmt: skip
    if all(item.state == OutboxState.DELIVERED for item in items):
        return {**answer, "queued": False, "message": "The frame is in the cloud."}, 200
    reason = next((item.last_error for item in items if item.last_error), "")
    words = "The upload is kept here and delivered as soon as S3 takes it."
    return {**answer, "message": f"{words} {reason}".strip()}, 202
