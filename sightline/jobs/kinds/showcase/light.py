"""How bright the takes are, and the mild correction that brings them nearer to each other."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import av
import av.error
import cv2

from sightline.media.av_picture import picture_of
from sightline.media.frame import small_luma

STRENGTH = 0.5
"""So much of the way to the common brightness is gone."""
MOST_GAMMA = 1.35
UNREADABLE = 0.5
LOOKED_AT_PX = 64


def brightness_at(path: Path, at_s: float) -> float:
    """Mean brightness 0..1 of the keyframe before a moment of a file; 0.5 where none can be read."""
    try:
        with av.open(f"file:{path}", metadata_errors="replace") as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            container.seek(round(at_s * av.time_base) + (container.start_time or 0))
            small = small_luma(picture_of(next(container.decode(stream))).bgr(), LOOKED_AT_PX)
    except (av.error.FFmpegError, StopIteration, IndexError):
        return UNREADABLE
    return float(cv2.mean(small)[0]) / 255


def gammas(brightness: Sequence[float]) -> list[float]:
    """For each take, the gamma (above 1 = brighter) that brings it towards the middle one of all."""
    usable = [min(0.98, max(0.02, value)) for value in brightness]
    wanted = math.log(median(usable)) if usable else 0.0
    return [min(MOST_GAMMA, max(1 / MOST_GAMMA, (math.log(value) / wanted) ** STRENGTH)) for value in usable]
