"""What the privacy blur hides is found by sensitive analyzers of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from analyzers.privacy_people import blobs
from analyzers.privacy_plates import PrivacyPlates
from sightline.media.findings import Box, Detection, Findings, iou
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, stage
from tests.analyzers.conftest import as_frame

analyzers.load(entry_points=False)

BARE = Resources(ModelStore(Path("none")))


def seen_by(name: str, image: Image, resources: Resources = BARE) -> tuple[Detection, ...]:
    info = stage(name)
    found: Findings = info.factory(info.params(), resources).analyze([as_frame(image, 1)])[0]
    assert found.analyzer == name
    return found.detections


def read(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    return image  # type: ignore[return-value]


def covers(detections: tuple[Detection, ...], box: Box) -> bool:
    """Whether the middle half of the box lies within one of the detections."""
    x, y, w, h = box[0], box[1], box[2] - box[0], box[3] - box[1]
    middle = (x + w / 4, y + h / 4, x + 3 * w / 4, y + 3 * h / 4)
    return any(
        d.box[0] <= middle[0] and d.box[1] <= middle[1] and d.box[2] >= middle[2] and d.box[3] >= middle[3] for d in detections
    )


@pytest.mark.parametrize("name", ["privacy_faces", "privacy_people", "privacy_plates"])
def test_they_have_no_switch_and_no_settings(name: str) -> None:
    info = stage(name)
    assert info.is_hidden
    assert info.params() == type(info.params())()
    assert not info.params.__dataclass_fields__


@pytest.mark.parametrize("has_yunet", [False, True])
def test_both_faces_of_a_photo_are_found(asset: Callable[[str], Path], has_yunet: bool) -> None:
    resources = Resources(ModelStore(asset("weights/yunet_n_640_640.onnx").parent)) if has_yunet else BARE
    faces = seen_by("privacy_faces", read(asset("images/zidane.jpg")), resources)
    # Where two people's faces are, read off the picture (1280×720).
    assert covers(faces, (520.0, 230.0, 650.0, 430.0))
    assert covers(faces, (900.0, 90.0, 1060.0, 280.0))


def test_they_find_at_least_what_the_operators_analyzer_finds(clip: Any) -> None:
    frames = list(clip("intel_face-demographics-walking.mp4", every=60, most=6))
    info, own = stage("face_detection"), stage("privacy_faces")
    operators, privacy = info.factory(info.params(), BARE), own.factory(own.params(), BARE)
    for frame in frames:
        hidden = privacy.analyze([frame])[0].detections
        for face in operators.analyze([frame])[0].detections:
            assert any(iou(face.box, other.box) > 0.4 for other in hidden)


def test_damaged_weights_do_not_stop_the_search(tmp_path: Path, asset: Callable[[str], Path]) -> None:
    (tmp_path / "yunet_n_640_640.onnx").write_bytes(b"not a network\n" * 20)
    assert seen_by("privacy_faces", read(asset("images/zidane.jpg")), Resources(ModelStore(tmp_path)))


@pytest.mark.parametrize("has_weights", [True, False])
def test_people_are_found_with_weights_and_without(asset: Callable[[str], Path], has_weights: bool) -> None:
    resources = Resources(ModelStore(asset("weights/yolov8n.onnx").parent)) if has_weights else BARE
    people = seen_by("privacy_people", read(asset("images/bus.jpg")), resources)
    # The three who stand in front of the bus (810×1080).
    standing = [(50.0, 400.0, 245.0, 900.0), (222.0, 405.0, 345.0, 860.0), (670.0, 390.0, 810.0, 880.0)]
    found = [covers(people, box) for box in standing]
    assert all(found) if has_weights else any(found)


class Finder:
    """Finds one plate, and remembers how sure it had to be."""

    def find(self, image: Image, confidence: float) -> list[Detection]:
        self.confidence = confidence
        return [Detection("plate", 0.5, (10.0, 20.0, 60.0, 35.0))]


def test_plates_are_searched_more_sensitively_than_read() -> None:
    finder = Finder()
    frame = as_frame(np.zeros((90, 160, 3), np.uint8), 1)
    found = PrivacyPlates(finder).analyze([frame])[0]  # type: ignore[arg-type]
    assert [plate.box for plate in found.detections] == [(10.0, 20.0, 60.0, 35.0)]
    assert finder.confidence < 0.5


def test_plates_say_what_they_need() -> None:
    reason = stage("privacy_plates").unavailable(BARE)
    assert reason is not None
    assert "license_plate_detection_lpd_yunet_2023mar.onnx" in reason


def test_parts_of_a_mask_become_boxes_and_specks_do_not() -> None:
    mask = np.zeros((90, 160), bool)
    mask[10:50, 20:60] = True
    mask[60:80, 100:140] = True
    mask[5, 5] = True
    assert sorted(blobs(mask, (1280, 720))) == [(160, 80, 480, 400), (800, 480, 1120, 640)]
    assert blobs(np.zeros((9, 16), bool), (160, 90)) == []
