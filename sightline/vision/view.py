"""What a fixed camera usually shows, learned from small brightness pictures, and how far a picture is from that. Pure, no threads.

The picture is divided into tiles. A tile of the learned view that has edges is *textured*; only those are compared. Edges are
compared by direction (normalised correlation of gradients), so that light may change while the view stays the same; sharpness is
compared as the share of fine detail in all detail, so that fog or a new exposure is not taken for a lens out of focus.
"""

import math
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Image, shrink_to_width

Floats = NDArray[np.float32]

WIDTH_PX = 320
FINE_WIDTH_PX = 640
"""Sharpness needs more pixels than the view."""
TILE_PX = 32
TEXTURED = 6.0
"""Mean gradient, in grey levels per pixel, from which a tile has edges to compare."""
LEAST_TILES = 6
"""With fewer textured tiles nothing can be said about the view."""
SAME_EDGES = 0.35
"""Correlation from which a tile shows what it did; with noise alone it is around 0."""
DARK, CLIPPED = 30, 233
"""Luma that is black or white in video range too, where black is 16 and white 235."""
FEATURES = 600
LEAST_SHIFT, LEAST_DEGREES, LEAST_ZOOM = 0.02, 2.0, 0.05
LEAST_INLIERS = 14
LEAST_INLIER_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Look:
    """One picture, prepared for comparing. The grids have a value per tile."""

    luma: Image
    """`(h, 320)` or smaller."""
    brightness: float
    """Mean luma, 0..255."""
    contrast: float
    """Standard deviation of the luma."""
    dark_share: float
    clipped_share: float
    gradients: Floats
    """`(2, h, w)`: along x and y."""
    coarse_gradients: Floats
    """As `gradients`, of the picture blurred so far that a lens out of focus changes little."""
    texture: Floats
    """Mean gradient of each tile."""
    fineness: Floats
    """Fine detail by coarse detail of each tile."""

    @classmethod
    def at(cls, fine: Image) -> Self:
        """Prepare a brightness picture of `FINE_WIDTH_PX` (or smaller)."""
        luma = shrink_to_width(fine, WIDTH_PX)
        gradients = _gradients(luma, 1.0)
        height, width = luma.shape
        laplacian = np.abs(cv2.Laplacian(cv2.GaussianBlur(fine, (0, 0), 0.8), cv2.CV_32F))
        detail = cv2.resize(laplacian, (width, height), interpolation=cv2.INTER_AREA)
        coarse = _gradients(luma, 4.0)
        fineness = _tiles(np.asarray(detail, np.float32)) / (_tiles(_length(coarse)) + 0.5)
        return cls(
            luma, float(luma.mean()), float(luma.std()), float((luma <= DARK).mean()), float((luma >= CLIPPED).mean()),
            gradients, coarse, _tiles(_length(gradients)), fineness,
        )  # fmt: skip

    @property
    def textured(self) -> int:
        """How many tiles have edges."""
        return int((self.texture >= TEXTURED).sum())


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a picture compares with the learned view. All shares are of the textured tiles, 0..1."""

    same: float
    """Tiles that show the same edges."""
    same_coarse: float
    """Tiles that show the same when seen through a blurred lens."""
    blurred: float
    """Tiles that have lost most of their fine detail."""
    sharpness: float
    """Median of the fine detail that is left, 1 = as learned."""
    detail: float
    """Textured tiles now, by those learned."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How a camera was turned, from what the picture shows."""

    x_share: float
    """Of the picture's width; positive: the scene went to the right."""
    y_share: float
    rotation_degrees: float
    zoom: float

    @property
    def is_noticeable(self) -> bool:
        """More than wind and the uncertainty of the measurement make of it."""
        return (
            max(abs(self.x_share), abs(self.y_share)) >= LEAST_SHIFT
            or abs(self.rotation_degrees) >= LEAST_DEGREES
            or abs(self.zoom - 1) >= LEAST_ZOOM
        )

    def __str__(self) -> str:
        """In words: "12% to the left, 3% up, turned by 4°"."""
        parts = []
        if abs(self.x_share) >= 0.01:
            parts.append(f"{abs(self.x_share):.0%} to the {'right' if self.x_share > 0 else 'left'}")
        if abs(self.y_share) >= 0.01:
            parts.append(f"{abs(self.y_share):.0%} {'down' if self.y_share > 0 else 'up'}")
        if abs(self.rotation_degrees) >= 1:
            parts.append(f"turned by {abs(self.rotation_degrees):.0f}°")
        if abs(self.zoom - 1) >= 0.03:
            parts.append(f"{'larger' if self.zoom > 1 else 'smaller'} by {abs(self.zoom - 1):.0%}")
        return ", ".join(parts) or "a little"


