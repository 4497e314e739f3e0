"""How good a picture is: measured sharpness, exposure, contrast and colour, and what models say whose files are here.

Colourfulness after Hasler and Süsstrunk (2003). BRISQUE (Mittal et al. 2012) as opencv_contrib has it. `taste` has what pleases.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sightline.jobs.kinds.showcase.taste import Taste
from sightline.media.frame import Image
from sightline.media.models import ModelStore

BRISQUE_FILES = ("brisque_model_live.yml", "brisque_range_live.yml")
BLURRED, CRISP = 1.2, 3.2
"""Decimal logarithms of the variance of the Laplacian, at the width the pictures have here."""
CLIPPED_LOW, CLIPPED_HIGH = 4, 251
LEAST_BRISQUE_PX = 32


@dataclass(frozen=True, slots=True)
class Quality:
    """One picture's quality, each 0 (bad) to 1 (good)."""

    sharpness: float
    exposure: float
    contrast: float
    colour: float
    natural: float | None
    """By BRISQUE; None where its files are not here."""
    taste: float | None
    """By a model of taste; None where there is none."""
    brightness: float
    """Mean brightness, which says nothing of good or bad."""

    @property
    def technical(self) -> float:
        """Whether it is free of faults."""
        shares = [(0.45, self.sharpness), (0.3, self.exposure), (0.25, self.natural)]
        return _weighted(shares)

    @property
    def aesthetic(self) -> float:
        """Whether it pleases: what a model of taste says, else contrast, colour and light."""
        light = 1 - abs(self.brightness - 0.55) / 0.55
        measured = _weighted([(0.35, self.contrast), (0.35, self.colour), (0.3, max(0.0, light))])
        return measured if self.taste is None else _weighted([(0.8, self.taste), (0.2, measured)])


class Judge:
    """Judges pictures with what is on this machine."""

    def __init__(self, models: ModelStore, taste: Taste | None = None) -> None:
        """
        Args:
            taste: says what pleases; None = contrast, colour and light do.
        """
        self._brisque = _brisque(models)
        self._taste = taste

    def judge(self, image: Image) -> Quality:
        """Judge a BGR picture of a few hundred pixels. Raises: AnalyzerError: the model of taste failed."""
        luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        brightness = float(luma.mean()) / 255
        clipped = float(((luma <= CLIPPED_LOW) | (luma >= CLIPPED_HIGH)).mean())
        low, high = np.percentile(luma, (5, 95))
        return Quality(
            sharpness=sharpness_of(luma),  # type: ignore[arg-type]
            exposure=_unit(min(brightness / 0.3, (1 - brightness) / 0.15, 1.0) - 2 * max(0.0, clipped - 0.02)),
            contrast=_unit(float(high - low) / 190),
            colour=_unit(_colourfulness(image) / 60),
            natural=None if self._brisque is None else self._brisque(image),
            taste=None if self._taste is None else self._taste(image),
            brightness=round(brightness, 3),
        )


def sharpness_of(luma: Image) -> float:
    """Of a brightness picture, 0..1."""
    variance = float(cv2.Laplacian(luma, cv2.CV_32F).var())
    return _unit((np.log10(variance + 1e-6) - BLURRED) / (CRISP - BLURRED))


def _brisque(models: ModelStore) -> Callable[[Image], float | None] | None:
    found = [models.find(file) for file in BRISQUE_FILES]
    if not all(found) or not hasattr(cv2, "quality"):
        return None
    scorer = cv2.quality.QualityBRISQUE_create(*map(str, found))  # type: ignore[attr-defined]

    def judged(image: Image) -> float | None:
        if min(image.shape[:2]) < LEAST_BRISQUE_PX:
            return None
        mark = float(scorer.compute(image)[0])
        return _unit(1 - mark / 100) if np.isfinite(mark) else None

    return judged


def _colourfulness(image: Image) -> float:
    blue, green, red = (image[..., i].astype(np.float32) for i in range(3))
    one, other = red - green, (red + green) / 2 - blue
    return float(np.hypot(one.std(), other.std()) + 0.3 * np.hypot(one.mean(), other.mean()))


def _weighted(shares: Sequence[tuple[float, float | None]]) -> float:
    """Mean of what is known."""
    known = [(weight, value) for weight, value in shares if value is not None]
    return round(sum(weight * value for weight, value in known) / sum(weight for weight, _ in known), 3)


def _unit(value: float) -> float:
    return round(float(np.clip(value, 0, 1)), 3)
