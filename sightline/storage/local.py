"""Storage in a folder of this machine. Every write is complete or absent: half-written file, fsync, rename."""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from sightline.errors import Invalid, NotFound, StorageError
from sightline.storage.contract import CHUNK_BYTES, Listed, Stored, check_digest, check_key, check_prefix, sha256_of

FULL = (errno.ENOSPC, errno.EDQUOT)
MOST_FOLDER_RACES = 100


class LocalStorage:
    """Keys are paths below `folder`. Safe from any thread and process.

    Args:
        reserve_bytes: free disk space below which nothing more is kept.
    """

    kind = "local"

    def __init__(self, folder: Path, reserve_bytes: int = 0) -> None:
        self._folder = folder.absolute()
        self._reserve_bytes = reserve_bytes

    def put(self, key: str, data: bytes | Path, content_type: str) -> Stored:
        path = self.path(key)
        with _mapped_errors(key, is_writing=True):
            size_bytes = len(data) if isinstance(data, bytes) else data.stat().st_size
            self._folder.mkdir(parents=True, exist_ok=True)
            check_space(self._folder, size_bytes, self._reserve_bytes)
            digest, size_bytes = write_durably(path, data)
        return Stored(key, digest, size_bytes, self.url(key))

    def open(self, key: str) -> BinaryIO:
        with _mapped_errors(key):
            return self.path(key).open("rb")

    def pieces(self, key: str, start: int = 0) -> Generator[bytes, None, None]:
        with self.open(key) as file, _mapped_errors(key):
            file.seek(start)
            while piece := file.read(CHUNK_BYTES):
                yield piece

    def get(self, key: str, sha256: str = "") -> bytes:
        with _mapped_errors(key):
            return check_digest(key, self.path(key).read_bytes(), sha256)

    def stat(self, key: str) -> Stored:
        with _mapped_errors(key):
            digest, size_bytes = sha256_of(self.path(key))
        return Stored(key, digest, size_bytes, self.url(key))

    def list(self, prefix: str = "") -> tuple[Listed, ...]:
        check_prefix(prefix)
        start = self._folder / prefix.rpartition("/")[0]
        with _mapped_errors(prefix):
            found = (self._listed(path) for path in start.rglob("*") if path.is_file())
            matching = (item for item in found if item and item.key.startswith(prefix))
            return tuple(sorted(matching, key=lambda item: item.key))

    def delete(self, key: str) -> None:
        path = self.path(key)
        with suppress(NotFound), _mapped_errors(key):
            path.unlink()
            self._remove_empty(path.parent)

    def url(self, key: str) -> str:
        return quote(check_key(key))

    def path(self, key: str) -> Path:
        """The file of `key`, whether it is there or not. Raises: Invalid (bad key)."""
        return self._folder / check_key(key)

    def _listed(self, path: Path) -> Listed | None:
        key = path.relative_to(self._folder).as_posix()
        if any(part.startswith(".") for part in key.split("/")):
            return None
        try:
            status = path.stat()
        except FileNotFoundError:  # deleted by somebody else since the folder was read
            return None
        return Listed(key, status.st_size, status.st_mtime)

    def _remove_empty(self, folder: Path) -> None:
        # rmdir refuses a folder with something in it: no race with a writer can lose a file.
        with suppress(OSError):
            while folder != self._folder:
                folder.rmdir()
                folder = folder.parent


def check_space(folder: Path, size_bytes: int, reserve_bytes: int) -> None:
    """Raise StorageError (code `disk_full`) when `size_bytes` more would leave less than `reserve_bytes` free."""
    if shutil.disk_usage(folder).free - size_bytes < reserve_bytes:
        raise StorageError(
            f"The disk is nearly full: less than DISK_RESERVE ({reserve_bytes} bytes) would stay free. Delete frames or files.",
            code="disk_full",
            reserve_bytes=reserve_bytes,
        )


def write_durably(path: Path, data: bytes | Path) -> tuple[str, int]:
    """Write bytes, or copy a file, to `path`: there completely, also after a power cut, or not at all.

    Returns:
        Hex sha256 and size in bytes of what was written. Raises: OSError.
    """
    digest = hashlib.sha256()
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _open_new(part) as file:
            for chunk in _chunks(data):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
            size_bytes = file.tell()
        part.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return digest.hexdigest(), size_bytes


def _chunks(data: bytes | Path) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    with data.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _open_new(part: Path) -> BinaryIO:
    # `delete`, in any process, may remove a folder as empty at every point between the first mkdir and the open:
    # mkdir then sees a folder that is gone again (FileExistsError) or whose parent is (FileNotFoundError).
    for _ in range(MOST_FOLDER_RACES):
        with suppress(FileNotFoundError, FileExistsError):
            part.parent.mkdir(parents=True, exist_ok=True)
            return part.open("xb")
    part.parent.mkdir(parents=True, exist_ok=True)
    return part.open("xb")


def _sync_folder(folder: Path) -> None:
    # The rename itself is durable only when the folder is.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _mapped_errors(key: str, is_writing: bool = False) -> Iterator[None]:
    try:
        yield
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as err:
        if is_writing:
            raise Invalid(f"The key {key} runs through another object.", code="bad_key", field="key") from err
        raise NotFound(f"There is nothing in storage under {key}.", code="object_not_found") from err
    except FileNotFoundError as err:
        raise NotFound(f"There is nothing in storage under {key}.", code="object_not_found") from err
    except OSError as err:
        if err.errno in FULL:
            raise StorageError("The disk is full. Delete frames or files.", code="disk_full") from err
        message = f"The storage folder refused {key}: {os.strerror(err.errno or 0)}. Check the rights of DATA_DIR/storage."
        raise StorageError(message, code="disk_refused") from err
