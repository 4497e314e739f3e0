"""Looking at a picture in overlapping pieces as well: what is small in the whole is large in a piece.

A detector shrinks a picture to its own input, so that a person 20 pixels tall in a 4K picture is gone before it looks. In a grid of
3×3 pieces that person is almost three times as tall; the price is ten looks instead of one.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sightline.media.findings import Box, Detection
from sightline.media.frame import Image
from sightline.vision.inference.nms import suppress

OVERLAP = 0.2
"""Share of a piece that the next one sees too: who stands on a border is whole in one of them."""
CUT_MARGIN = 0.01
"""Share of a piece's side; a box that comes so close to an inner border is probably cut off there."""

DetectMany = Callable[[Sequence[Image]], list[list[Detection]]]


def pieces(size_px: tuple[int, int], grid: int) -> list[tuple[int, int, int, int]]:
    """x1, y1, x2, y2 of `grid` × `grid` overlapping pieces of a picture of `size_px` (width, height), row by row."""
    columns, rows = (_spans(length, grid) for length in size_px)
    return [(x1, y1, x2, y2) for y1, y2 in rows for x1, x2 in columns]


def _spans(length: int, count: int) -> list[tuple[int, int]]:
    span = length / (count - (count - 1) * OVERLAP)
    starts = [round(n * span * (1 - OVERLAP)) for n in range(count)]
    return [(start, max(start + 1, min(length, round(start + span)))) for start in starts if start < length]


def detect_in_tiles(image: Image, grid: int, detect_many: DetectMany, overlap: float) -> list[Detection]:
    """Look at the whole picture and at its pieces; best first.

    Args:
        overlap: IoU from which two boxes of a class are one thing.
    """
    height, width = image.shape[:2]
    areas = pieces((width, height), grid)
    looks = detect_many([image, *(image[y1:y2, x1:x2] for x1, y1, x2, y2 in areas)])
    found = list(looks[0])
    for area, detections in zip(areas, looks[1:], strict=True):
        found += [_moved(d, area) for d in detections if not _is_cut(d.box, area, (width, height))]
    return merged(found, overlap)


def merged(found: Sequence[Detection], overlap: float) -> list[Detection]:
    """One detection per thing, best first."""
    if not found:
        return []
    names = {label: number for number, label in enumerate(sorted({d.label for d in found}))}
    boxes = np.array([d.box for d in found], np.float32)
    scores = np.array([d.score for d in found], np.float32)
    return [found[i] for i in suppress(boxes, scores, np.array([names[d.label] for d in found]), overlap)]


def _moved(detection: Detection, area: tuple[int, int, int, int]) -> Detection:
    left, top = area[:2]
    x1, y1, x2, y2 = detection.box
    points = tuple((x + left, y + top, score) for x, y, score in detection.keypoints)
    return replace(detection, box=(x1 + left, y1 + top, x2 + left, y2 + top), keypoints=points)


def _is_cut(box: Box, area: tuple[int, int, int, int], size_px: tuple[int, int]) -> bool:
    """Whether the thing goes on beyond the piece: the whole picture or the next piece shows it better."""
    margin_x, margin_y = CUT_MARGIN * (area[2] - area[0]), CUT_MARGIN * (area[3] - area[1])
    return bool(
        (area[0] > 0 and box[0] <= margin_x)
        or (area[1] > 0 and box[1] <= margin_y)
        or (area[2] < size_px[0] and box[2] >= area[2] - area[0] - margin_x)
        or (area[3] < size_px[1] and box[3] >= area[3] - area[1] - margin_y)
    )
