"""The mesh on real faces."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analyzers
from sightline.media.frame import Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage

analyzers.load(entry_points=False)
Clip = Callable[..., Iterable[Frame]]
NOSE_TIP, RIGHT_CHEEK, LEFT_CHEEK = 1, 234, 454


def made(**params: Any) -> Any:
    info = stage("face_mesh")
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


@pytest.fixture(scope="module")
def talking(clip: Clip) -> list[Any]:
    mesh = made()
    return [mesh.analyze([frame])[0] for frame in clip("talking_head_speech.mp4", every=5)]


def test_a_talking_head_opens_and_shuts_its_mouth(talking: list[Any]) -> None:
    assert all(found.measures["faces"] == 1 for found in talking)
    assert all(len(found.detections[0].keypoints) == 468 for found in talking)
    opened = [found.detections[0].attributes["mouth_open"] for found in talking]
    assert 3 <= sum(opened) <= len(opened) - 10
    assert sum(found.detections[0].attributes["eyes_closed"] for found in talking) <= 2


def test_the_turn_of_the_head_follows_the_nose(talking: list[Any]) -> None:
    """The nose runs ahead of the cheeks to the side to which the head turns."""
    faces = [found.detections[0] for found in talking]
    yaw = [face.attributes["yaw"] for face in faces]
    lead = []
    for face in faces:
        nose, right, left = (face.keypoints[i][0] for i in (NOSE_TIP, RIGHT_CHEEK, LEFT_CHEEK))
        lead.append((nose - (right + left) / 2) / (left - right))
    assert np.corrcoef(yaw, lead)[0, 1] > 0.9
    assert min(yaw) < -10
    assert max(yaw) > 10


def test_only_contours_are_drawn(talking: list[Any]) -> None:
    bones = talking[0].detections[0].bones
    assert 100 <= len(bones) <= 150
    assert max(point for bone in bones for point in bone) < 468


def test_a_street_without_near_faces_and_cars_have_none(clip: Clip) -> None:
    for name in ("motorway_cars_720p.mp4", "surveillance_people.mp4"):
        mesh = made()
        assert [mesh.analyze([frame])[0].measures["faces"] for frame in clip(name, every=40, most=5)] == [0] * 5


def test_eyes_shut_for_long_are_noticed_and_a_blink_is_not(clip: Clip) -> None:
    mesh = made()
    shut = {"eyes_closed": True, "mouth_open": False}
    face = type("Face", (), {"attributes": shut})
    awake = type("Face", (), {"attributes": {**shut, "eyes_closed": False}})
    said = [mesh._measures([face], round(t * 1e9))["eyes_long_shut"] for t in (0.0, 0.3, 1.4, 1.6)]
    assert said == [False, False, False, True]
    assert mesh._measures([awake], 1_700_000_000)["eyes_long_shut"] is False
    assert mesh._measures([face], 1_800_000_000)["eyes_long_shut"] is False
