"""Text in pictures: lines are found by PP-OCR's detector (DB) and read by a CRNN, both of the OpenCV model zoo.

The detector gives for each pixel how likely it lies in the shrunk middle of a line; regions of it are grown back to whole lines.
The reader takes a straightened line of 100×32 px and gives for each of its columns the likelihood of each letter, or of none; what
is said twice in a row counts once (greedy CTC). It knows digits and small letters. A finder or reader serves one thread at a time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.errors import AnalyzerError
from sightline.media.frame import Image
from sightline.vision.inference import open_session

Floats = NDArray[np.float32]

FINDER_FILE = "text_detection_en_ppocrv3_2023may.onnx"
READER_FILE = "text_recognition_CRNN_EN_2021sep.onnx"
LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Class 0 is "no letter", then these."""

FINDER_SIDE_PX = 736
"""Longest side of what the finder sees; sides are multiples of 32."""
FINDER_STEP_PX = 32
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)
LIKELY = 0.3
"""Probability from which a pixel belongs to a line."""
GROWTH = 2.0
"""A line was shrunk, for training, by its area through its circumference times this."""
LEAST_HEIGHT_PX = 3
MOST_LINES = 100
READER_SIZE_PX = (100, 32)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in a picture."""

    corners: Floats
    """`(4, 2)` in pixels: upper left, upper right, lower right, lower left of the text as it is read."""
    score: float
    """0..1"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a line says."""

    text: str
    score: float
    """Mean likelihood of its letters, 0..1; 0 where there are none."""


