"""Receives the files of a multipart request: streamed to disk, counted, hashed, limited. Called by request threads.

What was received lies under names of its own (`.<random>.part`) and is deleted again unless somebody moves it away.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header
from werkzeug.utils import secure_filename

from sightline.errors import Invalid, StorageError, TooLarge, Unsupported
from sightline.media.probe import VIDEO_SUFFIXES
from sightline.storage.local import FULL, check_space

OVERHEAD_BYTES = 64 * 1024
"""Boundaries and part heads of the form, on top of the files."""
FORM_MEMORY_BYTES = 1024 * 1024
"""What the parser may hold at once: its buffer of 64 KiB, and fields that are not files."""
SPACE_CHECK_BYTES = 32 * 1024 * 1024
NAME_MAX_CHARS = 60


class PartFile:
    """The file that is being received: counted, hashed, and refused when it grows too large or the disk too full."""

    def __init__(self, path: Path, max_bytes: int, reserve_bytes: int) -> None:
        self.path = path
        self.size_bytes = 0
        self._max_bytes = max_bytes
        self._reserve_bytes = reserve_bytes
        self._check_at_bytes = SPACE_CHECK_BYTES
        self._digest = hashlib.sha256()
        self._file: IO[bytes] = path.open("xb")

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Raises: TooLarge, StorageError (`disk_full`)."""
        self.size_bytes += len(data)
        if self.size_bytes > self._max_bytes:
            raise too_large(self._max_bytes)
        if self.size_bytes >= self._check_at_bytes:
            self._check_at_bytes += SPACE_CHECK_BYTES
            check_space(self.path.parent, 0, self._reserve_bytes)
        self._digest.update(data)
        try:
            return self._file.write(data)
        except OSError as err:
            raise disk_error(err) from err

    def seek(self, offset: int) -> int:
        """The form parser rewinds what it has received; nobody reads it from here."""
        return offset

    def finish(self) -> None:
        """Make it durable."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as err:
            raise disk_error(err) from err
        finally:
            self._file.close()

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """One file of the form, complete on disk."""

    part: PartFile
    original_name: str


@dataclass(frozen=True, slots=True)
class Received:
    """A form: its files in the order in which they came, and its other fields."""

    files: tuple[ReceivedFile, ...]
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a form may bring."""

    most_files: int
    most_bytes: int
    """Of each file, and of all together."""
    reserve_bytes: int
    may_be_empty: bool = False
    """A form without files, or with empty ones, is taken as well."""


@contextmanager
def received(request: Request, field: str, folder: Path, limits: Limits) -> Iterator[Received]:
    """Receive the files in the field `field` into `folder`.

    Raises:
        TooLarge, Unsupported (no form), Invalid (no file in it, too many, cut off), StorageError (disk full).
    """
    request.max_content_length = limits.most_bytes + OVERHEAD_BYTES
    if request.content_length is not None and request.content_length > limits.most_bytes + OVERHEAD_BYTES:
        raise too_large(limits.most_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    check_space(folder, request.content_length or 0, limits.reserve_bytes)
    parts: list[PartFile] = []
    try:
        yield _receive(request, field, folder, limits, parts)
    finally:
        for part in parts:
            part.close()
            part.path.unlink(missing_ok=True)


def _receive(request: Request, field: str, folder: Path, limits: Limits, parts: list[PartFile]) -> Received:
    mimetype, options = parse_options_header(request.content_type)
    if mimetype != "multipart/form-data" or "boundary" not in options:
        raise Unsupported(f"Send the file as multipart/form-data, field '{field}'.", code="not_multipart")

    def open_part(*_about: object, **_more: object) -> Any:
        if len(parts) >= limits.most_files:
            words = "Send one file." if limits.most_files == 1 else f"Send at most {limits.most_files} files."
            raise Invalid(words, code="too_many_files", field=field)
        parts.append(PartFile(folder / f".{secrets.token_hex(16)}.part", limits.most_bytes, limits.reserve_bytes))
        return parts[-1]

    parser = FormDataParser(
        stream_factory=open_part, max_form_memory_size=FORM_MEMORY_BYTES, max_form_parts=limits.most_files + 16, silent=False
    )
    try:
        _stream, form, files = parser.parse(request.stream, mimetype, request.content_length, options)
    except RequestEntityTooLarge as err:
        raise too_large(limits.most_bytes) from err
    except ValueError as err:
        raise Invalid("The upload was cut off, or is not a valid form.", code="bad_form", field=field) from err
    # A browser sends a field in which nothing was chosen as a file without a name.
    found = [(file.stream, file.filename) for file in files.getlist(field) if file.filename]
    kept = tuple(
        ReceivedFile(part, name) for part, name in found if isinstance(part, PartFile) and (part.size_bytes or limits.may_be_empty)
    )
    if not kept and not limits.may_be_empty:
        raise Invalid(f"The form has no file in the field '{field}'.", code="missing_field", field=field)
    for file in kept:
        file.part.finish()
    return Received(kept, {name: value for name, value in form.items()})


def safe_name(original_name: str, unique: str) -> str:
    """A file name made of the client's, without anything that means something to a shell, a path or a URL."""
    name = secure_filename(original_name).lower()
    stem, suffix = Path(name).stem.strip("._-")[:NAME_MAX_CHARS] or "video", Path(name).suffix
    # Only such an ending: a video that is a web page as well must not be stored as one.
    return f"{stem}-{unique}{suffix if suffix in VIDEO_SUFFIXES else '.mp4'}"


def too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The upload is larger than {limit_bytes} bytes (MAX_UPLOAD_SIZE).", limit_bytes=limit_bytes)


def disk_error(err: OSError) -> StorageError:
    if err.errno in FULL:
        return StorageError("The disk is full. Delete frames or files and send it again.", code="disk_full")
    return StorageError("The disk refused the upload. The log has the details.", code="disk_refused")
