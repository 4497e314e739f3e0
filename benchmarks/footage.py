"""Footage for the benchmarks: the shared real clips when they are there, else a pattern that ffmpeg draws."""

import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.report import fail

ASSETS = Path(os.environ.get("SIGHTLINE_ASSETS", Path(__file__).parents[2] / "shared" / "assets"))


def ffmpeg() -> str:
    path = shutil.which("ffmpeg")
    if path is None:
        fail("ffmpeg is not installed; the benchmarks cut their footage with it (apt-get install ffmpeg)")
    return str(path)


def street_720p(folder: Path) -> Path:
    """A 720p30 H.264 clip of about 10 s, put into `folder`."""
    target = folder / "street.mp4"
    real = ASSETS / "video" / "street_people_720p.mp4"
    if real.is_file():
        # A keyframe each second, as cameras are set; one re-encode, so that a late joiner has a picture soon.
        source = ["-i", str(real)]
    else:
        source = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=10"]
    _run([*source, "-an", "-r", "30", "-s", "1280x720", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "30",
          "-pix_fmt", "yuv420p", "-b:v", "2500k", str(target)])  # fmt: skip
    return target


def scaled(clip: Path, width: int, height: int, fps: int) -> Path:
    """`clip` in another size, beside it."""
    target = clip.with_name(f"{clip.stem}_{width}x{height}.mp4")
    _run(["-i", str(clip), "-an", "-r", str(fps), "-s", f"{width}x{height}", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0",
          "-g", str(fps), "-pix_fmt", "yuv420p", str(target)])  # fmt: skip
    return target


def repeated(clip: Path, times: int) -> Path:
    """`clip` many times over, without a re-encode: an endless camera for an RTSP server that plays a file once per client."""
    target = clip.with_name(f"{clip.stem}_long.mp4")
    _run(["-stream_loop", str(times), "-i", str(clip), "-an", "-c", "copy", str(target)])
    return target


def _run(arguments: list[str]) -> None:
    command = [ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(f"ffmpeg: {done.stderr.strip()[-400:]}")
