"""What an uploaded video file is, found out safely.

`probe_file` and `probe_url` have `sightline.media.demux` examine the file in a process of its own, so that bytes made to crash or
stall a native demuxer take nobody along, and the web process never loads one.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.errors import Invalid, SightlineError, Unsupported

TIMEOUT_S = 30.0
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".flv", ".ogv", ".wmv", ".asf", ".3gp"}
)
"""Endings of names that videos have."""
NOT_A_VIDEO = "This is not a video that can be read. Send MP4, MOV, MKV, WebM, AVI, MPEG or TS."
INCOMPLETE = "This video is incomplete or damaged. Copy or record it again, and send the whole file."
PROBLEMS: dict[str, tuple[type[SightlineError], str]] = {
    "not_a_video": (Unsupported, NOT_A_VIDEO),
    "incomplete_video": (Invalid, INCOMPLETE),
}


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What the container says."""

    width_px: int
    height_px: int
    codec: str
    duration_s: float | None
    fps: float | None


def probe_file(path: Path) -> VideoInfo:
    """Examine a file. Takes a few tenths of a second.

    Raises:
        Unsupported: `not_a_video`. Invalid: `incomplete_video`.
    """
    return _examined(str(path), b"")


def probe_url(url: str) -> VideoInfo:
    """Examine a file at an address of our own storage, of which only parts are read. Raises: as `probe_file`."""
    # On the command line everybody on this machine could read the permission in it.
    return _examined("-", url.encode())


def _examined(argument: str, said: bytes) -> VideoInfo:
    command = [sys.executable, "-m", "sightline.media.demux", argument]
    try:
        folder = Path(__file__).resolve().parents[2]
        done = subprocess.run(command, input=said, capture_output=True, timeout=TIMEOUT_S, check=False, cwd=folder)
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as err:
        raise refusal("not_a_video") from err
    if "problem" in answer:
        raise refusal(answer["problem"])
    return VideoInfo(**answer)


def refusal(code: str) -> SightlineError:
    """The error of one of PROBLEMS."""
    kind, message = PROBLEMS[code]
    return kind(message, code=code)
