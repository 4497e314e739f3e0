"""The folder of one job: a folder per stage that is done, and what that stage was made from.

    DATA_DIR/jobs/<id>/stages/<stage>/…        complete: it was renamed from <stage>.part when the stage ended
    DATA_DIR/jobs/<id>/stages/<stage>/done.json   {"fingerprint", "results": [{"name", "file", "content_type"}], "kept": [name]}
    DATA_DIR/jobs/<id>/stages/<stage>.part/kept.json   {"fingerprint", "names"}: what of it is whole already
    DATA_DIR/jobs/<id>/log.txt
    DATA_DIR/jobs/<id>/preview.jpg             what was made so far, while an attempt runs

A crash at any moment leaves whole stages and at most one `.part`: the next attempt goes on with what is kept there and throws away
the rest.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sightline.errors import JobError, StorageError
from sightline.settings import Settings

DONE, KEPT = "done.json", "kept.json"
HELD_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file of a stage that is a result of the job."""

    name: str
    file: str
    """Within the stage's folder."""
    content_type: str


class Workspace:
    """Files of one job. Used by one process at a time: the attempt's own, or the one that deletes an ended job."""

    def __init__(self, settings: Settings, job_id: str) -> None:
        self.folder = (settings.data_dir / "jobs" / job_id).absolute()
        self._stages = self.folder / "stages"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def parts(self) -> Path:
        """Stages that other machines ran on a part of the inputs, each under its fingerprint."""
        return self.folder / "parts"

    @property
    def preview(self) -> Path:
        return self.folder / "preview.jpg"

    def drop_preview(self) -> None:
        """There is nothing to look at yet, or not any more."""
        for path in self.folder.glob("preview.*"):
            path.unlink(missing_ok=True)

    @contextmanager
    def held(self, wait_s: float = HELD_WAIT_S) -> Iterator[None]:
        """Be the only attempt that works here: one that was given up, but has not noticed yet, comes to its end first.

        Raises:
            JobError: `still_held`, transient: it did not come to its end.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        ends_s = time.monotonic() + wait_s
        with (self.folder / "lock").open("ab") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > ends_s:
                        words = "An earlier attempt still runs, although it was given up."
                        raise JobError(words, code="still_held", is_transient=True) from None
                    time.sleep(0.1)
            yield

    def stage(self, name: str) -> Path:
        """Folder of a stage that is done."""
        return self._stages / name

    def is_done(self, name: str, fingerprint: str) -> bool:
        """Whether the stage was done before from the very same things."""
        return self._done(name).get("fingerprint") == fingerprint

    def results(self, name: str) -> tuple[ResultFile, ...]:
        return tuple(ResultFile(**item) for item in self._done(name).get("results", ()))

    def begin(self, name: str, fingerprint: str) -> Path:
        """A folder for a stage to write into; only what was kept of the very same stage is in it."""
        part = self._part(name)
        kept = self._kept(name)
        names = kept["names"] if kept["fingerprint"] == fingerprint else []
        try:
            part.mkdir(parents=True, exist_ok=True)
            for path in part.iterdir():
                if path.name not in names:
                    _delete(path)
            _write_whole(part / KEPT, {"fingerprint": fingerprint, "names": names})
        except OSError as err:
            raise StorageError("The folder DATA_DIR/jobs cannot be written.", code="disk_refused") from err
        return part

    def keep(self, stage: str, name: str) -> None:
        """What the stage has written under `name` is whole."""
        kept = self._kept(stage)
        _write_whole(self._part(stage) / KEPT, {**kept, "names": [*kept["names"], name]})

    def is_kept(self, stage: str, name: str) -> bool:
        return name in self._kept(stage)["names"] and (self._part(stage) / name).exists()

    def adopt(self, stage: str, fingerprint: str) -> None:
        """Keep what another machine has kept when it ran the stage on a part of the inputs alone, if it lies in `parts`."""
        part = self.parts / fingerprint
        for name in _read(part / DONE).get("kept", ()):
            if not self.is_kept(stage, name):
                (part / name).rename(self._part(stage) / name)
                self.keep(stage, name)

    def finish(self, name: str, fingerprint: str, results: Sequence[ResultFile]) -> None:
        """The stage is done: its folder appears, whole, under its name."""
        part, target = self._part(name), self.stage(name)
        told = {"fingerprint": fingerprint, "results": [asdict(result) for result in results], "kept": self._kept(name)["names"]}
        (part / DONE).write_text(json.dumps(told), encoding="utf-8")
        (part / KEPT).unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)

    def size_bytes(self) -> int:
        """What it takes on disk."""
        # The job's own process goes on renaming and deleting while we look.
        total = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(FileNotFoundError):
                    total += os.lstat(Path(folder, name)).st_size
        return total

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _part(self, stage: str) -> Path:
        return self._stages / f"{stage}.part"

    def _done(self, stage: str) -> dict[str, Any]:
        return _read(self.stage(stage) / DONE)

    def _kept(self, stage: str) -> dict[str, Any]:
        return {"fingerprint": "", "names": [], **_read(self._part(stage) / KEPT)}


def fingerprint(*parts: object) -> str:
    """Hex sha256 over JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    """A JSON file; empty when it is not there or damaged."""
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told


def _write_whole(path: Path, told: dict[str, Any]) -> None:
    """A JSON file that is there whole or as it was."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(told), encoding="utf-8")
    new.replace(path)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
