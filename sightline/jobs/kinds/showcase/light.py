"""The mild correction that brings takes nearer to each other in brightness."""

import math
from collections.abc import Sequence
from statistics import median

STRENGTH = 0.5
"""So much of the way to the common brightness is gone."""
MOST_GAMMA = 1.35


def gammas(brightness: Sequence[float]) -> list[float]:
    """For each take, the gamma (above 1 = brighter) that brings it towards the middle one of all."""
    usable = [min(0.98, max(0.02, value)) for value in brightness]
    wanted = math.log(median(usable)) if usable else 0.0
    return [min(MOST_GAMMA, max(1 / MOST_GAMMA, (math.log(value) / wanted) ** STRENGTH)) for value in usable]
