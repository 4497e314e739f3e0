"""Pieces of a picture, and one detection per thing."""

import itertools
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sightline.media.findings import Detection
from sightline.media.frame import Image
from sightline.vision.tiles import detect_in_tiles, merged, pieces


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(2, 3))
def test_pieces_cover_the_picture(width: int, height: int, grid: int) -> None:
    areas = pieces((width, height), grid)
    assert len(areas) <= grid * grid
    for length, low, high in ((width, 0, 2), (height, 1, 3)):
        spans = sorted({(area[low], area[high]) for area in areas})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(0 <= start < end <= length for start, end in spans)
        assert all(later[0] <= earlier[1] for earlier, later in itertools.pairwise(spans))


def bright_spots(images: Sequence[Image]) -> list[list[Detection]]:
    """Finds what is white: one box around it in each picture."""
    looks = []
    for image in images:
        ys, xs = np.nonzero(image[..., 0] > 200)
        box = (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)) if len(xs) else None
        looks.append([Detection("spot", 0.9, box)] if box is not None else [])
    return looks


@given(st.integers(0, 590), st.integers(0, 350), st.integers(2, 50))
def test_a_spot_is_found_once_and_whole(x: int, y: int, side: int) -> None:
    image = np.zeros((400, 640, 3), np.uint8)
    image[y : y + side, x : x + side] = 255
    (spot,) = detect_in_tiles(image, 2, bright_spots, 0.5)
    assert spot.box == (x, y, min(640, x + side), min(400, y + side))


def test_keypoints_move_with_their_box() -> None:
    def nose(images: Sequence[Image]) -> list[list[Detection]]:
        found = bright_spots(images)
        return [[Detection("spot", 1.0, d.box, keypoints=((d.box[0], d.box[1], 0.5),)) for d in look] for look in found]

    image = np.zeros((400, 640, 3), np.uint8)
    image[300:310, 500:510] = 255
    (spot,) = detect_in_tiles(image, 3, nose, 0.5)
    assert spot.keypoints == ((500, 300, 0.5),)


def test_merging_keeps_the_best_of_each_class() -> None:
    found = [Detection("a", 0.5, (0, 0, 10, 10)), Detection("a", 0.9, (1, 0, 11, 10)), Detection("b", 0.4, (0, 0, 10, 10))]
    assert [(d.label, d.score) for d in merged(found, 0.5)] == [("a", 0.9), ("b", 0.4)]
    assert merged([], 0.5) == []