class TextFinder:
    """Finds lines of text."""

    def __init__(self, path: Path) -> None:
        """Raises: AnalyzerError: the file is damaged or is another model."""
        self._session = open_session(path)
        self._name = path.name
        self._side_px = _fixed_side(self._session.input_shape)
        self.find(np.zeros((FINDER_STEP_PX, FINDER_STEP_PX, 3), np.uint8), 0.5)

    def find(self, image: Image, confidence: float) -> list[Line]:
        """Lines in a BGR picture, from top to bottom.

        Raises:
            AnalyzerError: the runtime failed.
        """
        height, width = image.shape[:2]
        size = self._side_px or _finder_size(width, height)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        tensor = ((small - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
        output = self._session.run(np.ascontiguousarray(tensor, np.float32))[0]
        if output.shape != (1, 1, size[1], size[0]):
            raise AnalyzerError(
                f"{self._name} gives {'×'.join(map(str, output.shape))} and not 1×1×{size[1]}×{size[0]}. Fetch it again.",
                code="model_unknown_layout",
            )
        scale = np.array([width / size[0], height / size[1]], np.float32)
        lines = [Line(line.corners * scale, line.score) for line in lines_in(output[0, 0], confidence)]
        return sorted(lines, key=lambda line: (float(line.corners[:, 1].min()), float(line.corners[:, 0].min())))


class TextReader:
    """Reads single lines."""

    def __init__(self, path: Path) -> None:
        """Raises: AnalyzerError: the file is damaged or is another model."""
        self._session = open_session(path)
        self._name = path.name
        self.read(np.zeros((32, 100, 3), np.uint8), np.array([[0, 0], [99, 0], [99, 31], [0, 31]], np.float32))

    def read(self, image: Image, corners: Floats) -> Reading:
        """Read the line between four corners of a BGR picture, as `Line.corners`.

        Raises:
            AnalyzerError: the runtime failed.
        """
        line = cv2.cvtColor(straightened(image, corners, READER_SIZE_PX), cv2.COLOR_BGR2GRAY)
        tensor = ((line.astype(np.float32) - 127.5) / 127.5)[None, None]
        output = self._session.run(tensor)[0]
        if output.ndim != 3 or output.shape[1] != 1 or output.shape[2] != len(LETTERS) + 1:
            raise AnalyzerError(
                f"{self._name} does not read {len(LETTERS)} letters (it gives {'×'.join(map(str, output.shape))}). Fetch it again.",
                code="model_unknown_layout",
            )
        return spelled(output[:, 0])


def lines_in(probability: Floats, confidence: float) -> list[Line]:
    """Lines in the finder's answer.

    Args:
        probability: `(h, w)`, 0..1.
        confidence: least mean probability inside a line.
    """
    probability = np.clip(np.nan_to_num(probability, nan=0.0, posinf=0.0, neginf=0.0), 0, 1)
    regions, _ = cv2.findContours((probability > LIKELY).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    lines = []
    for region in sorted(regions, key=cv2.contourArea, reverse=True)[:MOST_LINES]:
        (x, y), (across, along), degrees = cv2.minAreaRect(region)
        if min(across, along) < LEAST_HEIGHT_PX:
            continue
        score = _mean_inside(probability, region)
        if score >= confidence:
            grown = 2 * across * along * GROWTH / (2 * (across + along))
            corners = cv2.boxPoints(((x, y), (across + grown, along + grown), degrees))
            lines.append(Line(reading_order(np.asarray(corners, np.float32)), score))
    return lines


def reading_order(corners: Floats) -> Floats:
    """Four corners of a rectangle, in any order around it, as upper left, upper right, lower right, lower left of its text.

    Text runs along the longer side, from left to right; steep lines are read from top to bottom.
    """
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    along = first if float(np.hypot(*first)) >= float(np.hypot(*second)) else second
    if along[0] < 0 or (abs(along[0]) < 1e-3 and along[1] < 0):
        along = -along
    x = along / max(float(np.hypot(*along)), 1e-6)
    y = np.array([-x[1], x[0]], np.float32)
    centre = corners.mean(axis=0)
    offsets = corners - centre
    half_x, half_y = np.abs(offsets @ x).max(), np.abs(offsets @ y).max()
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.array([centre + sx * half_x * x + sy * half_y * y for sx, sy in signs], np.float32)


def straightened(image: Image, corners: Floats, size_px: tuple[int, int]) -> Image:
    """The picture between four corners as a rectangle of `size_px` (width, height)."""
    right, bottom = size_px[0] - 1, size_px[1] - 1
    target = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.asarray(corners, np.float32), target)
    return cv2.warpPerspective(image, matrix, size_px, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def spelled(columns: Floats) -> Reading:
    """Greedy CTC.

    Args:
        columns: `(columns, 1 + letters)`, any scores of which the largest wins.
    """
    columns = np.nan_to_num(columns, nan=-50.0, posinf=50.0, neginf=-50.0)
    best = columns.argmax(axis=1)
    shifted = np.exp(columns - columns.max(axis=1, keepdims=True))
    likely = (shifted / shifted.sum(axis=1, keepdims=True)).max(axis=1)
    is_new = np.concatenate([[True], best[1:] != best[:-1]]) & (best > 0)
    text = "".join(LETTERS[number - 1] for number in best[is_new])
    return Reading(text, float(likely[is_new].mean()) if text else 0.0)


def boxed(corners: Floats) -> tuple[float, float, float, float]:
    """The upright box around corners."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _finder_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, FINDER_SIDE_PX / max(width, height))
    return _step(width * scale), _step(height * scale)


def _step(side: float) -> int:
    return max(FINDER_STEP_PX, round(side / FINDER_STEP_PX) * FINDER_STEP_PX)


def _fixed_side(shape: Sequence[int | None]) -> tuple[int, int] | None:
    """Width, height, where the file names them."""
    height, width = shape[-2:] if len(shape) == 4 else (None, None)
    return (width, height) if width and height else None


def _mean_inside(probability: Floats, region: NDArray[Any]) -> float:
    x, y, width, height = cv2.boundingRect(region)
    mask = np.zeros((height, width), np.uint8)
    cv2.drawContours(mask, [region - np.array([x, y])], 0, 1, -1)
    score = cv2.mean(probability[y : y + height, x : x + width], mask)[0]
    return score if math.isfinite(score) else 0.0
