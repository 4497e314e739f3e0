"""Where shots begin and end, told while the film is decoded: PySceneDetect's adaptive detector, and fades by their darkness.

The detector judges a frame against the `WINDOW` frames around it, so a cut is told that many frames late.
"""

import cv2
import numpy as np
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from sightline.media.frame import Image

ADAPTIVE_RATIO = 3.0
"""How many times more a frame must differ than those around it."""
LEAST_CHANGE = 15.0
"""How much it must differ at least, in levels of hue, saturation and brightness."""
WINDOW = 2
LEAST_SHOT_S = 0.6
DARK_LEVEL = 16.0
"""Frames whose mean brightness is at most this (16 is black where video keeps the range of television) belong to no shot."""


class ShotFinder:
    """Finds the cuts of one film. Shown every frame in order."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._count = 0
        self._detector = AdaptiveDetector(
            adaptive_threshold=ADAPTIVE_RATIO,
            min_scene_len=max(1, round(LEAST_SHOT_S * fps)),
            window_width=WINDOW,
            min_content_val=LEAST_CHANGE,
        )

    def see(self, small: Image) -> int | None:
        """Look at the next frame, a small BGR picture.

        Returns:
            The number (from 0) of a frame that begins a new shot, when there is one that was not told before.
        """
        at = FrameTimecode(self._count, fps=self._fps)
        self._count += 1
        cuts = self._detector.process_frame(at, np.ascontiguousarray(small))
        return int(cuts[0].frame_num) if cuts else None


def is_dark(luma: Image) -> bool:
    """Whether a brightness picture is as dark as the gap of a fade."""
    return float(cv2.mean(luma)[0]) <= DARK_LEVEL
