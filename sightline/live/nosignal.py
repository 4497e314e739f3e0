"""The picture that viewers see while a camera delivers none, so that they stay connected. Drawn by the chain thread."""

import time

import cv2
import numpy as np

from sightline.live.status import CameraStatus
from sightline.media.frame import BgrPicture, Frame, Image

SIZE_PX = (1280, 720)
"""While the camera's own size is not known."""

BACKGROUND = (38, 30, 26)
HEADLINE_INK = (235, 235, 235)
TEXT_INK = (170, 165, 160)
FONT = cv2.FONT_HERSHEY_SIMPLEX
LONGEST_LINE = 140

HEADLINES = {
    "connecting": "Connecting",
    "stalled": "No signal: the camera stopped sending",
    "backoff": "No signal: trying again",
    "ended": "The recording is over",
    "stopped": "Camera is off",
    "idle": "Camera is off",
}


def no_signal_frame(status: CameraStatus, last: Frame | None) -> Frame:
    """The picture of this moment as a frame that follows `last`."""
    size_px = (status.width, status.height) if status.width and status.height else SIZE_PX
    image = no_signal_picture(size_px, status.name, status.state, status.message, time.time() - status.since)
    now_ns = time.monotonic_ns()
    # Its clock runs on from the last frame's, so that rate limits of renditions keep working.
    pts_ns = last.pts_ns + now_ns - last.captured_ns if last is not None else now_ns
    return Frame(status.id, last.seq if last is not None else 0, pts_ns, now_ns, time.time(), BgrPicture(image))


def no_signal_picture(size_px: tuple[int, int], camera_name: str, state: str, message: str, since_s: float) -> Image:
    """Return `(H, W, 3) uint8 BGR` with the camera's name, what is wrong and for how long.

    Args:
        size_px: width, height.
        since_s: seconds since the state began.
    """
    width, height = size_px
    canvas = np.full((height, width, 3), BACKGROUND, np.uint8)
    _draw_stripes(canvas)
    headline = HEADLINES.get(state, "No signal")
    lines = [
        (camera_name, 0.9, TEXT_INK),
        (headline, 1.3, HEADLINE_INK),
        (message, 0.7, TEXT_INK),
        (_duration(since_s), 0.7, TEXT_INK),
    ]
    top = round(height * 0.36)
    for words, size, ink in lines:
        if words:
            top = _draw_line(canvas, words[:LONGEST_LINE], size, ink, top)
    return canvas


def _draw_stripes(canvas: Image) -> None:
    height, width = canvas.shape[:2]
    step = max(12, width // 40)
    for x in range(-height, width, step * 2):
        cv2.line(canvas, (x, height), (x + height, 0), (44, 36, 31), step // 2, cv2.LINE_AA)


def _draw_line(canvas: Image, words: str, size: float, ink: tuple[int, int, int], top: int) -> int:
    """Draw one centred line, shrunk until it fits, and return where the next one begins."""
    height, width = canvas.shape[:2]
    words = words.encode("ascii", "replace").decode()  # the built-in font knows no other letters
    scale = size * height / 720
    thickness = max(1, round(2 * scale))
    (text_w, text_h), _ = cv2.getTextSize(words, FONT, scale, thickness)
    if text_w > width * 0.94:
        scale *= width * 0.94 / text_w
        (text_w, text_h), _ = cv2.getTextSize(words, FONT, scale, thickness)
    cv2.putText(canvas, words, ((width - text_w) // 2, top + text_h), FONT, scale, ink, thickness, cv2.LINE_AA)
    return top + round(text_h * 2.1)


def _duration(since_s: float) -> str:
    if since_s < 2:
        return ""
    if since_s < 120:
        return f"for {since_s:.0f} seconds"
    if since_s < 7200:
        return f"for {since_s / 60:.0f} minutes"
    return f"for {since_s / 3600:.0f} hours"
