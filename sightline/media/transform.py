"""Where a filter moved the pixels to: shift, turn, stretch and crop as one affine matrix, and findings that go along.

Pure. The chain composes the transforms of its filters, so that boxes found on the source picture stay on the right pixels.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.findings import Box, Detection, Findings, Mark, Mask, clamp_box

Point = tuple[float, float]
SMALLEST_DETERMINANT = 1e-9


@dataclass(frozen=True, slots=True)
class Transform:
    """x' = a·x + b·y + c, y' = d·x + e·y + f, both in pixels."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 1.0
    f: float = 0.0

    @classmethod
    def of(cls, matrix: NDArray[np.float64]) -> "Transform":
        """From a `(2, 3)` matrix."""
        return cls(*(float(value) for value in np.asarray(matrix).reshape(6)))

    @classmethod
    def scale(cls, x: float, y: float) -> "Transform":
        return cls(a=x, e=y)

    @property
    def is_identity(self) -> bool:
        return self == IDENTITY

    @property
    def matrix(self) -> NDArray[np.float64]:
        """As `(2, 3)`, for OpenCV."""
        return np.array([[self.a, self.b, self.c], [self.d, self.e, self.f]], np.float64)

    def point(self, x: float, y: float) -> Point:
        return self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f

    def box(self, box: Box) -> Box:
        """The upright box around the moved corners of `box`."""
        x1, y1, x2, y2 = box
        corners = [self.point(x, y) for x in (x1, x2) for y in (y1, y2)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return (min(xs), min(ys), max(xs), max(ys))

    def then(self, other: "Transform") -> "Transform":
        """First this one, then `other`."""
        if other.is_identity:
            return self
        return Transform(
            other.a * self.a + other.b * self.d, other.a * self.b + other.b * self.e, other.a * self.c + other.b * self.f + other.c,
            other.d * self.a + other.e * self.d, other.d * self.b + other.e * self.e, other.d * self.c + other.e * self.f + other.f,
        )  # fmt: skip

    def inverse(self) -> "Transform":
        """The way back; the identity for a transform that has none (it flattens the picture)."""
        det = self.a * self.e - self.b * self.d
        if abs(det) < SMALLEST_DETERMINANT:
            return IDENTITY
        a, b, d, e = self.e / det, -self.b / det, -self.d / det, self.a / det
        return Transform(a, b, -(a * self.c + b * self.f), d, e, -(d * self.c + e * self.f))


IDENTITY = Transform()


def moved(findings: Findings, transform: Transform, size_px: tuple[int, int]) -> Findings:
    """`findings` as of the moved picture, which is `size_px` (width, height) large; what has left the picture is dropped."""
    if transform.is_identity and size_px == findings.size_px:
        return findings
    carried = (_moved_detection(detection, transform, size_px) for detection in findings.detections)
    return replace(
        findings,
        size_px=size_px,
        detections=tuple(detection for detection in carried if detection is not None),
        marks=tuple(_moved_mark(mark, transform) for mark in findings.marks),
        mask=moved_mask(findings.mask, transform, findings.size_px, size_px) if findings.mask is not None else None,
    )


def _moved_detection(detection: Detection, transform: Transform, size_px: tuple[int, int]) -> Detection | None:
    x1, y1, x2, y2 = clamp_box(transform.box(detection.box), size_px)
    if x2 <= x1 or y2 <= y1:
        return None
    keypoints = tuple((*transform.point(x, y), score) for x, y, score in detection.keypoints)
    return replace(detection, box=(x1, y1, x2, y2), keypoints=keypoints)


def _moved_mark(mark: Mark, transform: Transform) -> Mark:
    return replace(mark, points=tuple(transform.point(x, y) for x, y in mark.points))


def moved_mask(mask: Mask, transform: Transform, size_px: tuple[int, int], new_size_px: tuple[int, int]) -> Mask:
    """`mask`, a grid over a picture of `size_px`, as a grid over the moved picture of `new_size_px`."""
    height, width = mask.values.shape
    to_picture = Transform.scale(size_px[0] / width, size_px[1] / height)
    to_grid = Transform.scale(width / new_size_px[0], height / new_size_px[1])
    matrix = to_picture.then(transform).then(to_grid).matrix
    values = cv2.warpAffine(mask.values, matrix, (width, height), flags=cv2.INTER_LINEAR)
    values.flags.writeable = False
    return Mask(mask.kind, values.astype(np.uint8, copy=False))
