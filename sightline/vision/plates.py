"""Number plates: where they are, by LPD-YuNet of the OpenCV model zoo. One finder serves one thread at a time.

The model looks at 320×240 pixels and knows four shapes of prior boxes on four grids. For each prior it says how likely a plate is,
how well the box fits, and where the plate's four corners are. In a large picture a plate is a few pixels wide at that size, so
overlapping parts of the picture are looked at as well as the whole.

Detections are labelled `plate`; their keypoints are the corners: upper left, upper right, lower right, lower left.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.errors import AnalyzerError
from sightline.media.findings import Detection
from sightline.media.frame import Image
from sightline.vision.inference import open_session

Floats = NDArray[np.float32]

PLATE_FILE = "license_plate_detection_lpd_yunet_2023mar.onnx"
SIDE_PX = (320, 240)
"""Width, height of the model's input."""
STEPS_PX = (8, 16, 32, 64)
PRIOR_SIDES_PX = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
"""Sides of the square priors on the grid of each step."""
VARIANCE = 0.1
"""The unit of the model's corner offsets, in prior sides."""
CORNER_COLUMNS = (4, 6, 10, 12)
"""Where the pairs of the four corners begin in the 14 columns of `loc`; the others are a box and its centre."""
NMS_IOU = 0.3
MOST_PLATES = 20
PART_WIDTH_PX = 640
"""Parts are about this wide: a plate keeps half its pixels."""
MOST_PARTS_ACROSS = 3


class PlateFinder:
    """Finds number plates in pictures."""

    def __init__(self, path: Path) -> None:
        """Raises: AnalyzerError: the file is damaged or is another model."""
        self._session = open_session(path)
        self._name = path.name
        # One look at nothing: a file of another kind is noticed here and not on the street.
        self._look(np.zeros((SIDE_PX[1], SIDE_PX[0], 3), np.uint8), 0.5)

    def find(self, image: Image, confidence: float = 0.6, *, is_thorough: bool = True) -> list[Detection]:
        """Plates in a BGR picture, best first.

        Args:
            is_thorough: look at parts of a large picture too; costs a look per part.

        Raises:
            AnalyzerError: the runtime failed.
        """
        height, width = image.shape[:2]
        found: list[tuple[Floats, float]] = []
        for x, y, part_w, part_h in parts(width, height) if is_thorough else [(0, 0, width, height)]:
            corners, scores = self._look(image[y : y + part_h, x : x + part_w], confidence)
            scale = np.array([part_w / SIDE_PX[0], part_h / SIDE_PX[1]], np.float32)
            placed = corners * scale + np.array([x, y], np.float32)
            found += zip(placed, scores.tolist(), strict=True)
        return _distinct(found, width, height)

    def _look(self, part: Image, confidence: float) -> tuple[Floats, Floats]:
        """Corners `(n, 4, 2)` in pixels of the model's input, and scores `(n,)`."""
        small = cv2.resize(part, SIDE_PX, interpolation=cv2.INTER_AREA)
        outputs = self._session.run(cv2.dnn.blobFromImage(small))
        by_width = {output.shape[-1]: output.reshape(-1, output.shape[-1]) for output in outputs}
        if not {14, 2, 1} <= by_width.keys() or any(len(output) != len(_priors()) for output in by_width.values()):
            shapes = ", ".join("×".join(map(str, output.shape)) for output in outputs)
            raise AnalyzerError(
                f"{self._name} is no LPD-YuNet model for {SIDE_PX[0]}×{SIDE_PX[1]} px (its outputs are {shapes}). Fetch it again.",
                code="model_unknown_layout",
            )
        corners, scores = decode(by_width[14], by_width[2], by_width[1])
        likely = scores >= confidence
        return corners[likely], scores[likely]


