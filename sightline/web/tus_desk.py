"""Uploads by tus: each is a row and a file DATA_DIR/uploads/.tus/<id>, whose size is the offset. Called by request threads.

The file is the truth, whatever was killed in mid-request. Bytes with a checksum count only once they were checked: until then
`<id>.since` says from where on they are not yet true. Who writes holds the file's lock, so that a second writer is turned away.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from werkzeug.exceptions import ClientDisconnected

from sightline.errors import Conflict, Invalid, NotFound, TooLarge, Unsupported
from sightline.records.uploads import PARTS, Upload, Uploads
from sightline.settings import Settings
from sightline.storage.local import check_space
from sightline.web import tus
from sightline.web.reception import SPACE_CHECK_BYTES, disk_error
from sightline.web.upload_desk import UploadDesk
from sightline.web.upload_limits import UploadLimits

PIECE_BYTES = 256 * 1024
HOUR_S = 3600.0
WAY = "tus"


class Busy(Conflict):
    """Another request writes to this upload."""

    default_code = "upload_busy"


class Body(Protocol):
    """The body of a request."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class State:
    """How far an upload is."""

    upload: Upload
    offset_bytes: int


class TusDesk:
    """Takes uploads in parts. An upload is its owner's only; for others it does not exist."""

    def __init__(self, settings: Settings, uploads: Uploads, limits: UploadLimits, desk: UploadDesk) -> None:
        self._settings = settings
        self._uploads = uploads
        self._limits = limits
        self._desk = desk
        self._folder = settings.data_dir / "uploads" / PARTS

    def begin(self, headers: Mapping[str, str], owner_id: int | None) -> State:
        """Raises: Invalid (headers, empty), TooLarge, Conflict (quota, too many uploads), StorageError (`disk_full`)."""
        size_bytes = tus.number(headers, "Upload-Length")
        name = tus.metadata(headers).get("filename") or "video"
        self._limits.check_bytes(size_bytes, owner_id)
        self._limits.check_open(owner_id)
        self._limits.check_disk(size_bytes)
        expires_at = time.time() + self._settings.uploads_keep_hours * HOUR_S
        upload = self._uploads.add(Upload(WAY, name, size_bytes, expires_at, owner_id))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._part(upload).touch()
        return State(upload, 0)

    def look(self, upload_id: str, owner_id: int | None) -> State:
        """How far it is. One whose examination was cut off is examined now.

        Raises: NotFound, Unsupported (not a video), Invalid (incomplete video).
        """
        state = self._state(self._own(upload_id, owner_id))
        if state.offset_bytes < state.upload.size_bytes or state.upload.asset_id:
            return state
        try:
            with self._held(state.upload):
                return self._finish(state.upload)
        except Busy:  # it is being examined just now
            return state

    def write(self, upload_id: str, owner_id: int | None, headers: Mapping[str, str], body: Body) -> State:
        """Take bytes for the offset that the upload has.

        Raises:
            NotFound, Busy, Conflict (`upload_offset`), TooLarge, StorageError, ChecksumMismatch, Invalid (the body was cut off:
            what came of it is kept); after the last byte Unsupported (not a video), Invalid (incomplete video).
        """
        upload = self._own(upload_id, owner_id)
        offset_bytes, checksum = tus.number(headers, "Upload-Offset"), tus.checksum(headers)
        if upload.asset_id and offset_bytes == upload.size_bytes:
            return State(upload, offset_bytes)
        with self._held(upload) as file:
            self._check_offset(upload, offset_bytes)
            file.truncate(offset_bytes)  # bytes that were never checked
            file.seek(offset_bytes)
            if checksum is None:
                self._forget_unchecked(upload)
                self._receive(upload, file, body, None)
            else:
                self._since(upload).write_text(str(offset_bytes), encoding="ascii")
                self._receive(upload, file, body, checksum)
                self._forget_unchecked(upload)
            state = self._state(upload)
            return self._finish(upload) if state.offset_bytes == upload.size_bytes else state

    def end(self, upload_id: str, owner_id: int | None) -> None:
        """Throw away what has come so far; a video that it became already stays. Raises: NotFound, Busy."""
        upload = self._own(upload_id, owner_id)
        if upload.asset_id:
            self._uploads.delete(upload_id)
            return
        with self._held(upload):
            self._discard(upload)

    def _own(self, upload_id: str, owner_id: int | None) -> Upload:
        upload = self._uploads.get(upload_id)
        if upload.owner_id != owner_id or upload.way != WAY or upload.expires_at < time.time():
            raise NotFound("There is no such upload (any more). Send the file again.", code="upload_not_found")
        return upload

    def _state(self, upload: Upload) -> State:
        if upload.asset_id or not self._part(upload).is_file():
            # Without a part it was killed right after the file got its name.
            is_whole = bool(upload.asset_id) or self._desk.place_of(upload).is_file()
            return State(upload, upload.size_bytes if is_whole else 0)
        since = self._since(upload)
        try:
            return State(upload, int(since.read_text(encoding="ascii")))
        except (FileNotFoundError, ValueError):
            return State(upload, self._part(upload).stat().st_size)

    def _check_offset(self, upload: Upload, offset_bytes: int) -> None:
        has_bytes = self._state(self._uploads.get(upload.id)).offset_bytes
        if offset_bytes != has_bytes:
            words = f"The upload goes on at byte {has_bytes}, not {offset_bytes}. Ask for its offset and send from there."
            raise Conflict(words, code="upload_offset", offset_bytes=has_bytes)

    @contextmanager
    def _held(self, upload: Upload) -> Iterator[IO[bytes]]:
        """The open part, for one writer at a time; the lock ends with the process."""
        path = self._part(upload)
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy("This upload is being written to by another request. Try again in a moment.") from None
            yield file

    def _receive(self, upload: Upload, file: IO[bytes], body: Body, checksum: tus.Checksum | None) -> None:
        begin_bytes = file.tell()
        computed = checksum.start() if checksum else None
        try:
            for piece in self._pieces(body, upload.size_bytes - begin_bytes):
                _append(file, piece)
                if computed is not None:
                    computed.update(piece)
            if checksum is not None:
                checksum.check(computed)
        except (tus.ChecksumMismatch, Invalid):
            if checksum is not None:
                file.truncate(begin_bytes)
                self._forget_unchecked(upload)
            raise
        finally:
            _sync(file)

    def _pieces(self, body: Body, most_bytes: int) -> Iterator[bytes]:
        """The bytes of a body. Raises: TooLarge, StorageError (`disk_full`), Invalid (`upload_cut_off`)."""
        check_at_bytes = 0
        taken_bytes = 0
        while True:
            if taken_bytes >= check_at_bytes:
                check_at_bytes += SPACE_CHECK_BYTES
                check_space(self._folder, 0, self._settings.disk_reserve_bytes)
            try:
                piece = body.read(PIECE_BYTES)
            except (OSError, ClientDisconnected) as err:
                words = "The upload broke off. Ask for its offset and go on from there."
                raise Invalid(words, code="upload_cut_off") from err
            if not piece:
                return
            taken_bytes += len(piece)
            if taken_bytes > most_bytes:
                raise TooLarge("These are more bytes than the upload was announced with.", limit_bytes=most_bytes)
            yield piece

    def _finish(self, upload: Upload) -> State:
        """All bytes are here. Only with the lock."""
        known = self._uploads.get(upload.id)
        if known.asset_id:
            return State(known, known.size_bytes)
        part, place = self._part(upload), self._desk.place_of(upload)
        is_named = place.is_file()
        try:
            asset = self._desk.enter(upload, place if is_named else part)
        except (Unsupported, Invalid):
            self._discard(upload)
            raise
        if is_named:
            part.unlink(missing_ok=True)  # made by taking the lock
        return State(self._uploads.finish(upload.id, asset.id), upload.size_bytes)

    def _discard(self, upload: Upload) -> None:
        self._forget_unchecked(upload)
        self._part(upload).unlink(missing_ok=True)
        self._uploads.delete(upload.id)

    def _forget_unchecked(self, upload: Upload) -> None:
        self._since(upload).unlink(missing_ok=True)

    def _part(self, upload: Upload) -> Path:
        return self._folder / upload.id

    def _since(self, upload: Upload) -> Path:
        return self._folder / f"{upload.id}.since"


def _append(file: IO[bytes], piece: bytes) -> None:
    rest = memoryview(piece)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as err:
        raise disk_error(err) from err


def _sync(file: IO[bytes]) -> None:
    try:
        os.fsync(file.fileno())
    except OSError as err:
        raise disk_error(err) from err
