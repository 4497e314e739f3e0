"""Uploads that go straight from the browser into the bucket for videos, in parts, by addresses that we sign.

Called by request threads. The video never passes through this machine: it is examined over HTTP, and fetched when a job begins.
"""

import math
import mimetypes
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sightline.errors import Conflict, Invalid, NotFound, Unsupported
from sightline.media.probe import probe_url
from sightline.records.assets import Asset
from sightline.records.uploads import Upload, Uploads
from sightline.settings import Settings
from sightline.storage import VIDEOS, videos_bucket
from sightline.storage.s3 import Part, S3Storage
from sightline.web.reception import safe_name
from sightline.web.upload_desk import UploadDesk
from sightline.web.upload_limits import UploadLimits

MEBIBYTE = 1 << 20
LEAST_PART_BYTES = 16 * MEBIBYTE
"""S3 takes no parts below 5 MiB, but for the last; larger ones take fewer requests."""
MOST_PARTS = 10_000
MOST_URLS = 100
"""In one answer; further ones are asked for."""
URL_VALID_S = 3600
PROBE_VALID_S = 300
HOUR_S = 3600.0
WAY = "s3"


@dataclass(frozen=True, slots=True)
class PartUrl:
    """Where one part is to be put. A secret."""

    number: int
    url: str


@dataclass(frozen=True, slots=True)
class S3State:
    """How far an upload is."""

    upload: Upload
    arrived_bytes: int
    part_count: int
    missing: list[PartUrl]
    """The first parts that are not there yet."""


class S3Desk:
    """Takes uploads that S3 receives. An upload is its owner's only; for others it does not exist."""

    def __init__(self, settings: Settings, uploads: Uploads, limits: UploadLimits, desk: UploadDesk) -> None:
        self._settings = settings
        self._uploads = uploads
        self._limits = limits
        self._desk = desk

    def begin(self, name: str, size_bytes: int, owner_id: int | None) -> S3State:
        """Raises: Conflict (no S3 here, quota, too many uploads), Invalid (empty), TooLarge, StorageError."""
        if self._settings.storage_type != "s3":
            words = "Videos are kept on this machine (STORAGE_TYPE=local). Send it by tus or as a form."
            raise Conflict(words, code="s3_not_in_use")
        self._limits.check_bytes(size_bytes, owner_id)
        self._limits.check_open(owner_id)
        key = VIDEOS + safe_name(name, secrets.token_hex(8))
        upload_id = self._bucket.begin_parts(key, mimetypes.guess_type(key)[0] or "video/mp4")
        least_bytes = math.ceil(size_bytes / MOST_PARTS / MEBIBYTE) * MEBIBYTE
        facts = {"key": key, "upload_id": upload_id, "part_bytes": max(LEAST_PART_BYTES, least_bytes)}
        expires_at = time.time() + self._settings.uploads_keep_hours * HOUR_S
        upload = self._uploads.add(Upload(WAY, name, size_bytes, expires_at, owner_id, facts))
        return self._state(upload, ())

    def look(self, upload_id: str, owner_id: int | None) -> S3State:
        """How far it is, and addresses for the first parts that are missing. Raises: NotFound, StorageError."""
        upload = self._own(upload_id, owner_id)
        if upload.asset_id:
            return self._state(upload, ())
        try:
            return self._state(upload, self._bucket.parts(upload.facts["key"], upload.facts["upload_id"]))
        except NotFound:  # they were joined, and nobody heard of it: `complete` does the rest
            return S3State(upload, self._bucket.size_bytes(upload.facts["key"]), _part_count(upload), [])

    def urls(self, upload_id: str, owner_id: int | None, numbers: Sequence[int]) -> list[PartUrl]:
        """Fresh addresses for parts. Raises: NotFound, Invalid (no such part)."""
        upload = self._own(upload_id, owner_id)
        count = _part_count(upload)
        if not all(1 <= number <= count for number in numbers):
            raise Invalid(f"Parts are numbered from 1 to {count}.", code="bad_part", field="numbers", allowed=[1, count])
        return self._urls(upload, numbers)

    def complete(self, upload_id: str, owner_id: int | None, parts: Sequence[Part]) -> Asset:
        """All parts are there: they become a video. Asked again after a lost answer, it comes to the same.

        Args:
            parts: as S3 answered to each; empty: S3 is asked what it has.

        Raises:
            NotFound, Conflict (`parts_missing`), Unsupported (not a video), Invalid (incomplete video), StorageError.
        """
        upload = self._own(upload_id, owner_id)
        key, bucket = upload.facts["key"], self._bucket
        try:
            known = parts or bucket.parts(key, upload.facts["upload_id"])
            missing = set(range(1, _part_count(upload) + 1)) - {part.number for part in known}
            if missing:
                words = f"{len(missing)} parts are missing. Send them first."
                raise Conflict(words, code="parts_missing", missing=sorted(missing)[:MOST_URLS])
            bucket.complete_parts(key, upload.facts["upload_id"], sorted(known, key=lambda part: part.number))
        except NotFound:  # it was completed before
            pass
        return self._enter(upload, key)

    def end(self, upload_id: str, owner_id: int | None) -> None:
        """Throw away what has come so far; a video that it became already stays. Raises: NotFound, StorageError."""
        upload = self._own(upload_id, owner_id)
        if not upload.asset_id:
            self._bucket.abort_parts(upload.facts["key"], upload.facts["upload_id"])
            if self._is_joined(upload):
                return  # it is being examined just now; if that was cut off, it goes when it expires
        self._uploads.delete(upload_id)

    @property
    def _bucket(self) -> S3Storage:
        return videos_bucket(self._settings)

    def _own(self, upload_id: str, owner_id: int | None) -> Upload:
        upload = self._uploads.get(upload_id)
        if upload.owner_id != owner_id or upload.way != WAY or upload.expires_at < time.time():
            raise NotFound("There is no such upload (any more). Send the file again.", code="upload_not_found")
        return upload

    def _is_joined(self, upload: Upload) -> bool:
        try:
            self._bucket.size_bytes(upload.facts["key"])
        except NotFound:
            return False
        return True

    def _enter(self, upload: Upload, key: str) -> Asset:
        try:
            size_bytes = self._bucket.size_bytes(key)
            if size_bytes != upload.size_bytes:
                words = f"{size_bytes} bytes arrived of {upload.size_bytes}. Send the file again."
                raise Invalid(words, code="wrong_size", field="size_bytes")
            info = probe_url(self._bucket.download_url(key, PROBE_VALID_S))
        except (Unsupported, Invalid):
            self._bucket.delete(key)
            self._uploads.delete(upload.id)
            raise
        asset = self._desk.enter_stored(upload, info, key)
        self._uploads.finish(upload.id, asset.id)
        return asset

    def _state(self, upload: Upload, arrived: Sequence[Part]) -> S3State:
        numbers = {part.number for part in arrived}
        missing = () if upload.asset_id else [n for n in range(1, _part_count(upload) + 1) if n not in numbers]
        arrived_bytes = upload.size_bytes if upload.asset_id else sum(part.size_bytes for part in arrived)
        return S3State(upload, arrived_bytes, _part_count(upload), self._urls(upload, missing[:MOST_URLS]))

    def _urls(self, upload: Upload, numbers: Sequence[int]) -> list[PartUrl]:
        key, upload_id, bucket = upload.facts["key"], upload.facts["upload_id"], self._bucket
        return [PartUrl(number, bucket.part_url(key, upload_id, number, URL_VALID_S)) for number in numbers]


def _part_count(upload: Upload) -> int:
    return math.ceil(upload.size_bytes / int(upload.facts["part_bytes"]))
