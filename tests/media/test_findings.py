"""Boxes: overlap and cutting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.media.findings import Box, clamp_box, iou

edges = st.floats(-500, 1500, allow_nan=False)
boxes = st.tuples(edges, edges, st.floats(0.01, 500), st.floats(0.01, 500)).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


def test_known_overlaps() -> None:
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0
    assert iou((0, 0, 10, 10), (20, 20, 30, 30)) == 0
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0


@given(boxes, boxes)
def test_overlap_is_symmetric_and_bounded(a: Box, b: Box) -> None:
    assert 0 <= iou(a, b) <= 1 + 1e-9
    assert iou(a, b) == pytest.approx(iou(b, a))


@given(boxes, st.integers(1, 1000), st.integers(1, 1000))
def test_a_cut_box_lies_in_the_picture(box: Box, width: int, height: int) -> None:
    x1, y1, x2, y2 = clamp_box(box, (width, height))
    assert 0 <= x1 <= x2 <= width
    assert 0 <= y1 <= y2 <= height
    assert clamp_box((x1, y1, x2, y2), (width, height)) == (x1, y1, x2, y2)
