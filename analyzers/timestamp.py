"""Timestamp: camera name and local time, readable on any background. About 0.1 ms at 720p.

The text is drawn once per second into a strip that is then laid over each frame.
"""

import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

from sightline.media.frame import Image
from sightline.media.stage import Moment, Resources, param, register

DARKEN = 0.45
"""Brightness that is left of the picture behind the text."""


@dataclass(frozen=True)
class TimestampParams:
    corner: str = param("top left", "Corner", choices=("top left", "top right", "bottom left", "bottom right"))
    size: float = param(3.0, "Text height", minimum=1.5, maximum=10.0, step=0.5, unit="%", help="Of the picture's height.")
    show_name: bool = param(True, "Camera name")


class Timestamp:
    """Writes the strip of one camera."""

    def __init__(self, params: TimestampParams) -> None:
        self._params = params
        self._font_file = font_file()
        self._drawn_for: tuple[str, int] | None = None
        self._strip = np.zeros((0, 0), np.uint8)

    def apply(self, image: Image, moment: Moment) -> Image:
        height, width = image.shape[:2]
        text = self._text(moment)
        key = (text, height)
        if key != self._drawn_for:
            self._strip = draw_text(text, max(10, round(height * self._params.size / 100)), self._font_file)
            self._drawn_for = key
        return self._lay_over(image, self._strip[:height, :width])

    def _text(self, moment: Moment) -> str:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment.wall_time_s))
        # Control characters in a name would break the line.
        name = "".join(c for c in moment.camera_name if c.isprintable())
        return f"{name}  {clock}" if self._params.show_name and name else clock

    def _lay_over(self, image: Image, strip: Image) -> Image:
        height, width = strip.shape
        top = 0 if self._params.corner.startswith("top") else image.shape[0] - height
        left = 0 if self._params.corner.endswith("left") else image.shape[1] - width
        result = image.copy()
        behind = result[top : top + height, left : left + width]
        dark = cv2.convertScaleAbs(behind, alpha=DARKEN)
        white = cv2.cvtColor(strip, cv2.COLOR_GRAY2BGR)
        behind[:] = cv2.max(dark, white)
        return result


def draw_text(text: str, height_px: int, file: Path | None) -> Image:
    """White text on black as `(h, w)`, with a small border."""
    font = ImageFont.truetype(str(file), height_px) if file else ImageFont.load_default(height_px)
    left, top, right, bottom = font.getbbox(text)
    border = max(2, height_px // 3)
    size = (round(right - left) + 2 * border, round(bottom - top) + 2 * border)
    canvas = PilImage.new("L", size, 0)
    ImageDraw.Draw(canvas).text((border - left, border - top), text, fill=255, font=font)
    return np.asarray(canvas)


def font_file() -> Path | None:
    """DejaVu Sans (Latin, Greek, Cyrillic, Arabic) from matplotlib, which mediapipe brings; None: Pillow's own Latin font."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"
    return file if file.is_file() else None


def _make(params: TimestampParams, _resources: Resources) -> Timestamp:
    return Timestamp(params)


register(
    "timestamp",
    _make,
    kind="filter",
    label="Name and time",
    group="Looks",
    description="Writes the camera's name and the local time into the picture.",
    params=TimestampParams,
    backend="Pillow",
)
