"""The inputs of a task, brought to where its stages can read them: they are here, lie in storage, or are fetched from the web.

What is fetched appears under its path when it is whole; `<file>.fetched.json` beside it says so, and no later attempt fetches or
hashes it again. What was fetched in part stays in `<file>.part` and is gone on with, if it is still the same thing.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sightline.errors import Invalid, JobError, NotFound, StorageError, Unsupported
from sightline.jobs.contract import WorkInput
from sightline.jobs.fetching import Opened, WebFootage
from sightline.jobs.task import Task
from sightline.media.address import AddressPolicy
from sightline.media.probe import probe_file
from sightline.records.jobs import JobInput
from sightline.settings import Settings
from sightline.storage import Storage, storage_holding
from sightline.storage.contract import CHUNK_BYTES
from sightline.storage.local import FULL, check_space

STORAGE_SCHEME = "storage:"
SPACE_CHECK_BYTES = 32 * 1024 * 1024
MOST_STALLS = 3
"""Tries in a row that bring nothing, after which the whole attempt waits for a later one."""
FIRST_PAUSE_S = 1.0

Tell = Callable[[float, str], None]
"""`tell(share, message)`: how much of the fetching is done, 0..1. What it raises ends the fetching."""


class Origin(Protocol):
    """Where an input is fetched from."""

    def opened(self, begin_bytes: int, version: str) -> AbstractContextManager[Opened]: ...


def is_fetching(task: Task) -> bool:
    """Whether anything of the task is to be brought from elsewhere."""
    return any(item.origin for item in task.inputs)


def gather(task: Task, settings: Settings, tell: Tell) -> tuple[WorkInput, ...]:
    """Every input as a file on this machine, in order. One attempt at a time.

    Raises:
        JobError: `input_missing`: the file was deleted; `url_…`, `bad_video`, `input_changed`. StorageError, Forbidden.
    """
    count = len(task.inputs)
    gathered = []
    for number, item in enumerate(task.inputs):
        path = (settings.data_dir / item.path).absolute()

        def tell_of_all(share: float, message: str, number: int = number) -> None:
            tell((number + share) / count, message)

        sha256 = _Fetch(item, path, settings, tell_of_all).bring() if item.origin else item.sha256
        if not path.is_file():
            raise _missing(item)
        gathered.append(WorkInput(item.name, path, sha256))
    return tuple(gathered)


def note_of(path: Path) -> Path:
    """What says of a fetched file that it is whole, and what it is."""
    return path.with_name(f"{path.name}.fetched.json")


class _Fetch:
    """One input on its way."""

    def __init__(self, item: JobInput, path: Path, settings: Settings, tell: Tell) -> None:
        self._item = item
        self._path = path
        self._settings = settings
        self._tell = tell
        self._part = path.with_name(f"{path.name}.part")
        self._note = note_of(path)

    def bring(self) -> str:
        """The file is there; its hex sha256."""
        told = self._told()
        if told.get("sha256") and self._path.is_file() and self._path.stat().st_size == told.get("size_bytes"):
            return str(told["sha256"])
        self._path.parent.mkdir(parents=True, exist_ok=True)
        origin = _origin(self._item, self._settings)
        stalls = 0
        while True:
            begin_bytes = self._fetched_bytes
            try:
                return self._go_on(origin)
            except (JobError, StorageError) as err:
                stalls = 0 if self._fetched_bytes > begin_bytes else stalls + 1
                if not err.is_transient or err.code == "disk_full" or stalls >= MOST_STALLS:
                    raise
            self._pause(FIRST_PAUSE_S * 2**stalls)

    @property
    def _fetched_bytes(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _go_on(self, origin: Origin) -> str:
        with origin.opened(self._fetched_bytes, str(self._told().get("version", ""))) as opened, _mapped_errors():
            self._check_room(opened.begin_bytes, opened.size_bytes)
            self._note.write_text(json.dumps({"version": opened.version}), encoding="utf-8")
            digest = self._receive(opened)
        if self._item.sha256 and digest != self._item.sha256:
            self._part.unlink()
            words = f"{self._item.name} is not the file any more that it was when the job was entered. Send it again."
            raise JobError(words, code="input_changed")
        self._check_video()
        told = {"sha256": digest, "size_bytes": self._fetched_bytes}
        self._part.rename(self._path)
        self._note.write_text(json.dumps(told), encoding="utf-8")
        return digest

    def _receive(self, opened: Opened) -> str:
        """Write the pieces behind what is there; the hex sha256 of everything."""
        done_bytes = opened.begin_bytes
        whole_bytes = opened.size_bytes or self._item.size_bytes
        digest = _digest(self._part) if done_bytes else hashlib.sha256()
        check_at_bytes = done_bytes + SPACE_CHECK_BYTES
        with self._part.open("ab" if done_bytes else "wb") as file:
            for piece in opened.pieces:
                file.write(piece)
                digest.update(piece)
                done_bytes += len(piece)
                if done_bytes >= check_at_bytes or done_bytes > self._settings.max_upload_bytes:
                    check_at_bytes = done_bytes + SPACE_CHECK_BYTES
                    self._check_room(done_bytes, None)
                share = done_bytes / whole_bytes if whole_bytes else 0.0
                self._tell(min(1.0, share), f"{self._item.name}: {done_bytes / 1e6:.0f} MB")
        return digest.hexdigest()

    def _check_room(self, done_bytes: int, whole_bytes: int | None) -> None:
        most_bytes = self._settings.max_upload_bytes
        if max(done_bytes, whole_bytes or 0) > most_bytes:
            words = f"{self._item.name} is larger than {most_bytes} bytes (MAX_UPLOAD_SIZE)."
            raise JobError(words, code="too_large", limit_bytes=most_bytes)
        check_space(self._path.parent, max(0, (whole_bytes or 0) - done_bytes), self._settings.disk_reserve_bytes)

    def _check_video(self) -> None:
        """What nobody has examined yet must be a video."""
        if self._item.sha256:
            return
        try:
            probe_file(self._part)
        except (Unsupported, Invalid) as err:
            self._part.unlink()
            words = f"{self._item.name} is no video that can be read. The address must be that of the file itself, not of a page."
            raise JobError(words, code="bad_video", detail=err.message) from err

    def _pause(self, pause_s: float) -> None:
        ends_s = time.monotonic() + pause_s
        while time.monotonic() < ends_s:
            self._tell(0.0, f"{self._item.name}: the connection broke off, trying again")
            time.sleep(0.1)

    def _told(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return told


@dataclass(frozen=True, slots=True)
class _Stored:
    """An input that lies in storage."""

    storage: Storage
    key: str
    item: JobInput

    @contextmanager
    def opened(self, begin_bytes: int, version: str) -> Iterator[Opened]:
        # What lies under a key of ours never becomes another thing.
        if version != self.key or begin_bytes >= self.item.size_bytes:
            begin_bytes = 0
        pieces = self.storage.pieces(self.key, begin_bytes)
        yield Opened(begin_bytes, self.item.size_bytes or None, self.key, self._mapped(pieces))

    def _mapped(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from pieces
        except NotFound as err:
            raise _missing(self.item) from err


def _origin(item: JobInput, settings: Settings) -> Origin:
    if not item.origin.startswith(STORAGE_SCHEME):
        return WebFootage(item.origin, item.name, AddressPolicy.from_settings(settings))
    key = item.origin.removeprefix(STORAGE_SCHEME)
    return _Stored(storage_holding(settings, key), key, item)


def _missing(item: JobInput) -> JobError:
    return JobError(f"The input {item.name} is no longer there. Send it again.", code="input_missing", inputs=[item.name])


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except OSError as err:
        if err.errno in FULL:
            raise StorageError("The disk is full. Delete jobs, frames or files, then try again.", code="disk_full") from err
        raise StorageError("The folder DATA_DIR/jobs cannot be written.", code="disk_refused") from err


def _digest(path: Path) -> Any:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
    return digest
