"""Motion: where the picture changes, on a small brightness picture (320 wide). 2 to 4 ms per look.

MOG2 learns each pixel's usual brightness. Three things keep it quiet when nothing moves: it says nothing while it learns; a change
of (nearly) the whole picture, such as a lamp switched on or a cut in a film, makes it learn anew instead of shouting; and
a patch that only became lighter or darker but shows the same pattern as before is light, not movement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sightline.media.findings import Box, Detection, Findings
from sightline.media.frame import Frame, Image
from sightline.media.stage import Resources, param, register

LUMA_WIDTH_PX = 320
RATE_HZ = 10.0
LEARN_LOOKS = 10
"""Looks (1 s at RATE_HZ) at a new scene before anything is reported."""
HISTORY_LOOKS = 150
"""How long the background remembers: something left standing becomes background after about 15 s."""
GLOBAL_CHANGE = 0.7
"""Share of the picture above which a change is one of light, camera or scene, not of an object."""
GAP_NS = 10_000_000_000
"""A pause after which the remembered background is worth nothing."""
SAME_PATTERN = 0.95
"""Correlation with the background above which a changed patch is only lighter or darker."""
FLAT_CONTRAST = 4.0
"""Standard deviation below which a patch has no pattern to compare."""


@dataclass(frozen=True)
class MotionParams:
    sensitivity: int = param(60, "Sensitivity", minimum=1, maximum=100, step=1, help="Higher reacts to weaker changes.")
    min_area: float = param(
        0.2, "Smallest area", minimum=0.01, maximum=50.0, step=0.05, unit="%", help="Of the picture; smaller changes are ignored."
    )
    merge: float = param(3.0, "Join distance", minimum=0.0, maximum=20.0, step=0.5, unit="%", help="Of the picture's width.")


class MotionDetection:
    """Watches one camera."""

    def __init__(self, params: MotionParams) -> None:
        self._params = params
        self._subtractor = self._new_subtractor()
        self._looks = 0
        self._shape: tuple[int, ...] = ()
        self._last_pts_ns = 0

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        luma = cv2.GaussianBlur(frame.picture.luma(LUMA_WIDTH_PX), (5, 5), 0)
        if luma.shape != self._shape or not 0 <= frame.pts_ns - self._last_pts_ns <= GAP_NS:
            self._learn_anew(luma.shape)
        self._last_pts_ns = frame.pts_ns
        mask = self._changed(luma)  # type: ignore[arg-type]
        self._looks += 1
        if np.count_nonzero(mask) > GLOBAL_CHANGE * mask.size and self._looks > 1:
            self._learn_anew(luma.shape)
            self._changed(luma)  # type: ignore[arg-type]
            self._looks = 1
        boxes = self._boxes(mask, luma) if self._looks > LEARN_LOOKS else []  # type: ignore[arg-type]
        return self._findings(frame, boxes, luma.shape)

    def _new_subtractor(self) -> "cv2.BackgroundSubtractorMOG2":
        # Squared distance in standard deviations: 1..100 % maps to 80..8.
        threshold = 80 * 0.1 ** (self._params.sensitivity / 100)
        return cv2.createBackgroundSubtractorMOG2(HISTORY_LOOKS, threshold, detectShadows=False)

    def _learn_anew(self, shape: tuple[int, ...]) -> None:
        self._subtractor = self._new_subtractor()
        self._shape = shape
        self._looks = 0

    def _changed(self, luma: Image) -> Image:
        # While learning, every look counts alike; afterwards the background moves slowly.
        rate = 1 / (self._looks + 1) if self._looks < LEARN_LOOKS else 1 / HISTORY_LOOKS
        mask = self._subtractor.apply(luma, learningRate=rate)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        return cv2.dilate(mask, np.ones((5, 5), np.uint8), iterations=2)  # type: ignore[return-value]

    def _boxes(self, mask: Image, luma: Image) -> list[Box]:
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        smallest = self._params.min_area / 100 * mask.size
        found = [cv2.boundingRect(c) for c in contours if cv2.contourArea(c) >= smallest]
        if not found:
            return []
        background = self._subtractor.getBackgroundImage()
        moved = [(x, y, x + w, y + h) for x, y, w, h in found if not is_light(luma, background, (x, y, w, h))]  # type: ignore[arg-type]
        return merge_near([tuple(map(float, box)) for box in moved], self._params.merge / 100 * mask.shape[1])  # type: ignore[misc]

    def _findings(self, frame: Frame, boxes: list[Box], shape: tuple[int, ...]) -> Findings:
        width, height = frame.size_px
        sx, sy = width / shape[1], height / shape[0]
        detections = tuple(Detection("motion", 1.0, (x1 * sx, y1 * sy, x2 * sx, y2 * sy)) for x1, y1, x2, y2 in boxes)
        area = sum((b[2] - b[0]) * (b[3] - b[1]) for b in boxes) / (shape[0] * shape[1])
        measures = {"area_percent": round(min(100.0, 100 * area), 2), "is_learning": self._looks <= LEARN_LOOKS}
        return Findings(
            "motion_detection", frame.camera_id, frame.seq, frame.pts_ns, frame.captured_ns, frame.size_px, detections, measures
        )


def is_light(luma: Image, background: Image, rect: tuple[int, int, int, int]) -> bool:
    """Whether a changed patch (x, y, width, height) only became lighter or darker."""
    x, y, w, h = rect
    now, before = luma[y : y + h, x : x + w], background[y : y + h, x : x + w]
    # A fifth of the time of ndarray.std and cv2.matchTemplate, which are made for more than one small patch.
    (mean, spread), (mean_before, spread_before) = _level(now), _level(before)
    if min(spread, spread_before) < FLAT_CONTRAST:
        return False
    covariance = cv2.mean(cv2.multiply(now, before, dtype=cv2.CV_32F))[0] - mean * mean_before
    return covariance / (spread * spread_before) > SAME_PATTERN


def _level(patch: Image) -> tuple[float, float]:
    """Mean and standard deviation of a brightness picture."""
    mean, spread = cv2.meanStdDev(patch)
    return float(mean[0, 0]), float(spread[0, 0])


def merge_near(boxes: list[Box], distance: float) -> list[Box]:
    """Join boxes that overlap or lie no further apart than `distance`, until none do."""
    merged: list[Box] = []
    for box in boxes:
        joined = box
        while near := [other for other in merged if _is_near(joined, other, distance)]:
            for other in near:
                merged.remove(other)
                joined = _around(joined, other)
        merged.append(joined)
    return merged


def _is_near(a: Box, b: Box, distance: float) -> bool:
    return max(a[0], b[0]) - min(a[2], b[2]) <= distance and max(a[1], b[1]) - min(a[3], b[3]) <= distance


def _around(a: Box, b: Box) -> Box:
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def _make(params: MotionParams, _resources: Resources) -> MotionDetection:
    return MotionDetection(params)


register(
    "motion_detection",
    _make,
    kind="analyzer",
    label="Motion",
    group="Motion and camera",
    description="Shows where something moves. Learns the scene during the first second.",
    params=MotionParams,
    rate_hz=RATE_HZ,
    backend="OpenCV MOG2",
)
