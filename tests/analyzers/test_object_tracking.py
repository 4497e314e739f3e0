"""Following one object: on a made clip whose truth is known, through a hidden spell, and on a real street."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from sightline.media.findings import Box, Findings, iou
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, Target, make_params, stage

analyzers.load(entry_points=False)
HIDDEN = range(60, 90)


def made(**params: Any) -> Any:
    info = stage("object_tracking")
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


def as_frame(image: Image, seq: int) -> Frame:
    return Frame("yard", seq, seq * 33_333_333, seq * 33_333_333, 0.0, BgrPicture(image))


def thing() -> Image:
    """A pattern with structure at several scales, 56×48."""
    rng = np.random.default_rng(23)
    coarse = cv2.resize(rng.integers(0, 256, (6, 5, 3), np.uint8), (48, 56), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.integers(0, 60, (18, 16, 3), np.uint8), (48, 56), interpolation=cv2.INTER_CUBIC)
    return np.clip(coarse.astype(int) + fine, 0, 255).astype(np.uint8)


def moving(scene: Image, frames: int, growth: float = 0.0) -> Iterator[tuple[Image, Box]]:
    """A thing on a winding way, with noise; the picture and where the thing is."""
    rng = np.random.default_rng(3)
    backdrop = cv2.GaussianBlur(scene, (9, 9), 0)
    for n in range(frames):
        size = 1 + growth * np.sin(n / 40)
        part = cv2.resize(thing(), None, fx=size, fy=size)
        h, w = part.shape[:2]
        x, y = int(320 + 220 * np.sin(n / 35) - w / 2), int(180 + 110 * np.sin(n / 23) - h / 2)
        image = backdrop.copy()
        image[y : y + h, x : x + w] = part
        yield np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8), (x, y, x + w, y + h)


def pursued(pictures: Iterable[tuple[Image, Box]], **params: Any) -> Iterator[tuple[Findings, Box]]:
    tracking = made(**params)
    for n, (image, box) in enumerate(pictures):
        if n == 0:
            tracking.follow(Target(box))
        yield tracking.analyze([as_frame(image, n)])[0], box


@pytest.mark.parametrize(("growth", "every"), [(0.0, 1), (0.3, 1), (0.0, 3)])
def test_a_moving_thing_is_followed(scene: Image, growth: float, every: int) -> None:
    pictures = list(moving(scene, 120, growth))[::every]
    hits = [bool(f.detections) and iou(f.detections[0].box, box) >= 0.5 for f, box in pursued(pictures)]
    assert sum(hits) >= 0.95 * len(hits)


def test_a_hidden_thing_is_lost_and_found_again(scene: Image) -> None:
    backdrop = cv2.GaussianBlur(scene, (9, 9), 0)
    pictures = [(backdrop if n in HIDDEN else image, box) for n, (image, box) in enumerate(moving(scene, 130))]
    found = list(pursued(pictures))  # type: ignore[arg-type]
    assert all(f.measures["state"] == "lost" for f, _ in found[66:90])
    assert all(f.detections[0].attributes["lost"] for f, _ in found[66:90])
    again = [iou(f.detections[0].box, box) >= 0.5 for f, box in found[100:]]
    assert sum(again) >= 0.95 * len(again)


def test_a_lost_thing_is_shown_for_two_seconds_only(scene: Image) -> None:
    backdrop = cv2.GaussianBlur(scene, (9, 9), 0)
    pictures = [(image if n < 20 else backdrop, box) for n, (image, box) in enumerate(moving(scene, 110))]
    found = [f for f, _ in pursued(pictures)]  # type: ignore[arg-type]
    assert found[70].detections
    assert not found[105].detections
    assert found[105].measures["state"] == "lost"


def test_finding_again_can_be_switched_off(scene: Image) -> None:
    backdrop = cv2.GaussianBlur(scene, (9, 9), 0)
    pictures = [(backdrop if n in HIDDEN else image, box) for n, (image, box) in enumerate(moving(scene, 110))]
    assert [f for f, _ in pursued(pictures, find_again=False)][-1].measures["state"] == "lost"  # type: ignore[arg-type]


def test_nothing_is_followed_without_a_target_or_after_stop(scene: Image) -> None:
    tracking = made()
    assert not tracking.analyze([as_frame(scene, 1)])[0].detections
    tracking.follow(Target((100, 100, 160, 160)))
    assert tracking.analyze([as_frame(scene, 2)])[0].detections
    tracking.follow(None)
    findings = tracking.analyze([as_frame(scene, 3)])[0]
    assert not findings.detections
    assert findings.measures["state"] == "idle"


def test_each_target_has_its_own_number(scene: Image) -> None:
    tracking = made()
    numbers = []
    for seq, box in enumerate([(10, 10, 80, 80), (200, 100, 280, 180)], start=1):
        tracking.follow(Target(box))
        numbers.append(tracking.analyze([as_frame(scene, seq)])[0].detections[0].track_id)
    assert numbers == [1, 2]


def test_a_new_resolution_ends_the_pursuit(scene: Image) -> None:
    tracking = made()
    tracking.follow(Target((100, 100, 160, 160)))
    assert tracking.analyze([as_frame(scene, 1)])[0].detections
    half = np.ascontiguousarray(scene[::2, ::2])
    assert not tracking.analyze([as_frame(half, 2)])[0].detections


def test_a_pedestrian_is_followed(clip: Callable[..., Iterable[Frame]]) -> None:
    """Where he is in pictures 0, 30 and 60 was found by a detector (yolov8n)."""
    tracking = made()
    tracking.follow(Target((637, 184, 829, 648)))
    found = [tracking.analyze([frame])[0] for frame in clip("street_people_720p.mp4", most=61)]
    assert all(f.detections and not f.detections[0].attributes["lost"] for f in found)
    assert iou(found[30].detections[0].box, (725, 164, 918, 678)) >= 0.6
    assert iou(found[60].detections[0].box, (819, 130, 1040, 713)) >= 0.5
