"""Metres on the ground from pixels of the picture, and the speed of what moves there.

Four points of the picture whose places on flat ground are known (a rectangle of known width and length) give the homography from
the picture to the ground; see Hartley and Zisserman, "Multiple View Geometry in Computer Vision" (2004), section 2.3.
"""

import math
from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.errors import AnalyzerError

Point = tuple[float, float]

SHORTEST_S = 0.4
"""A speed over a shorter time than this is jitter of the detector."""
LEAST_LOOKS = 3
FORGET_S = 5.0
LEAST_AREA_SHARE = 1e-4
"""Of the picture: a rectangle that small is a line."""


class Ground:
    """Flat ground as a camera sees it.

    Args:
        corners: near left, near right, far right, far left of the rectangle, in pixels; any order of going round will do, as
            long as the first two are the ends of a side of `width_m`.
        width_m, length_m: of the rectangle.

    Raises:
        AnalyzerError: the corners are no rectangle seen in perspective.
    """

    def __init__(self, corners: Sequence[Point], width_m: float, length_m: float, size_px: tuple[int, int]) -> None:
        pixels = np.array(corners, np.float64)
        if pixels.shape != (4, 2) or not _is_convex(pixels) or _area(pixels) < LEAST_AREA_SHARE * size_px[0] * size_px[1]:
            raise AnalyzerError(
                "The area of known size must have four corners that go round it without crossing. Draw it anew.",
                code="bad_calibration",
            )
        metres = np.array([(0, 0), (width_m, 0), (width_m, length_m), (0, length_m)], np.float64)
        self._to_metres = cv2.getPerspectiveTransform(pixels.astype(np.float32), metres.astype(np.float32))
        # Which side of the horizon the rectangle lies on; beyond it there is no ground.
        self._sign = math.copysign(1.0, self._weight(tuple(pixels.mean(axis=0))))
        self._nearest = min(abs(self._weight((x, y))) for x, y in pixels.tolist())

    def metres(self, point: Point) -> Point | None:
        """Where on the ground a pixel is; None at or above the horizon, and where a pixel is worth too many metres to tell."""
        weight = self._weight(point)
        if weight * self._sign <= self._nearest / 5:
            return None
        x, y, w = self._to_metres @ np.array([point[0], point[1], 1.0])
        return float(x / w), float(y / w)

    def _weight(self, point: Sequence[float]) -> float:
        row = self._to_metres[2]
        return float(row[0] * point[0] + row[1] * point[1] + row[2])


class Speedometer:
    """The speed of one thing: the straight line that fits its places of the last seconds best.

    Args:
        window_s: how many seconds; longer is steadier and later.
    """

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self._places: deque[tuple[int, float, float]] = deque()

    @property
    def seen_ns(self) -> int:
        return self._places[-1][0] if self._places else 0

    def add(self, place_m: Point, pts_ns: int) -> None:
        if self._places and pts_ns <= self._places[-1][0]:
            self._places.clear()
        self._places.append((pts_ns, *place_m))
        while pts_ns - self._places[0][0] > self.window_s * 1e9 and len(self._places) > LEAST_LOOKS:
            self._places.popleft()

    def metres_per_s(self) -> float | None:
        """None as long as too little is known."""
        if len(self._places) < LEAST_LOOKS:
            return None
        times = np.array([(pts_ns - self._places[0][0]) / 1e9 for pts_ns, _, _ in self._places])
        if times[-1] < SHORTEST_S:
            return None
        places = np.array([(x, y) for _, x, y in self._places])
        centred = times - times.mean()
        velocity = centred @ (places - places.mean(axis=0)) / float(centred @ centred)
        return float(np.hypot(*velocity))


def _is_convex(corners: NDArray[np.float64]) -> bool:
    sides = np.roll(corners, -1, axis=0) - corners
    following = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
    return bool((turns > 0).all() or (turns < 0).all())


def _area(corners: NDArray[np.float64]) -> float:
    x, y = corners.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
