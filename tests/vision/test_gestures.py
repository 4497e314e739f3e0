"""Gestures of hands whose fingers are set by the test."""

import numpy as np
import pytest

from sightline.vision.gestures import FINGERS, HAND_BONES, THUMB, gesture_of, stretched_fingers

PALM = 100.0
SPREAD = {"index": 0.25, "middle": 0.0, "ring": -0.2, "little": -0.4}


def hand(*straight: str, thumb_out: bool = False) -> np.ndarray:
    """A right hand seen from its palm's side, fingers up: `(21, 3)` with y downwards, wrist at the origin."""
    points = np.zeros((21, 3), np.float32)
    for name, joints in FINGERS.items():
        x = SPREAD[name] * PALM
        heights = (1.0, 1.35, 1.6, 1.85) if name in straight else (1.0, 1.3, 1.05, 0.7)
        depths = (0.0, 0.0, 0.0, 0.0) if name in straight else (0.0, -0.1, -0.35, -0.3)
        points[list(joints)] = [(x, -height * PALM, depth * PALM) for height, depth in zip(heights, depths, strict=True)]
    thumb = ((0.3, 0.3), (0.55, 0.5), (0.8, 0.7), (1.05, 0.9)) if thumb_out else ((0.3, 0.3), (0.4, 0.6), (0.3, 0.85), (0.05, 0.95))
    points[list(THUMB)] = [(x * PALM, -y * PALM, 0.0) for x, y in thumb]
    return points


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]], np.float32)
    return points @ matrix.T


ALL = tuple(FINGERS)


@pytest.mark.parametrize(
    ("points", "gesture"),
    [
        (hand(*ALL, thumb_out=True), "open palm"),
        (hand(), "fist"),
        (hand("index"), "pointing"),
        (hand("index", "middle"), "victory"),
        (hand("ring"), ""),
        (hand("index", "little"), ""),
    ],
)
@pytest.mark.parametrize("degrees", [0, 35, -90, 180])
def test_gestures_do_not_depend_on_the_turn_of_the_hand(points: np.ndarray, gesture: str, degrees: float) -> None:
    seen = turned(points, degrees)
    assert gesture_of(seen, seen[:, :2]) == gesture


@pytest.mark.parametrize(("degrees", "gesture"), [(-45, "thumbs up"), (135, "thumbs down"), (45, ""), (-135, "")])
def test_a_thumb_alone_counts_by_where_it_points(degrees: float, gesture: str) -> None:
    seen = turned(hand(thumb_out=True), degrees)
    assert gesture_of(seen, seen[:, :2]) == gesture


def test_size_and_mirroring_change_nothing() -> None:
    victory = hand("index", "middle")
    for points in (victory * 0.001, victory * (-1, 1, 1)):
        assert gesture_of(points, points[:, :2]) == "victory"


def test_a_hand_without_extent_has_no_gesture() -> None:
    nothing = np.zeros((21, 3), np.float32)
    assert stretched_fingers(nothing) == ()
    assert gesture_of(nothing, nothing[:, :2]) == ""
    assert gesture_of(np.full((21, 3), np.nan, np.float32), nothing[:, :2]) == ""


def test_bones_reach_every_point() -> None:
    assert {point for bone in HAND_BONES for point in bone} == set(range(21))
    assert len(HAND_BONES) == len({frozenset(bone) for bone in HAND_BONES}) == 21
