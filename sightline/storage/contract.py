"""What every storage can do, and which keys it takes."""

import hashlib
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from sightline.errors import Invalid, StorageError

KEY_MAX_BYTES = 512
PART_MAX_BYTES = 200
"""A file name may have 255 bytes; the rest is for the name of the half-written file."""
CHUNK_BYTES = 1 << 20

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Stored:
    """One object that lies in storage."""

    key: str
    sha256: str
    """Lower-case hex."""
    size_bytes: int
    url: str
    """Its address, without credentials. Local storage: the path below its folder."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing."""

    key: str
    size_bytes: int
    modified_at: float
    """Epoch seconds."""


class Storage(Protocol):
    """A place for bytes under keys such as `frames/door/2026-01-31/083015-17.jpg`.

    Every method raises Invalid for a bad key and StorageError when the place refuses; `is_transient` of that error says whether
    waiting can help (False: a person has to change something first).
    """

    @property
    def kind(self) -> str:
        """local | s3"""
        ...

    def put(self, key: str, data: bytes | Path, content_type: str) -> Stored:
        """Keep bytes, or a copy of a file. When it returns they are durable and complete; a key that exists is replaced."""
        ...

    def open(self, key: str) -> BinaryIO:
        """A stream of the bytes, to be closed by the caller. Raises: NotFound."""
        ...

    def pieces(self, key: str, start: int = 0) -> Generator[bytes, None, None]:
        """The bytes from `start` on, piece by piece. Raises: NotFound, at the first piece."""
        ...

    def get(self, key: str, sha256: str = "") -> bytes:
        """All bytes. Raises: NotFound; StorageError (code `corrupt`) when they are not those of `sha256`."""
        ...

    def stat(self, key: str) -> Stored:
        """Raises: NotFound."""
        ...

    def list(self, prefix: str = "") -> tuple[Listed, ...]:
        """Everything whose key begins with `prefix`, in order of key."""
        ...

    def delete(self, key: str) -> None:
        """Remove it; nothing happens when it is not there."""
        ...

    def url(self, key: str) -> str:
        """The address that `put` reports for this key."""
        ...


def check_key(key: str) -> str:
    """Return `key`, or raise Invalid: empty, absolute, `.` or `..` parts, control characters, backslashes, too long."""
    parts = key.split("/")
    if _FORBIDDEN.search(key) or any(part in ("", ".", "..") for part in parts):
        raise Invalid("A storage key is a relative path such as frames/door/1.jpg.", code="bad_key", field="key")
    # A part that begins with a dot is how half-written files are told from complete ones.
    if any(part.startswith(".") for part in parts):
        raise Invalid("No part of a storage key begins with a dot.", code="bad_key", field="key")
    if len(key.encode()) > KEY_MAX_BYTES or any(len(part.encode()) > PART_MAX_BYTES for part in parts):
        message = f"A storage key has at most {KEY_MAX_BYTES} bytes, and {PART_MAX_BYTES} between two slashes."
        raise Invalid(message, code="bad_key", field="key")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix` when a valid key can begin with it."""
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix


def sha256_of(data: bytes | Path) -> tuple[str, int]:
    """Hex digest and size in bytes, reading a file in pieces. Raises: OSError."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest(), len(data)
    digest = hashlib.sha256()
    size_bytes = 0
    with data.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size_bytes += len(chunk)
    return digest.hexdigest(), size_bytes


def check_digest(key: str, data: bytes, sha256: str) -> bytes:
    """Return `data`, or raise StorageError (code `corrupt`) when it is not what `sha256` says; an empty digest is not checked."""
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        message = f"The stored bytes of {key} are damaged: their checksum is not the one of when they were kept."
        raise StorageError(message, code="corrupt", is_transient=False)
    return data
