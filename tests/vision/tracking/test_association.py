"""Overlaps against the plain definition, and pairings against all there are."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.media.findings import Box, iou
from sightline.vision.tracking.association import overlaps, pair

box = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), *[st.floats(0, 100)] * 2, *[st.floats(1, 80)] * 2)
costs = st.integers(1, 4).flatmap(
    lambda rows: st.integers(1, 4).flatmap(
        lambda columns: st.lists(st.floats(0, 2), min_size=rows * columns, max_size=rows * columns).map(
            lambda values: np.array(values).reshape(rows, columns)
        )
    )
)


@given(st.lists(box, max_size=5), st.lists(box, max_size=5))
def test_overlaps_are_those_of_each_pair(a: list[Box], b: list[Box]) -> None:
    table = overlaps(a, b)
    assert table.shape == (len(a), len(b))
    for row, left in enumerate(a):
        for column, right in enumerate(b):
            assert table[row, column] == pytest.approx(iou(left, right), abs=1e-9)


def best(table: np.ndarray, most: float) -> float:
    """Least total of (cost − most) over all pairings, by trying every one."""
    rows, columns = table.shape
    wide = table if rows <= columns else table.T
    gain = np.minimum(wide - most, 0)
    return min(
        sum(gain[row, column] for row, column in enumerate(order)) for order in permutations(range(wide.shape[1]), len(wide))
    )


@settings(deadline=None)
@given(costs, st.floats(0.1, 1.5))
def test_the_pairing_is_the_best_one_and_each_is_paired_once(table: np.ndarray, most: float) -> None:
    pairs = pair(table, most)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(table[place] <= most for place in pairs)
    assert sum(table[place] - most for place in pairs) == pytest.approx(best(table, most), abs=1e-6)


def test_nothing_pairs_with_nothing() -> None:
    assert pair(np.zeros((0, 3)), 1.0) == []
    assert pair(np.zeros((3, 0)), 1.0) == []
