"""Hands of real people."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import pytest

import analyzers
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage

analyzers.load(entry_points=False)
Clip = Callable[..., Iterable[Frame]]
WALKER_RIGHT_HAND = (700, 700, 780, 780)
"""Where the nearest man of the street holds his right hand in frame 90, in px of 1280×720."""


def made(**params: Any) -> Any:
    info = stage("hands")
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


@pytest.fixture(scope="module")
def walkers(clip: Clip) -> list[Any]:
    """Findings about the street's frames 60 to 108."""
    hands = made(most=4)
    return [hands.analyze([frame])[0] for frame in clip("street_people_720p.mp4", every=3, most=37) if frame.seq >= 60]


def test_walking_people_show_hands_with_sides(walkers: list[Any]) -> None:
    hands = [hand for found in walkers for hand in found.detections]
    assert len(hands) >= 10
    for hand in hands:
        assert hand.label == "hand"
        assert len(hand.keypoints) == 21
        assert hand.attributes["side"] in ("left", "right")
    # The nearest man swings his right arm, which is on the left of the picture, in front of him.
    near = [hand for found in walkers if 84 <= found.seq <= 96 for hand in found.detections if hand.box[0] < 800]
    assert near
    assert {hand.attributes["side"] for hand in near} == {"right"}


def test_gestures_can_be_switched_off(clip: Clip) -> None:
    hands = made(gestures=False)
    found = [hands.analyze([frame])[0] for frame in clip("street_people_720p.mp4", every=6, most=15)]
    assert all("gestures" not in f.measures for f in found)
    assert all("gesture" not in hand.attributes for f in found for hand in f.detections)


def test_cars_and_an_empty_room_have_no_hands(clip: Clip) -> None:
    for name in ("motorway_cars_720p.mp4", "houses_slideshow.mp4"):
        hands = made()
        assert [hands.analyze([frame])[0].measures["hands"] for frame in clip(name, every=40, most=6)] == [0] * 6


def test_points_are_in_source_pixels(clip: Clip) -> None:
    """Half the picture gives half the coordinates."""
    frame = next(frame for frame in clip("street_people_720p.mp4", every=90) if frame.seq == 90)
    half = cv2.resize(frame.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = Frame("yard", 1, 1, 1, 1.0, BgrPicture(half))
    (large_hands,), (small_hands,) = (made(most=1).analyze([looked_at]) for looked_at in (frame, small))
    (a,), (b,) = large_hands.detections, small_hands.detections
    assert all(abs(x - 2 * y) < 8 for x, y in zip(a.box, b.box, strict=True))
