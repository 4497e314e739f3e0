"""What a scene is like: what can be measured of a small picture, and places from the classes of image classifiers. Pure.

ImageNet's 1000 classes name things and few places. `PLACES_OF_IMAGENET` has the classes that stand for a place, by their numbers in
ImageNet's list (ILSVRC 2012); their probabilities are summed up. Places365 names places itself.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.errors import AnalyzerError
from sightline.media.frame import Image, shrink_to_width

Floats = NDArray[np.float32]

WIDTH_PX = 160
DARK, DIM, BRIGHT = 45.0, 80.0, 170.0
"""Mean luma below or above which a picture is called so."""
COLOURLESS, COLOURFUL = 3.0, 45.0
"""Mean distance of the largest from the smallest colour channel."""
HAZY_SPREAD = 45.0
"""Distance between the darkest and the lightest twentieth below which there is little contrast."""
CHANGED = 15
"""Levels by which a pixel must differ to count as changed."""
STILL, QUIET = 0.01, 0.12
"""Share of changed pixels below which a scene is called so."""

PLACES_OF_IMAGENET: Mapping[str, tuple[int, ...]] = {
    "street": (407, 468, 555, 654, 704, 734, 779, 829, 874, 919, 920),
    "vehicles": (436, 511, 569, 609, 627, 656, 661, 675, 717, 751, 817, 864, 867),
    "railway": (466, 547, 705, 820),
    "bridge": (821, 839, 888),
    "harbour": (449, 460, 510, 536, 718),
    "airfield": (404, 405),
    "church or temple": (406, 442, 497, 663, 668, 832),
    "castle or palace": (483, 698),
    "monument": (682, 873),
    "shop": (415, 424, 454, 467, 509, 582, 788, 860, 865),
    "restaurant": (762,),
    "kitchen": (651, 760, 827, 859),
    "living room": (548, 598, 831, 851),
    "dining room": (532,),
    "bedroom": (564,),
    "bathroom": (435, 648, 794, 861, 896),
    "laundry": (897,),
    "office": (526, 527),
    "library": (453, 624),
    "staircase": (421,),
    "stage or cinema": (498, 819, 855),
    "entrance": (799, 877),
    "garden": (580, 703, 706, 716),
    "playground": (843,),
    "farm": (410, 425, 595, 866, 912),
    "house": (660, 854, 858),
    "fountain": (562,),
    "shore": (973, 975, 976, 977, 978),
    "mountains": (970, 972, 979, 980),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A scene in words, each from one measurement."""

    light: str
    """dark, dim, well lit or bright"""
    colour: str
    """black and white, coloured or colourful"""
    clarity: str
    """clear or low contrast; nothing in the dark"""
    activity: str
    """still, quiet or busy; nothing where there is no earlier picture to compare with"""


def small_picture(image: Image) -> Image:
    """What `measured` looks at."""
    return shrink_to_width(image, WIDTH_PX)


def measured(small: Image, before: Image | None) -> Measured:
    """Measure a small BGR picture; `before` is the one of about a second ago."""
    luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    chroma = float((small.max(axis=2).astype(np.int16) - small.min(axis=2)).mean())
    low, high = np.percentile(luma, (5, 95))
    return Measured(
        _word(float(luma.mean()), ((DARK, "dark"), (DIM, "dim"), (BRIGHT, "well lit")), "bright"),
        _word(chroma, ((COLOURLESS, "black and white"), (COLOURFUL, "coloured")), "colourful"),
        _clarity(float(luma.mean()), float(high - low)),
        _activity(luma, before),  # type: ignore[arg-type]
    )


def _clarity(brightness: float, spread: float) -> str:
    # In the dark there is little contrast whatever the air is like.
    if brightness < DARK:
        return ""
    return "low contrast" if spread < HAZY_SPREAD else "clear"


def _activity(luma: Image, before: Image | None) -> str:
    if before is None or before.shape[:2] != luma.shape:
        return ""
    changed = cv2.absdiff(luma, cv2.cvtColor(before, cv2.COLOR_BGR2GRAY)) > CHANGED
    return _word(float(changed.mean()), ((STILL, "still"), (QUIET, "quiet")), "busy")


def _word(value: float, limits: tuple[tuple[float, str], ...], beyond: str) -> str:
    return next((word for limit, word in limits if value < limit), beyond)


class Aspect:
    """One property of a scene over time: its word is the one that most looks of the last seconds agree on."""

    def __init__(self, hold_s: float) -> None:
        self._hold_ns = round(hold_s * 1e9)
        self._looks: deque[tuple[int, str]] = deque()
        self._word = ""

    def see(self, word: str, pts_ns: int) -> tuple[str, str] | None:
        """Take one look's word; (before, now) when the lasting word has just changed from one to another."""
        if not word:
            return None
        if self._looks and not 0 <= pts_ns - self._looks[-1][0] <= 2 * self._hold_ns + 2_000_000_000:
            self._looks.clear()
        self._looks.append((pts_ns, word))
        while len(self._looks) > 2 and pts_ns - self._looks[1][0] >= self._hold_ns:
            self._looks.popleft()
        has_lasted = pts_ns - self._looks[0][0] >= self._hold_ns
        if word == self._word or not has_lasted or self.score_of(word) < 1.0:
            return None
        before, self._word = self._word, word
        return (before, word) if before else None

    @property
    def word(self) -> str:
        """The word that has lasted, or the newest while none has."""
        return self._word or (self._looks[-1][1] if self._looks else "")

    def score_of(self, word: str) -> float:
        """Share of the last seconds' looks that say this word, 0..1."""
        return sum(said == word for _, said in self._looks) / len(self._looks) if self._looks else 0.0


def places_of_imagenet(probabilities: Floats) -> dict[str, float]:
    """Places by the summed probabilities `(1000,)` of their classes."""
    return {place: float(probabilities[list(classes)].sum()) for place, classes in PLACES_OF_IMAGENET.items()}


def read_places365(categories: Path, in_or_out: Path | None) -> tuple[tuple[str, ...], tuple[bool | None, ...]]:
    """The names of Places365 in the order of its classes, and whether each is indoors.

    Args:
        categories: lines such as `/a/airport_terminal 2`.
        in_or_out: lines such as `/a/airport_terminal 1`, where 1 is indoors and 2 outdoors; None = not known.

    Raises:
        AnalyzerError: a file is damaged.
    """
    try:
        numbered = dict(line.rsplit(maxsplit=1) for line in categories.read_text(encoding="utf-8").splitlines() if line.strip())
        lines = in_or_out.read_text(encoding="utf-8").splitlines() if in_or_out is not None else []
        kinds = dict(line.rsplit(maxsplit=1) for line in lines if line.strip())
        ordered = sorted(numbered, key=lambda name: int(numbered[name]))
    except (OSError, ValueError) as err:
        raise AnalyzerError(f"The list of places ({categories.name}) is damaged. Fetch it again.", code="model_broken") from err
    # "/a/apartment_building/outdoor" is the outside of apartment buildings.
    names = tuple(", ".join(part.replace("_", " ") for part in name.strip("/").split("/")[1:]) for name in ordered)
    indoors = {"1": True, "2": False}
    return names, tuple(indoors.get(kinds.get(name, "")) for name in ordered)
