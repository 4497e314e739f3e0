"""Where the ffmpeg program is, and what every call of it has in common."""

import shutil
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from sightline.errors import JobError


@lru_cache(maxsize=1)
def ffmpeg() -> str:
    """Path of the program: the one on PATH, else the one in the imageio-ffmpeg wheel.

    Raises:
        JobError: `ffmpeg_missing`.
    """
    found = shutil.which("ffmpeg")
    if found is None and find_spec("imageio_ffmpeg") is not None:
        import imageio_ffmpeg

        found = str(imageio_ffmpeg.get_ffmpeg_exe())
    if found is None:
        raise JobError(
            "The program ffmpeg is not installed. Install it (apt install ffmpeg), then try again.", code="ffmpeg_missing"
        )
    return found


def reading(path: Path, containers: str) -> list[str]:
    """The part of a call that reads a file which somebody sent, if it is one of `containers` (libav's names, with commas).

    The program guesses the format anew, and may guess otherwise than libav did when the file was examined: bytes that pass for a
    playlist would have it open what they name.
    """
    return ["-format_whitelist", containers, "-protocol_whitelist", "file", "-i", f"file:{path}"]


def quiet(*arguments: str) -> list[str]:
    """A call that asks nothing, overwrites its output, says only what is wrong, and tells its progress on standard output."""
    return [ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-progress", "pipe:1", "-nostats", *arguments]
