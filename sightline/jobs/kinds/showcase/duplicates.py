"""Whether two shots show the same: a hash of the coarse picture (of its cosine transform), and the distribution of colours.

Both must agree: rooms of one house share colours, and dark pictures share coarse shapes. With LPIPS the two only choose, among the
shots of one room, who is compared; its word counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sightline.media.frame import Image

SIDE_PX, KEPT = 32, 8
MOST_BITS = 12
"""Of 63: so many may differ."""
LEAST_LIKENESS = 0.8
"""Overlap of the colour distributions, 0..1."""
LOOSE_BITS, LOOSE_LIKENESS = 20, 0.5
"""What is compared by LPIPS: half of all pairs of random pictures differ in more than 31 bits."""
MOST_DIFFERENCE = 0.3
"""By LPIPS. Pictures of different things lie above 0.5; the same from a step aside or in other light below this."""
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
    return _is_within(one, other, MOST_BITS, LEAST_LIKENESS)


def same_shots(shots: Sequence[tuple[str, Look]], difference: Callable[[int, int], float] | None = None) -> list[tuple[int, ...]]:
    """For each shot the places (from 0) of those before it that show nearly the same room in nearly the same way.

    Args:
        shots: room and look of each.
        difference: by LPIPS, of the shots at two places; None = the looks decide.
    """

    def is_twin(place: int, before: int) -> bool:
        (room, one), (other_room, other) = shots[place], shots[before]
        if room != other_room:
            return False
        if difference is None:
            return is_same(one, other)
        return _is_within(one, other, LOOSE_BITS, LOOSE_LIKENESS) and difference(place, before) <= MOST_DIFFERENCE

    return [tuple(before for before in range(place) if is_twin(place, before)) for place in range(len(shots))]


def _is_within(one: Look, other: Look, most_bits: int, least_likeness: float) -> bool:
    likeness = float(np.minimum(one.colours, other.colours).sum())
    return (one.bits ^ other.bits).bit_count() <= most_bits and likeness >= least_likeness