class LearnedView:
    """The usual picture of a camera."""

    def __init__(self, looks: list[Look]) -> None:
        """Learn from some looks at the same view: what passes through is left out by the median."""
        stack = np.stack([look.luma for look in looks])
        self._luma = np.median(stack, axis=0).astype(np.float32)
        self._fineness = np.median(np.stack([look.fineness for look in looks]), axis=0).astype(np.float32)
        self._refresh()

    @property
    def is_comparable(self) -> bool:
        """Whether it has enough edges to tell it from another view."""
        return int(self._textured.sum()) >= LEAST_TILES

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._luma.shape)

    def compare(self, look: Look) -> Likeness:
        """How a picture of the same size compares. Only for a comparable view."""
        textured = self._textured
        same = correlation(self._gradients, look.gradients)[textured]
        coarse = correlation(self._coarse, look.coarse_gradients)[textured]
        left = (look.fineness / np.maximum(self._fineness, 1e-3))[textured]
        return Likeness(
            float((same >= SAME_EDGES).mean()), float((coarse >= SAME_EDGES).mean()), float((left < 0.5).mean()),
            float(np.median(left)), look.textured / max(1, int(textured.sum())),
        )  # fmt: skip

    def follow(self, look: Look, share: float) -> None:
        """Go `share` (0..1) of the way towards a picture, so that slow changes become part of the view."""
        self._luma += (look.luma - self._luma) * np.float32(share)
        self._fineness += (look.fineness - self._fineness) * np.float32(share)
        self._refresh()

    def shift_of(self, look: Look) -> Shift | None:
        """How the scene has moved in the picture, by matched ORB features; None when it cannot be recognised."""
        return find_shift(self._luma.astype(np.uint8), look.luma)

    def _refresh(self) -> None:
        luma = self._luma.astype(np.uint8)
        self._gradients, self._coarse = _gradients(luma, 1.0), _gradients(luma, 4.0)
        self._textured = _tiles(_length(self._gradients)) >= TEXTURED


def correlation(a: Floats, b: Floats) -> Floats:
    """Normalised correlation of two gradient fields `(2, h, w)` in each tile, -1..1."""
    together = _tiles(a[0] * b[0] + a[1] * b[1])
    alone = np.sqrt(_tiles(a[0] ** 2 + a[1] ** 2) * _tiles(b[0] ** 2 + b[1] ** 2))
    return np.asarray(together / (alone + 1e-3), np.float32)


def find_shift(before: Image, after: Image) -> Shift | None:
    """The similarity that takes one brightness picture to the other; None when too few features agree on one."""
    orb = cv2.ORB_create(FEATURES, fastThreshold=10)  # type: ignore[attr-defined]
    (points_a, features_a), (points_b, features_b) = (orb.detectAndCompute(picture, None) for picture in (before, after))
    if features_a is None or features_b is None:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(features_a, features_b)
    if len(pairs) < LEAST_INLIERS:
        return None
    source = np.array([points_a[pair.queryIdx].pt for pair in pairs], np.float32)
    target = np.array([points_b[pair.trainIdx].pt for pair in pairs], np.float32)
    matrix, inliers = cv2.estimateAffinePartial2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=3.0)
    agreed = 0 if inliers is None else int(inliers.sum())
    if matrix is None or agreed < max(LEAST_INLIERS, LEAST_INLIER_SHARE * len(pairs)):
        return None
    height, width = before.shape
    centre = np.array([width / 2, height / 2])
    moved = matrix[:, :2] @ centre + matrix[:, 2] - centre
    zoom, degrees = math.hypot(matrix[0, 0], matrix[1, 0]), math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    return Shift(float(moved[0]) / width, float(moved[1]) / height, degrees, zoom)


def _gradients(luma: Image, blur_px: float) -> Floats:
    calm = cv2.GaussianBlur(luma, (0, 0), blur_px)
    along = [cv2.Sobel(calm, cv2.CV_32F, x, y, ksize=3, scale=0.25) for x, y in ((1, 0), (0, 1))]
    return np.stack(along).astype(np.float32)


def _length(gradients: Floats) -> Floats:
    return np.asarray(np.hypot(gradients[0], gradients[1]), np.float32)


def _tiles(values: Floats) -> Floats:
    """Mean of each tile; the tiles divide the picture evenly."""
    height, width = values.shape
    size = (max(1, round(width / TILE_PX)), max(1, round(height / TILE_PX)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
