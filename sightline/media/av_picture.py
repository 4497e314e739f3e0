"""Pictures over frames of libav: colours are converted only when somebody asks."""

import threading
from functools import cache
from typing import cast

import cv2
import numpy as np
from av import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter

from sightline.media.frame import Image, LazyPicture
from sightline.media.tone_map import Light, light_of, tone_mapped

_LUMA_FIRST = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"})
"""Formats whose first plane is 8-bit luma."""
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


def picture_of(frame: VideoFrame) -> LazyPicture:
    """A picture over `frame`, upright as its display matrix wants it, in the light of BT.709."""
    turn = _TURNS.get(round(frame.rotation) % 360)
    size = (frame.width, frame.height)
    if turn in (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE):
        size = (frame.height, frame.width)
    if (light := light_of(frame)) != Light.PLAIN:
        mapped = cache(lambda: _turned(tone_mapped(frame, light), turn))
        return LazyPicture(size, mapped, lambda: cast(Image, cv2.cvtColor(mapped(), cv2.COLOR_BGR2GRAY)))
    # What is BGR already is not converted but shown where it lies.
    converts_anew = frame.format.name != "bgr24"
    return LazyPicture(
        size, lambda: _turned(_bgr(frame), turn), lambda: _turned(_luma(frame), turn), converts_anew=converts_anew
    )  # fmt: skip


def _turned(image: Image, turn: int | None) -> Image:
    return image if turn is None else cv2.rotate(image, turn)  # type: ignore[return-value]


class _Converter(threading.local):
    """One converter for each thread: libav sets it up once, not for every frame, and it is not safe to share."""

    def __init__(self) -> None:
        self.reformatter = VideoReformatter()

    def to(self, name: str, frame: VideoFrame) -> Image:
        # More threads than one cost more to start than a picture takes.
        return cast(Image, self.reformatter.reformat(frame, format=name, threads=1).to_ndarray())


_converter = _Converter()


def _bgr(frame: VideoFrame) -> Image:
    return _converter.to("bgr24", frame)


def _luma(frame: VideoFrame) -> Image:
    if frame.format.name in _LUMA_FIRST:
        return _pixels(frame.planes[0], frame.width, frame.height)
    return _converter.to("gray", frame)


def _pixels(plane: VideoPlane, width: int, height: int) -> Image:
    """View of a plane without the padding at the end of its lines."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:height, :width]
