"""How bright the takes are, and the mild correction that brings them nearer to each other."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import av
import av.error
import cv2
import numpy as np

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
            frame = next(container.decode(stream))
            small = frame.reformat(LOOKED_AT_PX, LOOKED_AT_PX, "gray").to_ndarray()
    except (av.error.FFmpegError, StopIteration, IndexError):
        return UNREADABLE
    return float(cv2.mean(np.ascontiguousarray(small))[0]) / 255


def gammas(brightness: Sequence[float]) -> list[float]:
    """For each take, the gamma (above 1 = brighter) that brings it towards the middle one of all."""
    usable = [min(0.98, max(0.02, value)) for value in brightness]
    wanted = math.log(median(usable)) if usable else 0.0
    return [min(MOST_GAMMA, max(1 / MOST_GAMMA, (math.log(value) / wanted) ** STRENGTH)) for value in usable]
