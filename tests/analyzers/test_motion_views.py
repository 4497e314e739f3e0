"""Optical flow and motion mask show what moves, and save work when asked."""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from analyzers.motion_mask import MaskParams, MotionMask
from analyzers.optical_flow import FlowParams, OpticalFlow, coloured
from sightline.media.frame import Image
from sightline.media.stage import Moment


def at(seq: int, is_hurried: bool = False) -> Moment:
    return Moment("yard", "Yard", seq, seq * 33_333_333, 0.0, is_hurried=is_hurried)


def shifted(scene: Image, x: int) -> Image:
    return np.roll(scene, x, axis=1)


def with_square(scene: Image, x: int) -> Image:
    """A bright patterned square at x, unlike anything behind it."""
    image = (scene // 4).astype(np.uint8)
    image[120:220, x : x + 100] = 200 + scene[:100, :100] // 5
    return image


def hue_of(image: Image) -> float:
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    return float(np.median(hsv[..., 0][hsv[..., 2] > 60]))


def test_flow_shows_the_direction_as_a_colour(scene: Image) -> None:
    hues = []
    for step in (8, -8):
        flow = OpticalFlow(FlowParams(show="alone"))
        for seq in range(1, 4):
            result = flow.apply(shifted(scene, step * seq), at(seq))
        assert (result.max(axis=2) > 60).mean() > 0.5
        hues.append(hue_of(result))
    assert abs(hues[0] - hues[1]) == pytest.approx(90, abs=15)  # opposite colours: 180° are 90 steps


def test_flow_is_black_where_nothing_moves(scene: Image) -> None:
    flow = OpticalFlow(FlowParams(show="alone"))
    for seq in range(1, 4):
        result = flow.apply(with_square(scene, 100 + 8 * seq), at(seq))
    assert result[140:200, 130:200].max() > 100
    # The search fills in smoothly, so a little colour lies around what moves.
    assert result[:60].mean() < 5
    assert result[:, 350:].mean() < 5


def test_flow_over_the_picture_dims_it(scene: Image) -> None:
    flow = OpticalFlow(FlowParams())
    for seq in (1, 2):
        result = flow.apply(scene, at(seq))
    assert result.mean() == pytest.approx(0.55 * scene.mean(), rel=0.05)


def test_speed_is_intensity() -> None:
    field = np.zeros((4, 4, 2), np.float32)
    field[0, 0], field[1, 1], field[2, 2] = (2.0, 0.0), (4.0, 0.0), (90.0, 0.0)
    values = coloured(field, 4.0).max(axis=2)
    assert 0 < values[0, 0] < values[1, 1] == values[2, 2] == 255
    assert values[3, 3] == 0


def test_the_mask_shows_what_entered(scene: Image) -> None:
    view = MotionMask(MaskParams())
    for seq in range(1, 60):
        assert not view.apply((scene // 4).astype(np.uint8), at(seq)).any()
    mask = view.apply(with_square(scene, 300), at(60))
    assert mask[140:200, 320:380].mean() > 200
    assert not mask[:, :250].any()


@pytest.mark.parametrize("show", ["what moves", "marked"])
def test_other_views_of_the_mask(scene: Image, show: str) -> None:
    view = MotionMask(MaskParams(show=show))
    for seq in range(1, 60):
        view.apply((scene // 4).astype(np.uint8), at(seq))
    image = with_square(scene, 300)
    result = view.apply(image, at(60))
    inside, outside = (slice(140, 200), slice(320, 380)), (slice(0, 80), slice(0, 200))
    if show == "marked":
        assert np.array_equal(result[outside], image[outside])
        assert result[inside][..., 2].mean() > image[inside][..., 2].mean() + 10
    else:
        assert np.array_equal(result[inside], image[inside])
        assert result[outside].mean() < 0.4 * image[outside].mean()


def test_another_scene_is_learned_and_not_shown_as_motion(scene: Image) -> None:
    view = MotionMask(MaskParams())
    for seq in range(1, 60):
        view.apply(scene, at(seq))
    assert not view.apply((255 - scene).astype(np.uint8), at(60)).any()


@pytest.mark.parametrize(
    "make", [lambda: OpticalFlow(FlowParams(show="alone")), lambda: MotionMask(MaskParams())], ids=["flow", "mask"]
)
def test_when_hurried_every_second_picture_reuses_the_work_and_it_is_said(scene: Image, make: Any) -> None:
    view = make()
    for seq in range(1, 60):
        view.apply((scene // 4).astype(np.uint8), at(seq))
    assert view.notice == ""
    moving = [view.apply(with_square(scene, 200 + 12 * seq), at(60 + seq, is_hurried=True)) for seq in range(6)]
    repeated = [np.array_equal(a, b) for a, b in pairwise(moving)]
    assert repeated.count(True) >= 2
    assert repeated.count(False) >= 2
    assert "second picture" in view.notice
    view.apply(scene, at(70))
    assert view.notice == ""
