"""Low light: lifts dark pictures as far as they need it, and leaves bright ones alone. About 1 ms at 720p, 2 ms with the noise
filter.

How dark the picture is comes from its brightness histogram, smoothed over time so that a passing headlight does not make it pump.
One curve lifts the luma: a power whose exponent brings the middle of the dark part to a readable grey, with the slope at black
limited, because there is only noise. Colours are lifted with it. Noise becomes visible with the light, so dark pictures are
averaged over time first.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from analyzers.denoise import Denoise
from sightline.media.frame import Image, small_luma
from sightline.media.stage import Moment, Resources, param, register

WIDTH_PX = 160
TARGET = 0.42
"""Brightness (0..1) that the measured part of a dark picture is brought to, at full strength."""
MEASURED_QUANTILE = 0.6
"""Three fifths of the pixels are darker: a few lamps do not make a night bright."""
DARK_LEVEL, BRIGHT_LEVEL = 0.18, 0.36
"""At or below the first the full strength works, at or above the second nothing is changed."""
STEEPEST = 6.0
"""Most by which black is lifted: beyond that only noise comes up."""
FOLLOW_S = 1.5
NOISY_LEVEL = 0.25
"""Brightness below which the picture is averaged over time."""
DENOISE_STRENGTH = 2
COLOUR_SHARE = 0.5
"""How much of the lift in brightness the colours follow."""


@dataclass(frozen=True)
class LowLightParams:
    strength: int = param(80, "Strength", minimum=10, maximum=100, step=5, unit="%", help="Works on dark pictures only.")
    denoise: bool = param(True, "Calm the noise", help="Averages the still parts of dark pictures over time.")


class LowLight:
    """Follows the light of one camera."""

    def __init__(self, params: LowLightParams) -> None:
        self._strength = params.strength / 100
        self._denoise = Denoise(DENOISE_STRENGTH) if params.denoise else None
        self._level: float | None = None
        self._pts_ns = 0
        self._table_for = -1.0
        self._table = np.zeros((1, 256, 3), np.uint8)

    def apply(self, image: Image, moment: Moment) -> Image:
        level = self._follow(image, moment.pts_ns)
        dark = darkness(level) * self._strength
        if dark <= 0:
            return image.copy()
        if self._denoise is not None and level < NOISY_LEVEL:
            image = self._denoise.apply(image, moment)
        # Steps of 1 % of brightness: nobody sees them, and the table is seldom made anew.
        step = round(level, 2)
        if step != self._table_for:
            self._table, self._table_for = lifting_table(max(step, 0.01), dark), step
        yuv = cv2.cvtColor(image, cv2.COLOR_BGR2YUV)
        return cv2.cvtColor(cv2.LUT(yuv, self._table), cv2.COLOR_YUV2BGR)  # type: ignore[return-value]

    def _follow(self, image: Image, pts_ns: int) -> float:
        """The brightness (0..1) of the measured part, smoothed."""
        small = small_luma(_thinned(image), WIDTH_PX)
        seen = float(np.quantile(small, MEASURED_QUANTILE)) / 255
        elapsed_s, self._pts_ns = (pts_ns - self._pts_ns) / 1e9, pts_ns
        if self._level is None or not 0 <= elapsed_s < 10 * FOLLOW_S:
            self._level = seen
        else:
            self._level += (seen - self._level) * (1 - math.exp(-elapsed_s / FOLLOW_S))
        return self._level


def darkness(level: float) -> float:
    """1 for a night, 0 for a day, of a brightness 0..1."""
    return min(1.0, max(0.0, (BRIGHT_LEVEL - level) / (BRIGHT_LEVEL - DARK_LEVEL)))


def lifting_table(level: float, strength: float) -> np.ndarray:
    """`(1, 256, 3)` for luma and the two colour differences of YUV.

    Args:
        level: brightness 0..1 that is lifted to TARGET at strength 1.
    """
    values = np.arange(256) / 255
    exponent = min(1.0, math.log(TARGET) / math.log(level)) if level < TARGET else 1.0
    lifted = np.minimum(values**exponent, values * STEEPEST)
    luma = values + strength * (lifted - values)
    # Around the measured brightness the colours grow as the luma does; an unchanged colour on a brighter ground looks grey.
    gain = 1 + COLOUR_SHARE * (float(np.interp(level, values, luma)) / level - 1)
    colour = 128 + (np.arange(256) - 128) * gain
    table = np.stack([255 * luma, colour, colour], axis=1)
    return np.clip(np.round(table), 0, 255).astype(np.uint8)[None]


def _thinned(image: Image) -> Image:
    """Every fourth pixel of a large picture: enough to tell how bright it is."""
    return image[::4, ::4] if min(image.shape[:2]) >= 4 * WIDTH_PX // 2 else image


def _make(params: LowLightParams, _resources: Resources) -> LowLight:
    return LowLight(params)


register(
    "low_light",
    _make,
    kind="filter",
    label="Low light",
    description="Lifts dark pictures as far as they need it and calms their noise; bright ones stay as they are.",
    params=LowLightParams,
    group="Picture",
)
