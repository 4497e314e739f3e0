"""What analyzers find: detections with boxes, measures of a whole picture, things to draw, and things that happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Frame

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the source picture."""

Scalar = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing found in a picture."""

    label: str
    score: float
    """0..1; 1.0 where the method knows no confidence (motion)."""
    box: Box
    track_id: int | None = None
    """The same thing keeps the same number from frame to frame; None until it is confirmed."""
    keypoints: tuple[tuple[float, float, float], ...] = ()
    """x, y in pixels and score 0..1, in the order that the analyzer documents."""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    """What else is known, e.g. {"smile": True, "eyes": 2}."""
    bones: tuple[tuple[int, int], ...] = ()
    """Pairs of keypoints, by their place, between which a line is drawn."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to draw that is no box: a zone, a counting line."""

    points: tuple[tuple[float, float], ...]
    """x, y in pixels of the source picture."""
    closed: bool = False
    text: str = ""
    """Written at the first point."""
    key: str = ""
    """Marks of one key have one colour."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A value per cell of a grid that covers the whole picture."""

    kind: Literal["person", "heat"]
    """person: 255 = certainly a person. heat: 255 = most visited."""
    values: NDArray[np.uint8]
    """`(h, w)`, usually much smaller than the picture; read-only."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that begins, ends or occurs in a moment; it becomes an event of the camera."""

    kind: str
    """concept.verb, e.g. "zone.entered", "line.crossed", "face.recognised"."""
    message: str
    """For the operator: "Someone entered Entrance"."""
    facts: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one analyzer says about one frame."""

    analyzer: str
    camera_id: str
    seq: int
    pts_ns: int
    captured_ns: int
    size_px: tuple[int, int]
    """Width, height of the picture that the boxes refer to."""
    detections: tuple[Detection, ...] = ()
    measures: Mapping[str, object] = field(default_factory=dict)
    """Numbers, words and short lists about the whole picture, e.g. {"sharpness": 812.0}. JSON-serialisable."""
    marks: tuple[Mark, ...] = ()
    mask: Mask | None = None
    happenings: tuple[Happening, ...] = ()
    """What happened since this analyzer's findings before; each is told once."""
    candidates: tuple[Detection, ...] = ()
    """What is too uncertain to be claimed or shown; a tracker continues with it what it follows already."""

    @classmethod
    def of(cls, analyzer: str, frame: Frame, **found: Any) -> "Findings":
        """Findings about `frame`; `found`: detections, measures, marks, mask, happenings, candidates."""
        return cls(analyzer, frame.camera_id, frame.seq, frame.pts_ns, frame.captured_ns, frame.size_px, **found)


def clamp_box(box: Box, size_px: tuple[int, int]) -> Box:
    """Return `box` cut to the picture."""
    width, height = size_px
    x1, y1, x2, y2 = box
    return (min(max(x1, 0.0), width), min(max(y1, 0.0), height), min(max(x2, 0.0), width), min(max(y2, 0.0), height))


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    overlap_w = min(a[2], b[2]) - max(a[0], b[0])
    overlap_h = min(a[3], b[3]) - max(a[1], b[1])
    if overlap_w <= 0 or overlap_h <= 0:
        return 0.0
    overlap = overlap_w * overlap_h
    area_a = (a[2] - a[0]) * (a[3] - a[1])
    area_b = (b[2] - b[0]) * (b[3] - b[1])
    return overlap / (area_a + area_b - overlap)
