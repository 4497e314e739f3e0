"""How the bytes of a weight file arrive: into a `.part` file that only one fetch holds, resumed, checked, and given its name last.

The `.part` file carries the beginning of the checksum in its name, so that it is never continued with another edition of the file.
"""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sightline.errors import AnalyzerError, Conflict, StorageError
from sightline.media.models.manifest import Model
from sightline.media.models.places import CHUNK_BYTES, Delivery, Place

Progress = Callable[[int, int], None]
"""Called with the bytes that have arrived and the bytes of the whole file (0: unknown)."""
CHECKSUM_WRONG = "model_checksum"


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on while a file arrives."""

    progress: Progress = lambda _done, _total: None
    is_cancelled: Callable[[], bool] = lambda: False


class Part:
    """The half-arrived file of one model, locked against other fetches, also of other processes."""

    def __init__(self, model: Model, path: Path, file: BinaryIO) -> None:
        self._model = model
        self._path = path
        self._file = file
        self._digest = hashlib.sha256()
        self._done = 0
        self.is_kept = False
        """Whether a later fetch may go on where this one ends."""
        for piece in iter(lambda: file.read(CHUNK_BYTES), b""):
            self._digest.update(piece)
            self._done += len(piece)

    def receive(self, place: Place, watch: Watch) -> None:
        """Bring the rest of the file from `place`.

        Raises:
            AnalyzerError: it did not come, or is not that file. Conflict: it was cancelled. OSError: it cannot be written.
        """
        if self._model.sha256 and self._done >= self._model.bytes:
            self._restart()
        was_resumed = self._done > 0
        self.is_kept = False
        try:
            with place.open(self._model, self._done) as delivery:
                self._take(delivery, watch)
                self._check()
        except AnalyzerError as err:
            if err.code != CHECKSUM_WRONG:
                raise
            self._restart()
            if not was_resumed:
                raise
            # What was there before may have been the wrong half.
            self.receive(place, watch)

    def finish(self, target: Path) -> None:
        """Give the whole file its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.replace(target)
        # Under the old name there may soon be the file of somebody else's fetch.
        self.is_kept = True

    def _take(self, delivery: Delivery, watch: Watch) -> None:
        if delivery.start != self._done:
            self._restart()
        watch.progress(self._done, self._model.bytes)
        for piece in delivery.pieces:
            if watch.is_cancelled():
                self.is_kept = False
                raise Conflict(f"The download of {self._model.name} was cancelled; nothing is kept.", code="model_cancelled")
            self._add(piece)
            self.is_kept = delivery.is_resumable
            watch.progress(self._done, self._model.bytes)

    def _add(self, piece: bytes) -> None:
        self._done += len(piece)
        if self._model.sha256 and self._done > self._model.bytes:
            raise AnalyzerError(f"it is longer than the {self._model.bytes} bytes it should have.", code=CHECKSUM_WRONG)
        self._digest.update(piece)
        self._file.write(piece)

    def _check(self) -> None:
        if not self._model.is_size(self._done):
            raise AnalyzerError(f"only {self._done} of {self._model.bytes} bytes arrived.", code="model_incomplete")
        if self._model.sha256 and self._digest.hexdigest() != self._model.sha256:
            raise AnalyzerError("its checksum is wrong, so it is another file or damaged.", code=CHECKSUM_WRONG)

    def _restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._digest, self._done = hashlib.sha256(), 0
        self.is_kept = False


@contextmanager
def open_part(model: Model, folder: Path, reserve_bytes: int) -> Iterator[Part]:
    """The `.part` file of `model` in `folder`; it goes away at the end unless it may be continued.

    Raises:
        Conflict: another fetch of this model runs. StorageError: the folder cannot be written, or the disk is full.
    """
    path = part_path(model, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_space(model, folder, reserve_bytes)
        file = _locked(model, path)
    except OSError as err:
        raise _not_written(model, err) from err
    part: Part | None = None
    try:
        part = Part(model, path, file)
        yield part
    except OSError as err:
        if part is not None:
            part.is_kept = False
        raise _not_written(model, err) from err
    finally:
        # Before the lock is gone, so that nobody else's file is taken away.
        if part is None or not part.is_kept:
            with suppress(OSError):
                path.unlink()
        with suppress(OSError):
            file.close()


def part_path(model: Model, folder: Path) -> Path:
    return folder / f"{model.file}.{model.sha256[:8] or 'own'}.part"


def check_space(model: Model, folder: Path, reserve_bytes: int) -> None:
    """Raises: StorageError (code `disk_full`): the file would leave less than the reserve."""
    if shutil.disk_usage(folder).free - model.bytes < reserve_bytes:
        raise _disk_full(model)


def _locked(model: Model, path: Path) -> BinaryIO:
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have renamed or deleted it between our opening and our lock.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                # Weights are read by every process of the installation, whatever the umask says.
                os.fchmod(file.fileno(), 0o644)
                return file
        except BlockingIOError:
            file.close()
            raise Conflict(f"{model.name} is being downloaded already.", code="already_downloading") from None
        except OSError:
            file.close()
            raise
        file.close()


def _not_written(model: Model, err: OSError) -> StorageError:
    if err.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full(model)
    return StorageError(f"{model.file} cannot be written: {err.strerror}.", is_transient=False, code="model_not_written")


def _disk_full(model: Model) -> StorageError:
    message = f"There is no room for {model.file} ({model.bytes / 1e6:.1f} MB) on the disk of MODELS_DIR: delete something there."
    return StorageError(message, code="disk_full")
