"""Who is who: likeness of forecast and seen boxes, and the best pairing of all of them at once."""

from collections.abc import Sequence

import lap
import numpy as np
from numpy.typing import NDArray

from sightline.media.findings import Box

Floats = NDArray[np.float64]
Pairs = list[tuple[int, int]]

IMPOSSIBLE = 1e6
"""A cost that no pairing accepts."""


def overlaps(a: Sequence[Box], b: Sequence[Box]) -> Floats:
    """Intersection over union of each box of `a` with each of `b`, `(len(a), len(b))`."""
    left, right = _array(a)[:, None], _array(b)[None]
    size = np.minimum(left[..., 2:], right[..., 2:]) - np.maximum(left[..., :2], right[..., :2])
    shared = np.prod(np.maximum(size, 0.0), axis=2)
    union = _area(left) + _area(right) - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def pair(costs: Floats, most: float) -> Pairs:
    """The pairing of rows and columns with the least total cost, in which no pair costs more than `most`.

    Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems" (1987).
    """
    if not costs.size:
        return []
    _, columns, _ = lap.lapjv(np.ascontiguousarray(costs), extend_cost=True, cost_limit=most)
    chosen = ((row, int(column)) for row, column in enumerate(columns) if column >= 0)
    return [(row, column) for row, column in chosen if costs[row, column] <= most]


def _array(boxes: Sequence[Box]) -> Floats:
    return np.asarray(boxes, np.float64).reshape(-1, 4)


def _area(boxes: Floats) -> Floats:
    return np.asarray((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))
