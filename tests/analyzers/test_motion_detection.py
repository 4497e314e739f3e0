"""Motion: quiet when nothing moves, whatever the light does; boxes where something does."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import analyzers
from analyzers.motion_detection import FLAT_CONTRAST, LEARN_LOOKS, SAME_PATTERN, is_light, merge_near
from sightline.media.findings import Box, iou
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage

analyzers.load(entry_points=False)


def made(**params: Any) -> Any:
    info = stage("motion_detection")
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


def boxes_of(pictures: Iterable[Image], **params: Any) -> list[list[Box]]:
    motion = made(**params)
    frames = (Frame("yard", n, n * 100_000_000, 0, 0.0, BgrPicture(image)) for n, image in enumerate(pictures))
    return [[d.box for d in motion.analyze([frame])[0].detections] for frame in frames]


def with_noise(scene: Image, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, 6, scene.shape)
    return np.clip(scene + noise, 0, 255).astype(np.uint8)


def with_square(scene: Image, x: int, y: int = 150) -> Image:
    image = scene.copy()
    image[y : y + 60, x : x + 60] = (20, 20, 230)
    return image


def test_nothing_moves_in_a_still_picture(scene: Image) -> None:
    assert not any(boxes_of([scene] * 40))


def test_noise_is_not_motion(scene: Image) -> None:
    assert not any(boxes_of(with_noise(scene, n) for n in range(40)))


@pytest.mark.parametrize("gain", [1.1, 1.4, 0.5])
def test_a_change_of_light_is_not_motion(scene: Image, gain: float) -> None:
    other = np.clip(scene * gain, 0, 255).astype(np.uint8)
    assert not any(boxes_of([scene] * 25 + [other] * 25))


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 80), st.integers(0, 1000))
def test_a_pattern_is_the_same_when_opencv_says_so(width: int, height: int, noise: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = rng.integers(0, 256, (height, width), np.uint8)
    now = np.clip(0.7 * before + rng.normal(20, noise, before.shape), 0, 255).astype(np.uint8)
    is_flat = min(now.std(), before.std()) < FLAT_CONTRAST
    correlation = 0.0 if is_flat else float(cv2.matchTemplate(now, before, cv2.TM_CCOEFF_NORMED)[0, 0])
    assume(abs(correlation - SAME_PATTERN) > 1e-4)
    assert is_light(now, before, (0, 0, width, height)) == (correlation > SAME_PATTERN)


def test_nothing_is_said_while_it_learns(scene: Image) -> None:
    found = boxes_of(with_square(scene, 10 * n) for n in range(LEARN_LOOKS))
    assert not any(found)


def test_what_moves_is_in_the_box(scene: Image) -> None:
    found = boxes_of([scene] * 20 + [with_square(scene, 40 + 15 * n) for n in range(25)])
    assert not any(found[:20])
    for n, boxes in enumerate(found[21:]):
        x = 40 + 15 * (n + 1)
        square = (float(x), 150.0, x + 60.0, 210.0)
        assert len(boxes) >= 1, n
        assert max(iou(box, square) for box in boxes) > 0.3, (n, boxes)


def test_the_smallest_area_is_kept_to(scene: Image) -> None:
    pictures = [scene] * 20 + [with_square(scene, 40 + 15 * n) for n in range(5)]
    assert any(boxes_of(pictures, min_area=0.5))
    assert not any(boxes_of(pictures, min_area=20.0))


def test_a_new_resolution_is_learnt_quietly(scene: Image) -> None:
    small = np.ascontiguousarray(scene[::2, ::2][:100])
    assert not any(boxes_of([scene] * 20 + [small] * 20))


def test_people_walking_in_the_yard_are_seen(clip: Callable[..., Iterable[Frame]]) -> None:
    motion = made()
    found = [motion.analyze([frame])[0] for frame in clip("surveillance_people_69f.mp4")]
    after_learning = found[LEARN_LOOKS:]
    assert sum(bool(findings.detections) for findings in after_learning) >= 0.95 * len(after_learning)
    for findings in after_learning:
        assert all((d.box[2] - d.box[0]) * (d.box[3] - d.box[1]) < 0.6 * 480 * 360 for d in findings.detections)


boxes = st.tuples(st.floats(0, 500), st.floats(0, 500), st.floats(1, 100), st.floats(1, 100)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(boxes, max_size=12), st.floats(0, 40))
def test_merged_boxes_lie_apart_and_cover_all(given_boxes: list[Box], distance: float) -> None:
    merged = merge_near(given_boxes, distance)
    for i, a in enumerate(merged):
        for b in merged[i + 1 :]:
            gap_x = max(a[0], b[0]) - min(a[2], b[2])
            gap_y = max(a[1], b[1]) - min(a[3], b[3])
            assert gap_x > distance or gap_y > distance
    for box in given_boxes:
        assert any(m[0] <= box[0] and m[1] <= box[1] and m[2] >= box[2] and m[3] >= box[3] for m in merged)
