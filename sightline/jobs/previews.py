"""What a job has made so far, as a small JPEG that changes while it runs: from ffmpeg, or from pictures that Python makes."""

import time
from pathlib import Path

import cv2

from sightline.media.frame import Image, shrink_to_width

EVERY_S = 2.0
WIDEST_PX = 640
QUALITY = 75


def preview_filter() -> str:
    """Of the pictures that pass, one every `EVERY_S` seconds by the clock on the wall, not larger than `WIDEST_PX`."""
    # ld(0) and st(0) keep the time of the one before; nothing is scaled that is not shown.
    chosen = f"select='if(gte(time(0)-ld(0),{EVERY_S:g}),1+0*st(0,time(0)),0)'"
    # Numbered as they come, whatever clock the pictures had: no two may have the same time for the encoder.
    return f"{chosen},settb=1,setpts=N,scale='min({WIDEST_PX},iw)':-2:out_range=pc,format=yuvj420p"


def preview_output(label: str, path: Path) -> list[str]:
    """The output of an ffmpeg call that writes the pictures of `label` to `path`, each one whole before it is seen."""
    return [
        "-map", f"[{label}]", "-fps_mode", "passthrough", "-enc_time_base", "1:1", "-c:v", "mjpeg", "-q:v", "6", "-threads", "1",
        "-f", "image2", "-update", "1", "-atomic_writing", "1", f"file:{path}",
    ]  # fmt: skip


class Preview:
    """Shows pictures that Python makes. Used by one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown_s = float("-inf")

    def show(self, image: Image) -> None:
        """Write a BGR picture, unless one was written a moment ago. Raises: OSError."""
        now_s = time.monotonic()
        if now_s - self._shown_s < EVERY_S:
            return
        self._shown_s = now_s
        told, data = cv2.imencode(".jpg", shrink_to_width(image, WIDEST_PX), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if told:
            part = self._path.with_suffix(".tmp")
            part.write_bytes(data.tobytes())
            part.replace(self._path)
