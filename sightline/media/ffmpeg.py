"""Where the ffmpeg program is, and what every call of it has in common."""

import shutil
import subprocess
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from sightline.errors import JobError

LONGEST_ARGUMENT_BYTES = 120_000
"""Linux takes 131 071."""
ANSWER_S = 30.0


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


def graph_arguments(graph: str, path: Path) -> list[str]:
    """The part of a call that names a filter graph; one that is too long for an argument is written to `path`. Raises: OSError."""
    if len(graph.encode()) <= LONGEST_ARGUMENT_BYTES:
        return ["-filter_complex", graph]
    path.write_text(graph, encoding="utf-8")
    return ["-filter_complex_script" if _has_graph_scripts() else "-/filter_complex", str(path)]


@lru_cache(maxsize=1)
def _has_graph_scripts() -> bool:
    """Versions before 8 have an option for it; those since 7 read any option from a file."""
    call = [ffmpeg(), "-hide_banner", "-h", "long"]
    told = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False).stdout
    return b"-filter_complex_script" in told


def quiet(*arguments: str) -> list[str]:
    """A call that asks nothing, overwrites its output, says only what is wrong, and tells its progress on standard output."""
    return [ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-progress", "pipe:1", "-nostats", *arguments]
