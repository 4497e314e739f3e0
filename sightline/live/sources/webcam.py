"""Webcams through Video4Linux."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from sightline.errors import SourceError
from sightline.live.sources.source import Captured, ClosingSource, SourceInfo
from sightline.media.address import CheckedAddress
from sightline.media.frame import BgrPicture
from sightline.media.source_options import SourceOptions

FAILED_READS_LIMIT = 5


def open_webcam(checked: CheckedAddress, options: SourceOptions, stop: threading.Event) -> "WebcamSource":
    """Open a camera that is plugged into this machine."""
    device = Path(checked.address.path)
    if not device.exists():
        there = ", ".join(devices()) or "none"
        raise SourceError(f"There is no {device} on this machine. Cameras that are here: {there}.", code="not_found")
    capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{device} is in use by another program, or its permissions forbid it.", code="unreachable")
    for name, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, options.width), (cv2.CAP_PROP_FRAME_HEIGHT, options.height), (cv2.CAP_PROP_FPS, options.fps),
    ):  # fmt: skip
        if value is not None:
            capture.set(name, value)
    # One buffer: the newest picture, not one that has waited.
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return WebcamSource(capture, stop)


def devices() -> list[str]:
    """The camera devices of this machine, in order of their numbers."""
    found = [path for path in Path("/dev").glob("video*") if re.fullmatch(r"video\d+", path.name)]
    return [str(path) for path in sorted(found, key=lambda path: int(path.name[5:]))]


class WebcamSource(ClosingSource):
    """Pictures of one webcam."""

    def __init__(self, capture: cv2.VideoCapture, stop: threading.Event) -> None:
        self._capture = capture
        self._stop = stop
        code = int(capture.get(cv2.CAP_PROP_FOURCC))
        codec = code.to_bytes(4, "little").decode("ascii", "replace").strip("\x00 ").lower() if code > 0 else None
        width, height = (int(capture.get(name)) or None for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        fps = capture.get(cv2.CAP_PROP_FPS) or None
        self.info = SourceInfo("webcam", codec, width, height, fps, has_audio=False, has_b_frames=False)

    def close(self) -> None:
        self._capture.release()

    def __iter__(self) -> Iterator[Captured]:
        failed = 0
        while not self._stop.is_set():
            is_read, image = self._capture.read()
            if not is_read:
                failed += 1
                if failed >= FAILED_READS_LIMIT:
                    raise SourceError("The camera gives no more pictures. Was it unplugged?", code="timeout")
                continue
            failed = 0
            yield Captured.now(BgrPicture(image), time.monotonic_ns())  # type: ignore[arg-type]
