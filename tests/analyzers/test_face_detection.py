"""Faces on real footage, and the geometry around the models."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analyzers
from analyzers.face_detection import distinct, squares
from sightline.errors import AnalyzerError
from sightline.media.findings import Detection
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage

analyzers.load(entry_points=False)
Clip = Callable[..., Iterable[Frame]]


def made(**params: Any) -> Any:
    info = stage("face_detection")
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


def counts(clip: Clip, name: str, every: int, most: int, **params: Any) -> Counter[int]:
    faces = made(**params)
    return Counter(len(faces.analyze([frame])[0].detections) for frame in clip(name, every=every, most=most))


def test_two_people_walking_have_two_faces(clip: Clip) -> None:
    seen = counts(clip, "intel_face-demographics-walking.mp4", every=3, most=12)
    assert seen[2] >= 10


def test_one_face_close_up(clip: Clip) -> None:
    assert counts(clip, "face_closeup.mp4", every=40, most=10) == {1: 10}


def test_cars_have_no_faces(clip: Clip) -> None:
    assert counts(clip, "motorway_cars_720p.mp4", every=40, most=6) == {0: 6}


def test_near_alone_misses_far_faces(clip: Clip) -> None:
    assert counts(clip, "intel_face-demographics-walking.mp4", every=10, most=3, reach="near") == {0: 3}


def test_a_talking_head_has_eyes_and_smiles_sometimes(clip: Clip) -> None:
    faces = made()
    found = [faces.analyze([frame])[0].detections for frame in clip("talking_head_speech.mp4", every=16)]
    assert all(len(detections) == 1 for detections in found)
    attributes = [detections[0].attributes for detections in found]
    assert sum(a["eyes"] == 2 for a in attributes) >= 0.8 * len(attributes)
    assert {a["smile"] for a in attributes} == {True, False}


def test_keypoints_are_where_a_face_has_them(clip: Clip) -> None:
    frame = next(iter(clip("talking_head_speech.mp4", most=1)))
    (face,) = made(eyes_and_smile=False).analyze([frame])[0].detections
    (right_eye, left_eye, nose, mouth, right_ear, left_ear) = face.keypoints
    assert right_ear[0] < right_eye[0] < nose[0] < left_eye[0] < left_ear[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < mouth[1]
    x1, y1, x2, y2 = face.box
    assert all(x1 <= point[0] <= x2 and y1 <= point[1] <= y2 for point in (right_eye, left_eye, nose, mouth))
    assert not face.attributes


def test_boxes_are_in_source_pixels_at_any_size(clip: Clip) -> None:
    frame = next(iter(clip("talking_head_speech.mp4", most=1)))
    faces = made(eyes_and_smile=False)
    (small,) = faces.analyze([frame])[0].detections
    large = cv2.resize(frame.image, None, fx=3, fy=3)
    (big,) = faces.analyze([Frame("yard", 2, 1, 1, 0.0, BgrPicture(large))])[0].detections  # type: ignore[arg-type]
    assert big.box == pytest.approx([3 * edge for edge in small.box], abs=0.1 * 3 * (small.box[2] - small.box[0]))


def test_a_public_figure_in_a_photograph(asset: Callable[[str], Path]) -> None:
    image = cv2.imread(str(asset("images/zidane.jpg")))
    found = made().analyze([Frame("yard", 1, 0, 0, 0.0, BgrPicture(image))])[0]  # type: ignore[arg-type]
    assert len(found.detections) == 2


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_squares_cover_the_picture(width: int, height: int) -> None:
    parts = list(squares(width, height))
    assert 1 <= len(parts) <= 3
    reached = 0
    for x, y, w, h in parts:
        assert x >= 0 and y >= 0 and w >= 1 and h >= 1
        assert x + w <= width and y + h <= height
        start, length = (x, w) if width >= height else (y, h)
        assert start <= reached
        reached = max(reached, start + length)
    assert reached == max(width, height)


def test_the_more_certain_of_two_boxes_of_a_face_stays() -> None:
    near = Detection("face", 0.9, (10, 10, 50, 50))
    same = Detection("face", 0.7, (14, 12, 52, 49))
    inside = Detection("face", 0.6, (20, 20, 30, 30))
    other = Detection("face", 0.5, (100, 10, 140, 50))
    assert distinct([same, other, near, inside]) == [near, other]


def yunet(asset: Callable[[str], Path], **params: Any) -> Any:
    info = stage("face_detection")
    models = ModelStore(Path("none"), asset("weights/yunet_n_640_640.onnx").parent)
    return info.factory(make_params(info, {"model": "yunet", **params}), Resources(models))


def test_yunet_finds_faces_with_the_corners_of_the_mouth(clip: Clip, asset: Callable[[str], Path]) -> None:
    frame = next(iter(clip("talking_head_speech.mp4", most=1)))
    (face,) = yunet(asset, eyes_and_smile=False).analyze([frame])[0].detections
    (blaze,) = made(eyes_and_smile=False).analyze([frame])[0].detections
    right_eye, left_eye, nose, right_corner, left_corner = face.keypoints
    assert right_eye[0] < nose[0] < left_eye[0] and right_corner[0] < left_corner[0]
    size = blaze.box[2] - blaze.box[0]
    for mine, other in zip(face.keypoints[:3], blaze.keypoints[:3], strict=True):
        assert mine[:2] == pytest.approx(other[:2], abs=0.08 * size)
    middle = ((right_corner[0] + left_corner[0]) / 2, (right_corner[1] + left_corner[1]) / 2)
    assert middle == pytest.approx(blaze.keypoints[3][:2], abs=0.1 * size)


def test_yunet_counts_the_people_of_a_photograph_of_any_size(asset: Callable[[str], Path]) -> None:
    image = cv2.imread(str(asset("images/faces/two_people.jpg")))
    faces = yunet(asset)
    for scale in (0.3, 1.0, 2.5):
        picture = cv2.resize(image, None, fx=scale, fy=scale)
        found = faces.analyze([Frame("yard", 1, 0, 0, 0.0, BgrPicture(picture))])[0]  # type: ignore[arg-type]
        assert len(found.detections) == 2
        assert all(250 * scale > face.box[1] >= 0 for face in found.detections)


def test_yunet_without_its_weights_says_how_to_get_them() -> None:
    with pytest.raises(AnalyzerError) as caught:
        made(model="yunet")
    assert caught.value.code == "model_missing" and "fetch" in caught.value.message
