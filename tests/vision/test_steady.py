"""A thing appears at one threshold and goes at a lower one."""

import numpy as np
import pytest

from sightline.media.findings import Box, Detection
from sightline.media.frame import BgrPicture, Frame
from sightline.vision.steady import MEMORY_NS, MOST_CAMERAS, Steady

BOX: Box = (10, 10, 20, 40)
PICTURE = BgrPicture(np.zeros((4, 4, 3), np.uint8))


def look(steady: Steady, score: float, seconds: float, *, box: Box = BOX, label: str = "person", camera: str = "yard") -> bool:
    pts_ns = int(seconds * 1e9)
    frame = Frame(camera, 1, pts_ns, pts_ns, 0.0, PICTURE)
    return bool(steady.choose(frame, [Detection(label, score, box)]))


@pytest.fixture
def steady() -> Steady:
    return Steady(lambda label: 0.9 if label == "cat" else 0.6)


def test_a_score_that_goes_up_and_down_keeps_its_box(steady: Steady) -> None:
    seen = [look(steady, score, i / 5) for i, score in enumerate((0.5, 0.61, 0.5, 0.46, 0.44, 0.5, 0.6))]
    assert seen == [False, True, True, True, False, False, True]


def test_another_place_is_another_thing(steady: Steady) -> None:
    assert look(steady, 0.7, 0.1)
    assert not look(steady, 0.5, 0.2, box=(60, 10, 70, 40))


def test_another_class_is_another_thing(steady: Steady) -> None:
    assert look(steady, 0.7, 0.1)
    assert not look(steady, 0.7, 0.2, label="cat")


def test_another_camera_is_another_place(steady: Steady) -> None:
    assert look(steady, 0.7, 0.1)
    assert not look(steady, 0.5, 0.2, camera="door")


@pytest.mark.parametrize("later_s", [0.1 + MEMORY_NS / 1e9 + 0.1, 0.05])
def test_a_gap_or_a_jump_back_forgets(steady: Steady, later_s: float) -> None:
    assert look(steady, 0.7, 0.1)
    assert not look(steady, 0.5, later_s)


def test_cameras_that_are_gone_are_forgotten(steady: Steady) -> None:
    assert look(steady, 0.7, 0.1)
    for number in range(MOST_CAMERAS):
        look(steady, 0.7, 0.1, camera=f"other {number}")
    assert not look(steady, 0.5, 0.2)
