"""ONNX detectors: decoding against known numbers, real pictures, and files that are no detectors."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import AnalyzerError
from sightline.media.findings import Box, iou
from sightline.vision.coco import COCO_LABELS
from sightline.vision.inference import Detector, letterbox, suppress
from sightline.vision.inference.layouts import read_ultralytics, read_yolox

Asset = Callable[[str], Path]
BUS: Box = (31.0, 230.0, 799.0, 769.0)
PEOPLE: tuple[Box, ...] = ((672, 374, 807, 876), (51, 400, 242, 904), (224, 408, 341, 856))


@pytest.mark.parametrize(("name", "overlap"), [("yolov8n", 0.9), ("yolox_nano", 0.7)])
def test_the_bus_and_its_people(asset: Asset, name: str, overlap: float) -> None:
    image = cv2.imread(str(asset("images/bus.jpg")))
    found = Detector(asset(f"weights/{name}.onnx")).detect(image, 0.4)  # type: ignore[arg-type]
    assert sorted(d.label for d in found) == ["bus", "person", "person", "person"]
    (bus,) = (d for d in found if d.label == "bus")
    assert iou(bus.box, BUS) > overlap
    for person in PEOPLE:
        assert max(iou(d.box, person) for d in found if d.label == "person") > overlap
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)


def test_known_scores_of_yolov8n(asset: Asset) -> None:
    image = cv2.imread(str(asset("images/bus.jpg")))
    found = Detector(asset("weights/yolov8n.onnx")).detect(image, 0.25)  # type: ignore[arg-type]
    assert [d.label for d in found[:4]] == ["person", "person", "person", "bus"]
    assert [d.score for d in found[:4]] == pytest.approx([0.90, 0.90, 0.88, 0.87], abs=0.006)
    assert [d.label for d in found].count("person") == 4
    assert [d.label for d in found].count("bus") == 1


@pytest.mark.parametrize(("name", "recall", "precision"), [("yolov8n", 0.80, 0.85), ("yolox_nano", 0.75, 0.70)])
def test_people_in_surveillance_footage(asset: Asset, name: str, recall: float, precision: float) -> None:
    detector = Detector(asset(f"weights/{name}.onnx"), threads=None)
    truth = read_truth(asset("groundtruth/mot15_PETS09-S2L1/gt_frames1-69_480x360.txt"))
    video = cv2.VideoCapture(str(asset("video/surveillance_people_69f.mp4")))
    hits = claimed = real = 0
    for number in range(1, 70):
        image = video.read()[1]
        if number % 4:
            continue
        left = list(truth[number])
        real += len(left)
        for person in (d for d in detector.detect(image, 0.4) if d.label == "person"):
            claimed += 1
            best = max(left, key=lambda box: iou(box, person.box), default=None)
            if best is not None and iou(best, person.box) >= 0.5:
                hits += 1
                left.remove(best)
    video.release()
    assert hits / real >= recall
    assert hits / claimed >= precision


def read_truth(path: Path) -> dict[int, list[Box]]:
    truth: dict[int, list[Box]] = {}
    for line in path.read_text().splitlines():
        number, _, x, y, w, h = (float(part) for part in line.split(",")[:6])
        truth.setdefault(int(number), []).append((x, y, x + w, y + h))
    return truth


def test_boxes_lie_in_a_picture_of_any_size(asset: Asset) -> None:
    detector = Detector(asset("weights/yolox_nano.onnx"))
    bus = cv2.imread(str(asset("images/bus.jpg")))
    for size in ((1, 1), (31, 7), (1920, 300)):
        for d in detector.detect(cv2.resize(bus, size), 0.05):  # type: ignore[arg-type]
            assert 0 <= d.box[0] < d.box[2] <= size[0]
            assert 0 <= d.box[1] < d.box[3] <= size[1]


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "yolov8n.onnx"
    file.write_text("<html>404</html>")
    with pytest.raises(AnalyzerError, match=r"yolov8n\.onnx cannot be loaded") as caught:
        Detector(file)
    assert caught.value.code == "model_broken"


def test_a_truncated_model(tmp_path: Path, asset: Asset) -> None:
    file = tmp_path / "yolox_nano.onnx"
    file.write_bytes(asset("weights/yolox_nano.onnx").read_bytes()[:500_000])
    with pytest.raises(AnalyzerError) as caught:
        Detector(file)
    assert caught.value.code == "model_broken"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError):
        Detector(tmp_path / "nothing.onnx")


@pytest.mark.parametrize("name", ["silero_vad", "mobilefacenet", "osnet_x0_25_msmt17"])
def test_a_model_of_another_kind(asset: Asset, name: str) -> None:
    with pytest.raises(AnalyzerError) as caught:
        Detector(asset(f"weights/{name}.onnx"))
    assert caught.value.code in ("model_unknown_layout", "inference_failed")


def test_coco_has_eighty_labels() -> None:
    assert len(set(COCO_LABELS)) == 80
    assert (COCO_LABELS[0], COCO_LABELS[5], COCO_LABELS[79]) == ("person", "bus", "toothbrush")


def test_reading_the_ultralytics_layout() -> None:
    output = np.zeros((4 + 3, 3), np.float32)
    output[:, 0] = [100, 50, 20, 10, 0.1, 0.8, 0.3]
    output[:, 1] = [10, 10, 4, 4, 0.6, 0.2, 0.1]
    output[:, 2] = [10, 10, 4, 4, 0.4, 0.2, 0.1]
    found = read_ultralytics([output], (640, 640), 0.5)
    assert found.boxes.tolist() == [[90, 45, 110, 55], [8, 8, 12, 12]]
    assert found.scores == pytest.approx([0.8, 0.6])
    assert found.classes.tolist() == [1, 0]


def test_reading_the_yolox_layout() -> None:
    cells = 8 * 8 + 4 * 4 + 2 * 2
    output = np.zeros((cells, 5 + 2), np.float32)
    # Second cell of the second row of the 16-pixel grid: centre offset half a cell, width e¹ and height e⁰ strides.
    output[64 + 4 + 1] = [0.5, 0.5, 1.0, 0.0, 0.5, 0.2, 0.8]
    found = read_yolox([output], (64, 64), 0.3)
    x, y, half_w, half_h = 24.0, 24.0, np.e * 8, 8.0
    assert found.boxes[0] == pytest.approx([x - half_w, y - half_h, x + half_w, y + half_h], rel=1e-5)
    assert found.scores == pytest.approx([0.4])
    assert found.classes.tolist() == [1]


def test_suppression_works_within_a_class() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.6, 0.9, 0.7, 0.3], np.float32)
    classes = np.array([0, 0, 1, 0])
    assert suppress(boxes, scores, classes).tolist() == [1, 2, 3]
    assert suppress(boxes[:0], scores[:0], classes[:0]).tolist() == []


@given(st.integers(1, 3000), st.integers(1, 3000), st.booleans())
def test_a_box_survives_the_letterbox(width: int, height: int, centred: bool) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    boxed = letterbox(image, (64, 96), centred=centred)
    assert boxed.pixels.shape == (96, 64, 3)
    corner = np.array([[boxed.left_px, boxed.top_px, boxed.left_px + width * boxed.scale, boxed.top_px + height * boxed.scale]])
    assert boxed.to_picture(corner.astype(np.float32))[0] == pytest.approx([0, 0, width, height], rel=1e-3, abs=1e-2)
