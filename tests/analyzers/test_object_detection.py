"""Objects: with weight files, and people without."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from analyzers.object_detection import VEHICLES, check_thresholds
from sightline.errors import AnalyzerError, Invalid
from sightline.media.findings import iou
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.inference import torch_backend

analyzers.load(entry_points=False)
Asset = Callable[[str], Path]


def made(folder: Path, **params: Any) -> Any:
    info = stage("object_detection")
    return info.factory(make_params(info, params), Resources(ModelStore(folder)))


def photograph(path: Path) -> Frame:
    return Frame("yard", 1, 0, 0, 0.0, BgrPicture(cv2.imread(str(path))))  # type: ignore[arg-type]


def test_without_weights_hog_finds_people(tmp_path: Path, clip: Callable[..., Iterable[Frame]], asset: Asset) -> None:
    hog = made(tmp_path)
    truth = made(asset("weights"), model="yolov8n", classes="people", confidence=0.5)
    hits = total = 0
    for frame in clip("street_people_720p.mp4", every=60, most=5):
        findings = hog.analyze([frame])[0]
        assert findings.measures["model"] == "OpenCV HOG"
        people = [d.box for d in truth.analyze([frame])[0].detections]
        total += len(findings.detections)
        hits += sum(any(iou(d.box, box) >= 0.4 for box in people) for d in findings.detections)
    assert total >= 5
    assert hits >= 0.5 * total


def test_a_weight_file_that_is_here_is_taken(asset: Asset) -> None:
    findings = made(asset("weights")).analyze([photograph(asset("images/bus.jpg"))])[0]
    assert findings.measures["model"] == "yolov8n.onnx"
    labels = [d.label for d in findings.detections]
    assert (labels.count("person"), labels.count("bus")) == (4, 1)
    assert findings.measures["objects"] == len(labels)
    assert findings.measures["classes"]["person"] == 4  # type: ignore[index]


def test_the_second_choice_is_taken_when_the_first_is_missing(asset: Asset, tmp_path: Path) -> None:
    shutil.copy(asset("weights/yolox_nano.onnx"), tmp_path)
    findings = made(tmp_path).analyze([photograph(asset("images/bus.jpg"))])[0]
    assert findings.measures["model"] == "yolox_nano.onnx"
    assert "bus" in {d.label for d in findings.detections}


def test_classes_limit_what_is_found(asset: Asset) -> None:
    frame = photograph(asset("images/bus.jpg"))
    people = made(asset("weights"), classes="people").analyze([frame])[0]
    vehicles = made(asset("weights"), classes="vehicles").analyze([frame])[0]
    assert {d.label for d in people.detections} == {"person"}
    assert {d.label for d in vehicles.detections} <= set(VEHICLES)
    assert len(people.detections) == 4
    assert len(vehicles.detections) == 1


def test_single_classes_win_over_the_choice(asset: Asset) -> None:
    (found,) = made(asset("weights"), classes="people", only=["bus", "car"]).analyze([photograph(asset("images/bus.jpg"))])
    assert [d.label for d in found.detections] == ["bus"]


def test_each_class_may_have_a_threshold_of_its_own(asset: Asset) -> None:
    params = {"thresholds": "bus 0.95, person: 0.89", "confidence": 0.9, "steady": False}
    (found,) = made(asset("weights"), model="yolov8n", **params).analyze([photograph(asset("images/bus.jpg"))])
    assert {d.label for d in found.detections} == {"person"}
    assert len(found.detections) == 2


def test_thresholds_are_written_evenly() -> None:
    assert check_thresholds(" person:0.50,traffic  light = .3,", "x") == "person 0.5, traffic light 0.3"
    assert check_thresholds("", "x") == ""


@pytest.mark.parametrize("value", ["person", "0.5", "person 2", "person 0", "person nan", "a\nb 0.5", 7, None, "x" * 900])
def test_wrong_thresholds_are_refused(value: object) -> None:
    with pytest.raises(Invalid) as caught:
        check_thresholds(value, "object_detection_thresholds")
    assert caught.value.facts["field"] == "object_detection_thresholds"


def test_pieces_show_people_who_are_too_small_for_the_whole(asset: Asset) -> None:
    bus = cv2.imread(str(asset("images/bus.jpg")))
    small = np.full((2160, 3840, 3), 90, np.uint8)
    small[1500:1860, 2600:2870] = cv2.resize(bus, (270, 360), interpolation=cv2.INTER_AREA)  # type: ignore[arg-type]
    frame = Frame("yard", 1, 0, 0, 0.0, BgrPicture(small))
    people = {}
    for tiles in ("off", "3×3"):
        (found,) = made(asset("weights"), model="yolov8n", classes="people", tiles=tiles).analyze([frame])
        people[tiles] = [d.box for d in found.detections]
    assert len(people["3×3"]) >= 3
    assert len(people["off"]) < 3
    for x1, y1, x2, y2 in people["3×3"]:
        assert x1 >= 2590
        assert y1 >= 1490
        assert x2 <= 2880
        assert y2 <= 1870


def test_several_cameras_in_one_look(asset: Asset) -> None:
    bus = photograph(asset("images/bus.jpg"))
    plain = Frame("door", 1, 0, 0, 0.0, BgrPicture(np.full((90, 160, 3), 128, np.uint8)))
    objects = made(asset("weights"), model="yolox_nano")
    together = objects.analyze([bus, plain])
    alone = made(asset("weights"), model="yolox_nano").analyze([bus])
    assert together[0].detections == alone[0].detections
    assert together[1].detections == ()
    assert objects.backend == "yolox_nano.onnx on CPU"


def test_a_model_of_ones_own_is_taken_first(asset: Asset, tmp_path: Path) -> None:
    shutil.copy(asset("weights/nanodet_m.onnx"), tmp_path / "objects.onnx")
    shutil.copy(asset("weights/yolox_nano.onnx"), tmp_path)
    (found,) = made(tmp_path).analyze([photograph(asset("images/bus.jpg"))])
    assert found.measures["model"] == "objects.onnx"
    assert "bus" in {d.label for d in found.detections}


def test_a_checkpoint_that_nothing_here_can_run(asset: Asset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_backend, "find_spec", lambda name: None)
    (tmp_path / "objects.pt").write_bytes(b"weights")
    (tmp_path / "yolov8n.pt").write_bytes(b"weights")
    assert made(tmp_path).backend == "OpenCV HOG on OpenCV"
    with pytest.raises(AnalyzerError, match=r"extra \[yolo\]") as caught:
        made(tmp_path, model="yolov8n_pt")
    assert caught.value.code == "model_unavailable"


def test_a_named_model_that_is_missing_tells_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="fetch yolov8n") as caught:
        made(tmp_path, model="yolov8n")
    assert caught.value.code == "model_missing"


def test_a_crowd_in_the_street(clip: Callable[..., Iterable[Frame]], asset: Asset) -> None:
    objects = made(asset("weights"), model="yolov8n", classes="people", confidence=0.35)
    found = sum(len(objects.analyze([frame])[0].detections) for frame in clip("street_people_720p.mp4", every=100, most=3))
    assert 32 <= found <= 48
