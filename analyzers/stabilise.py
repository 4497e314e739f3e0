"""Stabilisation: takes the tremble out of a camera on a pole or in a hand. About 3 ms at 720p on one core.

Corners are followed from frame to frame on a small brightness picture (Lucas-Kanade, pyramids); the similarity transform that most
of them agree on (RANSAC) is the camera's own movement, whatever walks through the picture. The camera's path, summed up from these
steps, is smoothed over time, and the picture is shifted, turned and scaled from where it is to where the smooth path would have it.
It is enlarged by the margin, so that the border that moves in and out stays outside. A wanted pan is followed with a delay.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Image, small_luma
from sightline.media.stage import Moment, Resources, param, register
from sightline.media.transform import IDENTITY, Transform

WIDTH_PX = 320
SMALLEST_PX = 32
"""Pictures with a shorter side have nothing to follow."""
MOST_CORNERS = 100
FEWEST_CORNERS = 12
REFRESH_CORNERS = 50
"""Below this many, new corners are looked for."""
REFRESH_FRAMES = 15
AGREEING_SHARE = 0.4
"""Share of the corners that must agree on a movement; fewer is a cut or a picture full of movement."""
GAP_NS = 1_000_000_000
WINDOW_PX = (15, 15)
LEVELS = 3

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class StabiliseParams:
    smoothness: float = param(
        1.0, "Smoothness", minimum=0.1, maximum=5.0, step=0.1, unit="s", help="Movement that lasts longer than this is followed."
    )
    margin: float = param(
        5.0, "Margin", minimum=1.0, maximum=20.0, step=0.5, unit="%",
        help="Of the picture on each side, cut off; a tremble up to this size is taken out.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Motion:
    """A similarity in shares of the picture's width: shift, turn (radians), logarithm of the scale. Small ones add up."""

    x: float = 0.0
    y: float = 0.0
    turn: float = 0.0
    zoom: float = 0.0

    def plus(self, other: "Motion", weight: float = 1.0) -> "Motion":
        return Motion(
            self.x + weight * other.x, self.y + weight * other.y, self.turn + weight * other.turn, self.zoom + weight * other.zoom
        )

    def within(self, most: float) -> "Motion":
        """Scaled down so that no corner of the picture moves by more than `most`."""
        reach = math.hypot(self.x, self.y) + 0.6 * (abs(self.turn) + abs(self.zoom))
        share = 1.0 if reach <= most else most / reach
        return Motion(self.x * share, self.y * share, self.turn * share, self.zoom * share)


class Stabilise:
    """Follows one camera's own movement."""

    def __init__(self, params: StabiliseParams) -> None:
        self._smooth_s = params.smoothness
        self._margin = params.margin / 100
        self._before: Image | None = None
        self._corners: Floats | None = None
        self._corners_age = 0
        self._pts_ns = 0
        self._shake = Motion()
        """From the smooth path to where the camera is."""
        self.transform = IDENTITY

    def apply(self, image: Image, moment: Moment) -> Image:
        height, width = image.shape[:2]
        if min(height, width) < SMALLEST_PX:
            self.transform = IDENTITY
            return image.copy()
        small = small_luma(image, WIDTH_PX)
        self._follow(small, moment.pts_ns)
        self.transform = self._correction(width, height)
        return cv2.warpAffine(
            image, self.transform.matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )  # type: ignore[return-value]

    def _follow(self, small: Image, pts_ns: int) -> None:
        before, self._before = self._before, small
        elapsed_ns, self._pts_ns = pts_ns - self._pts_ns, pts_ns
        if before is None or before.shape != small.shape or not 0 < elapsed_ns < GAP_NS:
            self._begin(small)
            return
        step = self._step(before, small)
        if step is None:  # a cut: what the camera did before says nothing about this scene
            self._begin(small)
            return
        # The smooth path is a low-pass of the camera's own: what the camera does adds to the distance of the two, time takes off.
        keep = math.exp(-elapsed_ns / 1e9 / self._smooth_s)
        self._shake = Motion().plus(self._shake.plus(step), keep).within(self._margin)

    def _begin(self, small: Image) -> None:
        self._shake = Motion()
        self._find_corners(small)

    def _find_corners(self, small: Image) -> None:
        self._corners = cv2.goodFeaturesToTrack(small, MOST_CORNERS, 0.01, 8)  # type: ignore[assignment]
        self._corners_age = 0

    def _step(self, before: Image, small: Image) -> Motion | None:
        """What the camera did from `before` to `small`; None when that cannot be said."""
        if self._corners is None or len(self._corners) < FEWEST_CORNERS:
            # A wall without a pattern: nothing to hold on to, and nothing that would show a tremble.
            self._find_corners(small)
            return Motion()
        there, status, _ = cv2.calcOpticalFlowPyrLK(before, small, self._corners, None, winSize=WINDOW_PX, maxLevel=LEVELS)  # type: ignore[call-overload]
        found = status.ravel() == 1
        old, new = self._corners[found], there[found]
        if len(old) < max(FEWEST_CORNERS, AGREEING_SHARE * len(self._corners)):
            return None
        matrix, inliers = cv2.estimateAffinePartial2D(old, new, method=cv2.RANSAC, ransacReprojThreshold=1.5)
        if matrix is None or inliers.sum() < AGREEING_SHARE * len(old):
            return None
        self._corners = new[inliers.ravel() == 1]
        self._corners_age += 1
        if len(self._corners) < REFRESH_CORNERS or self._corners_age >= REFRESH_FRAMES:
            self._find_corners(small)
        return _motion(np.asarray(matrix, np.float64), small.shape[1], small.shape[0])

    def _correction(self, width: int, height: int) -> Transform:
        """Back from where the camera is to the smooth path, around the picture's centre, enlarged by the margin."""
        scale = math.exp(-self._shake.zoom) / (1 - 2 * self._margin)
        cos, sin = scale * math.cos(-self._shake.turn), scale * math.sin(-self._shake.turn)
        to_x, to_y = width / 2, height / 2
        from_x, from_y = to_x + self._shake.x * width, to_y + self._shake.y * width
        return Transform(cos, -sin, to_x - cos * from_x + sin * from_y, sin, cos, to_y - sin * from_x - cos * from_y)


def _motion(matrix: NDArray[np.float64], width: int, height: int) -> Motion:
    """Of a `(2, 3)` similarity: how the centre of the picture moved, the turn and the scale around it."""
    centre = np.array([width / 2, height / 2])
    shift = (matrix[:, :2] @ centre + matrix[:, 2] - centre) / width
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    return Motion(float(shift[0]), float(shift[1]), math.atan2(matrix[1, 0], matrix[0, 0]), math.log(max(scale, 1e-3)))


def _make(params: StabiliseParams, _resources: Resources) -> Stabilise:
    return Stabilise(params)


register(
    "stabilise",
    _make,
    kind="filter",
    label="Stabilise",
    description="Takes the tremble out of a camera on a pole or in a hand, and cuts off a margin for it.",
    params=StabiliseParams,
    group="Picture",
    moves=True,
)
