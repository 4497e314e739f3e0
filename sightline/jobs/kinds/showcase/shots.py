"""Where shots begin and end, told while the film is decoded: by TransNetV2 when it is here, else by PySceneDetect and dissolves.

PySceneDetect's adaptive detector judges a frame against the `WINDOW` frames around it and knows cuts; what it takes for movement is
looked through by `dissolves`. Frames as dark as the gap of a fade are told apart by whoever has them (`is_dark`).
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from sightline.jobs.kinds.showcase.dissolves import DissolveFinder
from sightline.media.frame import Image

ADAPTIVE_RATIO = 3.0
"""How many times more a frame must differ than those around it."""
LEAST_CHANGE = 15.0
"""How much it must differ at least, in levels of hue, saturation and brightness."""
WINDOW = 2
LEAST_SHOT_S = 0.6
DARK_LEVEL = 16.0
"""Frames whose mean brightness is at most this (16 is black where video keeps the range of television) belong to no shot."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where one shot gives way to the next. Frames are counted from 0."""

    first: int
    """The first frame that is no longer the shot before alone."""
    after: int
    """The first frame of the next shot; the same as `first` at a cut."""


class ShotFinder(Protocol):
    """Finds the boundaries of one film. Shown every frame in order."""

    @property
    def lag(self) -> int:
        """So many frames later at the latest it is known whether a frame is part of a boundary."""
        ...

    def see(self, small: Image) -> list[Boundary]:
        """Look at the next frame, a small BGR picture; boundaries that were not told before. Raises: AnalyzerError."""
        ...

    def end(self) -> list[Boundary]:
        """The film is over; what was not told before. Raises: AnalyzerError."""
        ...


class AdaptiveFinder:
    """Cuts by PySceneDetect, dissolves by mixture."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._count = 0
        self._detector = AdaptiveDetector(
            adaptive_threshold=ADAPTIVE_RATIO,
            min_scene_len=max(1, round(LEAST_SHOT_S * fps)),
            window_width=WINDOW,
            min_content_val=LEAST_CHANGE,
        )
        self._dissolves = DissolveFinder(fps)

    @property
    def lag(self) -> int:
        return max(WINDOW, self._dissolves.lag)

    def see(self, small: Image) -> list[Boundary]:
        at = FrameTimecode(self._count, fps=self._fps)
        self._count += 1
        cuts = [int(cut.frame_num) for cut in self._detector.process_frame(at, np.ascontiguousarray(small))]
        dissolve = self._dissolves.see(small)
        return [Boundary(cut, cut) for cut in cuts] + ([Boundary(*dissolve)] if dissolve else [])

    def end(self) -> list[Boundary]:
        dissolve = self._dissolves.end()
        return [Boundary(*dissolve)] if dissolve else []


def is_dark(luma: Image) -> bool:
    """Whether a brightness picture is as dark as the gap of a fade."""
    return float(cv2.mean(luma)[0]) <= DARK_LEVEL