def decode(loc: Floats, conf: Floats, fit: Floats) -> tuple[Floats, Floats]:
    """The model's outputs to corners and scores.

    Args:
        loc: `(priors, 14)`.
        conf: `(priors, 2)`: no plate, plate.
        fit: `(priors, 1)`: how well the box fits.

    Returns:
        corners `(priors, 4, 2)` in pixels of the input, scores `(priors,)` 0..1; what is no number scores 0.
    """
    priors = _priors()
    offsets = np.stack([loc[:, column : column + 2] for column in CORNER_COLUMNS], axis=1)  # (priors, 4, 2)
    corners = priors[:, None, :2] + offsets * VARIANCE * priors[:, None, 2:]
    with np.errstate(invalid="ignore"):
        scores = np.sqrt(np.clip(conf[:, 1], 0, 1) * np.clip(fit[:, 0], 0, 1))
    is_usable = np.isfinite(scores) & np.isfinite(corners).all(axis=(1, 2))
    return np.where(is_usable[:, None, None], corners, 0), np.where(is_usable, scores, 0)


@lru_cache(maxsize=1)
def _priors() -> Floats:
    """`(priors, 4)`: centre x, y and sides in pixels of the input, in the model's order: grid, row, column, size."""
    priors = []
    for step, sides in zip(STEPS_PX, PRIOR_SIDES_PX, strict=True):
        for row in range(SIDE_PX[1] // step):
            for column in range(SIDE_PX[0] // step):
                priors += [((column + 0.5) * step, (row + 0.5) * step, side, side) for side in sides]
    return np.array(priors, np.float32)


def parts(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """The whole picture and, where that is much larger than the input, its parts: x, y, width, height, overlapping by a fifth."""
    yield 0, 0, width, height
    columns = min(MOST_PARTS_ACROSS, round(width / PART_WIDTH_PX))
    if columns < 2:
        return
    # The input's shape is 4:3 and so are the parts, or the plates would be squeezed.
    part_w = math.ceil(width / (columns - 0.2 * (columns - 1)))
    part_h = min(height, math.ceil(part_w * SIDE_PX[1] / SIDE_PX[0]))
    rows = max(1, math.ceil((height - 0.2 * part_h) / (0.8 * part_h)))
    for row in range(rows):
        y = (height - part_h) * row // max(1, rows - 1)
        for column in range(columns):
            yield (width - part_w) * column // (columns - 1), y, part_w, part_h


def ordered_corners(corners: Floats) -> Floats:
    """Four corners `(4, 2)` as upper left, upper right, lower right, lower left of a plate that is turned by less than 45°."""
    top = corners[np.argsort(corners[:, 1], kind="stable")]
    upper, lower = top[:2], top[2:]
    left_first, right_first = np.argsort(upper[:, 0], kind="stable"), np.argsort(-lower[:, 0], kind="stable")
    return np.concatenate([upper[left_first], lower[right_first]])


def _distinct(found: list[tuple[Floats, float]], width: int, height: int) -> list[Detection]:
    """One detection per plate, inside the picture."""
    limits = np.array([width, height], np.float32)
    plates = []
    for corners, score in found:
        inside = np.clip(corners, 0, limits)
        low, high = inside.min(axis=0), inside.max(axis=0)
        if (high > low).all():
            plates.append((ordered_corners(inside), (*low.tolist(), *high.tolist()), score))
    xywh = [(x1, y1, x2 - x1, y2 - y1) for _, (x1, y1, x2, y2), _ in plates]
    kept = cv2.dnn.NMSBoxes(xywh, [score for *_, score in plates], 0.0, NMS_IOU) if plates else ()
    detections = []
    for i in np.asarray(kept, np.int64).reshape(-1)[:MOST_PLATES]:
        corners, (x1, y1, x2, y2), score = plates[i]
        points = tuple((float(x), float(y), 1.0) for x, y in corners)
        detections.append(Detection("plate", min(1.0, float(score)), (x1, y1, x2, y2), keypoints=points))
    return detections
