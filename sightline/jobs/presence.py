"""Which workers are alive: each touches a file of its own in DATA_DIR/run/workers; one that is old belongs to nobody any more."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from sightline.settings import Settings

TOUCH_EVERY_S = 5.0
ALIVE_S = 20.0
FORGET_S = 3600.0


class Presence:
    """The sign of life of this process. A duty of the worker."""

    def __init__(self, settings: Settings) -> None:
        self._file = _folder(settings) / f"{socket.gethostname()}:{os.getpid()}"

    def tell(self) -> None:
        """Be seen for the next ALIVE_S."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch()
        for other in self._file.parent.iterdir():
            if _age_s(other) > FORGET_S:
                other.unlink(missing_ok=True)

    def end(self) -> None:
        """Be gone at once."""
        self._file.unlink(missing_ok=True)


def workers_alive(settings: Settings) -> tuple[str, ...]:
    """`host:pid` of the workers that share this DATA_DIR."""
    folder = _folder(settings)
    names = sorted(file.name for file in folder.iterdir() if _age_s(file) <= ALIVE_S) if folder.is_dir() else []
    return tuple(names)


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "run" / "workers"


def _age_s(file: Path) -> float:
    with suppress(FileNotFoundError):
        return time.time() - file.stat().st_mtime
    return float("inf")
