"""Motion mask view: what differs from the learned background. About 1 ms at 720p on one core.

The background is learned per pixel (MOG2) on a small brightness picture, at a pace that does not depend on the frame rate. When
the filters need all the time there is, it looks at every second picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sightline.media.frame import Image, small_luma
from sightline.media.stage import Moment, Resources, param, register

WIDTH_PX = 240
MEMORY_S = 15.0
"""What stands still for about this long becomes background."""
LEARN_S = 1.0
GLOBAL_CHANGE = 0.7
"""Share of the picture above which another scene is learned."""
DIMMED = 0.3
COLOUR = (40, 40, 255)
SAVING = "The background is compared with every second picture, because the filters need all the time there is."


@dataclass(frozen=True)
class MaskParams:
    sensitivity: int = param(60, "Sensitivity", minimum=1, maximum=100, step=1, help="Higher reacts to weaker changes.")
    show: str = param(
        "mask", "Show", choices=("mask", "what moves", "marked"), help="what moves: the rest is dimmed; marked: tinted red."
    )


class MotionMask:
    """Knows the background of one camera."""

    def __init__(self, params: MaskParams) -> None:
        # Squared distance in standard deviations, as the motion analyzer has it.
        self._threshold = 80 * 0.1 ** (params.sensitivity / 100)
        self._show = params.show
        self._shape: tuple[int, ...] = ()
        self._mask = np.zeros((0, 0), np.uint8)
        """In the size of the picture."""
        self._pts_ns = self._since_ns = 0
        self._is_reused = False
        self.notice = ""

    def apply(self, image: Image, moment: Moment) -> Image:
        self.notice = SAVING if moment.is_hurried else ""
        if moment.is_hurried and self._mask.shape == image.shape[:2] and not self._is_reused:
            self._is_reused = True
        else:
            self._is_reused = False
            small = self._look(image, moment.pts_ns)
            self._mask = cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        mask = self._mask
        if self._show == "mask":
            return cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
        mask = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]  # type: ignore[assignment]
        if self._show == "marked":
            tinted = cv2.addWeighted(image, 0.5, np.full_like(image, COLOUR), 0.5, 0)
            return cv2.copyTo(tinted, mask, image.copy())  # type: ignore[return-value]
        return cv2.copyTo(image, mask, cv2.convertScaleAbs(image, alpha=DIMMED))  # type: ignore[return-value]

    def _look(self, image: Image, pts_ns: int) -> Image:
        luma = cv2.GaussianBlur(small_luma(image, WIDTH_PX), (3, 3), 0)
        elapsed_s, self._pts_ns = (pts_ns - self._pts_ns) / 1e9, pts_ns
        if luma.shape != self._shape or not 0 <= elapsed_s <= MEMORY_S:
            self._learn_anew(luma.shape, pts_ns)
        mask = self._differing(luma, elapsed_s)  # type: ignore[arg-type]
        if np.count_nonzero(mask) > GLOBAL_CHANGE * mask.size:
            self._learn_anew(luma.shape, pts_ns)
            self._differing(luma, elapsed_s)  # type: ignore[arg-type]
        if pts_ns - self._since_ns < LEARN_S * 1e9:
            return np.zeros_like(mask)
        return cv2.medianBlur(mask, 3)  # type: ignore[return-value]

    def _learn_anew(self, shape: tuple[int, ...], pts_ns: int) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(500, self._threshold, detectShadows=False)
        self._shape, self._since_ns, self._is_new = shape, pts_ns, True

    def _differing(self, luma: Image, elapsed_s: float) -> Image:
        rate = 1.0 if self._is_new else min(1.0, max(elapsed_s, 1e-3) / MEMORY_S)
        self._is_new = False
        return self._background.apply(luma, learningRate=rate)  # type: ignore[return-value]


def _make(params: MaskParams, _resources: Resources) -> MotionMask:
    return MotionMask(params)


register(
    "motion_mask",
    _make,
    kind="filter",
    label="Motion mask",
    description="Shows what differs from the learned background.",
    params=MaskParams,
    group="Views",
    backend="OpenCV MOG2",
)
