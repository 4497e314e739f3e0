"""Whether two shots show the same: a hash of the coarse picture (of its cosine transform), and the distribution of colours.

Both must agree: rooms of one house share colours, and dark pictures share coarse shapes.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sightline.media.frame import Image

SIDE_PX, KEPT = 32, 8
MOST_BITS = 12
"""Of 63: so many may differ."""
LEAST_LIKENESS = 0.8
"""Overlap of the colour distributions, 0..1."""
BINS = (12, 4, 4)


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture looks like, in few numbers."""

    bits: int
    colours: tuple[float, ...]
    """Shares of hue × saturation × brightness, adding up to 1."""


def look_of(image: Image) -> Look:
    """Of a BGR picture."""
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:KEPT, :KEPT].ravel()[1:]
    bits = int("".join("1" if above else "0" for above in waves > np.median(waves)), 2)
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, list(BINS), [0, 180, 0, 256, 0, 256]).ravel()
    return Look(bits, tuple(round(float(share), 5) for share in counts / max(1.0, counts.sum())))


def is_same(one: Look, other: Look) -> bool:
    """Whether two pictures show nearly the same."""
    likeness = float(np.minimum(one.colours, other.colours).sum())
    return (one.bits ^ other.bits).bit_count() <= MOST_BITS and likeness >= LEAST_LIKENESS
