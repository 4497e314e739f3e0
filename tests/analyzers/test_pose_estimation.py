"""Posture of a real person."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import pytest

import analyzers
from sightline.errors import AnalyzerError
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.coco import COCO_BONES

analyzers.load(entry_points=False)
NOSE, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, LEFT_ANKLE = 0, 11, 12, 23, 27


def made(folder: Path = Path("none"), **params: Any) -> Any:
    info = stage("pose_estimation")
    return info.factory(make_params(info, params), Resources(ModelStore(folder)))


def test_a_person_indoors_stands_upright(clip: Callable[..., Iterable[Frame]]) -> None:
    pose = made()
    found = [pose.analyze([frame])[0].detections for frame in clip("indoor_person_one_by_one.mp4", every=10, most=25)]
    people = [detections[0] for detections in found if detections]
    assert len(people) >= 18
    for person in people:
        assert len(person.keypoints) == 33
    upright = [p for p in people if p.keypoints[NOSE][1] < p.keypoints[LEFT_SHOULDER][1] < p.keypoints[LEFT_HIP][1]]
    assert len(upright) >= 0.9 * len(people)


def test_a_talking_head_has_shoulders_below_its_nose(clip: Callable[..., Iterable[Frame]]) -> None:
    pose = made()
    for frame in clip("talking_head_speech.mp4", every=20, most=5):
        (person,) = pose.analyze([frame])[0].detections
        nose, left, right = (person.keypoints[i] for i in (NOSE, LEFT_SHOULDER, RIGHT_SHOULDER))
        assert nose[1] < min(left[1], right[1])
        assert right[0] < nose[0] < left[0]


def test_bones_join_the_joints_of_a_body(clip: Callable[..., Iterable[Frame]]) -> None:
    (frame,) = clip("talking_head_speech.mp4", every=20, most=1)
    (person,) = made().analyze([frame])[0].detections
    joined = {joint for bone in person.bones for joint in bone}
    assert joined == set(range(33))
    assert (LEFT_SHOULDER, RIGHT_SHOULDER) in person.bones


def test_everybody_in_the_picture_with_yolo_pose(asset: Callable[[str], Path]) -> None:
    pose = made(asset("weights"))
    bus = Frame("yard", 1, 0, 0, 0.0, BgrPicture(cv2.imread(str(asset("images/bus.jpg")))))  # type: ignore[arg-type]
    (found,) = pose.analyze([bus])
    assert pose.backend == "yolov8n-pose.onnx on CPU"
    assert len(found.detections) == found.measures["people"] >= 3
    for person in found.detections:
        assert (len(person.keypoints), person.bones) == (17, COCO_BONES)
        x1, y1, x2, y2 = person.box
        seen = [(x, y) for x, y, score in person.keypoints if score > 0.5]
        assert len(seen) >= 8
        assert all(x1 - 20 <= x <= x2 + 20 and y1 - 20 <= y <= y2 + 20 for x, y in seen)
        nose, left_hip, left_ankle = (person.keypoints[i][1] for i in (0, 11, 15))
        assert nose < left_hip < left_ankle


def test_mediapipe_may_be_chosen_although_the_file_is_here(asset: Callable[[str], Path]) -> None:
    assert made(asset("weights"), model="mediapipe").backend == "MediaPipe Pose on CPU"


def test_a_named_model_that_is_missing_tells_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="MODELS_DIR") as caught:
        made(tmp_path, model="yolov8n_pose")
    assert caught.value.code == "model_missing"
