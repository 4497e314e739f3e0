"""Finds and reads QR codes and bar codes in a picture, with OpenCV alone. One reader serves one thread at a time.

QR: the finder patterns are found as ArUco markers are (robust against turning and perspective), the code is straightened, and
WeChat's decoder reads it; on small or blurred codes that reads several times more than OpenCV's own decoder. Bar codes: EAN-13,
EAN-8, UPC-A. About 40 ms of computing for a 720p picture, plus 2 ms per code.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Image

Floats = NDArray[np.float32]
Points = tuple[tuple[float, float], ...]

STRAIGHT_SIDE_PX = 264
MARGIN_SHARE = 0.1
"""White around a straightened code: decoders want it."""
FINDER_RUNS = np.array([1.0, 1.0, 3.0, 1.0, 1.0])
FINDER_TOLERANCE = np.array([0.8, 0.8, 1.2, 0.8, 0.8])
"""In modules: small codes are blurred."""
FINDER_SLACK_PX = 4
LEAST_FINDERS = 2
SMALLEST_SIDE_PX = 8
LEAST_EDGE_PX = 20
"""Below this no code has room for its patterns, and OpenCV's detectors are not made for it."""
SCALES = (1.0, 0.7, 0.4)
"""Bar codes that OpenCV misses at one scale it finds at another."""
MOST_CODES = 16
LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Code:
    """One code."""

    kind: str
    """QR, EAN-13, EAN-8 or UPC-A."""
    text: str
    """One line, printable, at most `LONGEST_TEXT` letters; empty when it was found and could not be read."""
    corners: Points
    """x, y in pixels, in the order of the code's own corners."""


class CodeReader:
    """Finds and reads codes."""

    def __init__(self, *, has_qr: bool = True, has_bars: bool = True) -> None:
        self._has_qr, self._has_bars = has_qr, has_bars
        self._finder = cv2.QRCodeDetectorAruco()
        self._decoder = cv2.wechat_qrcode_WeChatQRCode()  # type: ignore[attr-defined]
        self._bars = cv2.barcode.BarcodeDetector()

    def read(self, grey: Image) -> list[Code]:
        """Codes in a brightness picture, including those that cannot be read."""
        if min(grey.shape) < LEAST_EDGE_PX:
            return []
        codes = list(self._qr(grey)) if self._has_qr else []
        if self._has_bars:
            codes += next((found for scale in SCALES if (found := list(self._bar(grey, scale)))), [])
        return codes[:MOST_CODES]

    def _qr(self, grey: Image) -> Iterator[Code]:
        has_found, quads = self._finder.detectMulti(grey)
        for quad in quads[:MOST_CODES] if has_found and quads is not None else ():
            corners = np.asarray(quad, np.float32).reshape(4, 2)
            if np.isfinite(corners).all() and _shortest_side(corners) >= SMALLEST_SIDE_PX:
                yield Code("QR", self._decode(grey, corners), _points(corners))

    def _decode(self, grey: Image, corners: Floats) -> str:
        straight = straightened(grey, corners)
        if finder_patterns(straight) < LEAST_FINDERS:
            # The decoder tries for up to a quarter of a second on what is no code.
            return ""
        try:
            texts, _ = self._decoder.detectAndDecode(straight)
        except UnicodeDecodeError:
            # OpenCV hands bytes that are no UTF-8 on as they are.
            return ""
        return printable(texts[0]) if texts else ""

    def _bar(self, grey: Image, scale: float) -> Iterator[Code]:
        small = grey if scale == 1.0 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        has_found, texts, kinds, quads = self._bars.detectAndDecodeWithType(small)
        if not has_found or quads is None:
            return
        for text, kind, quad in zip(texts, kinds, np.asarray(quads, np.float32).reshape(-1, 4, 2), strict=False):
            if text:
                yield Code(kind.replace("_", "-"), printable(text), _points(quad / scale))


def straightened(grey: Image, corners: Floats) -> Image:
    """The code between four corners `(4, 2)` as a square with some margin."""
    side, margin = STRAIGHT_SIDE_PX, STRAIGHT_SIDE_PX * MARGIN_SHARE
    near, far = margin, side - margin
    target = np.array([[near, near], [far, near], [far, far], [near, far]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return cv2.warpPerspective(grey, matrix, (side, side), flags=cv2.INTER_CUBIC, borderValue=255)  # type: ignore[return-value, call-overload]


def finder_patterns(straight: Image) -> int:
    """How many corners of a straightened code show a finder pattern; a QR code has three.

    Along the diagonal of such a corner dark and light follow each other as 1:1:3:1:1.
    """
    calm = cv2.GaussianBlur(straight, (3, 3), 0)
    dark = cv2.threshold(calm, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1] > 0
    near = np.arange(round(STRAIGHT_SIDE_PX * MARGIN_SHARE) - FINDER_SLACK_PX, STRAIGHT_SIDE_PX // 2)
    far = STRAIGHT_SIDE_PX - 1 - near
    return sum(_is_finder(dark[rows, columns]) for rows in (near, far) for columns in (near, far))


def _is_finder(line: NDArray[np.bool_]) -> bool:
    """Whether a line from a corner inwards, true where it is dark, runs through a finder pattern."""
    runs = np.split(line, np.flatnonzero(np.diff(line)) + 1)
    if not runs[0][0]:
        runs = runs[1:]
    if len(runs) <= len(FINDER_RUNS):
        return False
    lengths = np.array([len(run) for run in runs[: len(FINDER_RUNS)]])
    module = lengths.sum() / FINDER_RUNS.sum()
    return bool((np.abs(lengths - FINDER_RUNS * module) <= FINDER_TOLERANCE * module).all())


def printable(text: str) -> str:
    """One line of at most `LONGEST_TEXT` letters; what cannot be shown becomes a space."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 2 * LONGEST_TEXT])
    return " ".join(shown.split())[:LONGEST_TEXT]


def _shortest_side(corners: Floats) -> float:
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).min())


def _points(corners: Floats) -> Points:
    return tuple((float(x), float(y)) for x, y in corners)
