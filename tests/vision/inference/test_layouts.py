"""Every family of detectors, by made files that answer one known box, and answers that are no numbers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sightline.errors import AnalyzerError
from sightline.vision.inference import Detector
from tests.vision.inference.onnx_files import answering

Answer = Sequence[NDArray[Any]]
PICTURE = np.full((64, 64, 3), 90, np.uint8)
CELLS = 8 * 8 + 4 * 4 + 2 * 2
PLUS_CELLS = CELLS + 1
CLASS = 2
LABEL = "car"
CLASSES = 80
BOX = (16.0, 24.0, 48.0, 40.0)
"""What each file claims: a car in the middle, at .9 (YOLOX and YOLOv5: .9 times 1)."""


def ultralytics() -> Answer:
    output = np.zeros((1, 4 + CLASSES, CELLS), np.float32)
    output[0, :4, 7], output[0, 4 + CLASS, 7] = (32, 32, 32, 16), 0.9
    return [output]


def segmentation() -> Answer:
    output = np.zeros((1, 4 + CLASSES + 32, CELLS), np.float32)
    output[0, :4, 7], output[0, 4 + CLASS, 7] = (32, 32, 32, 16), 0.9
    output[0, 4 + CLASSES :, :] = 5.0  # coefficients of masks are no scores
    return [output, np.zeros((1, 32, 16, 16), np.float32)]


def end_to_end() -> Answer:
    output = np.zeros((1, 30, 6), np.float32)
    output[0, 3] = (*BOX, 0.9, CLASS)
    return [output]


def yolov5() -> Answer:
    output = np.zeros((1, 3 * CELLS, 5 + CLASSES), np.float32)
    output[0, 100, :5], output[0, 100, 5 + CLASS] = (32, 32, 32, 16, 0.9), 1.0
    return [output]


def yolox() -> Answer:
    output = np.zeros((1, CELLS, 5 + CLASSES), np.float32)
    # The lower right of the 2×2 cells of 32 pixels begins at 32, 32.
    output[0, -1, :5], output[0, -1, 5 + CLASS] = (0, 0, 0, np.log(0.5), 0.9), 1.0
    return [output]


def yolox_decoded() -> Answer:
    output = np.zeros((1, CELLS, 5 + CLASSES), np.float32)
    output[0, :, :2] = np.linspace(4, 60, CELLS)[:, None]
    output[0, 9, :5], output[0, 9, 5 + CLASS] = (32, 32, 32, 16, 0.9), 1.0
    return [output]


def distances(cells: int, at: int, lengths: Sequence[float]) -> NDArray[np.float32]:
    """Distributions over eight bins whose means are `lengths`, in strides, at one cell."""
    output = np.full((1, cells, 4, 8), -30.0, np.float32)
    for side, length in enumerate(lengths):
        low = int(length)
        output[0, at, side, low] = np.log(max(1e-9, 1 - (length - low)))
        output[0, at, side, min(7, low + 1)] = np.log(max(1e-9, length - low))
    return output.reshape(1, cells, 32)


def nanodet() -> Answer:
    """Cell (2, 2) of the 4×4 cells of 16 pixels; its centre is 32 + 7.5."""
    scores = [np.zeros((1, cells, CLASSES), np.float32) for cells in (64, 16, 4)]
    scores[1][0, 2 * 4 + 2, CLASS] = 0.9
    x1, y1, x2, y2 = BOX
    centre = 2 * 16 + 7.5
    lengths = ((centre - x1) / 16, (centre - y1) / 16, (x2 - centre) / 16, (y2 - centre) / 16)
    return [*scores, distances(64, 0, (0, 0, 0, 0)), distances(16, 10, lengths), distances(4, 0, (0, 0, 0, 0))]


def nanodet_stride_by_stride() -> Answer:
    answer = nanodet()
    return [array for pair in zip(answer[:3], answer[3:], strict=True) for array in pair]


def nanodet_plus() -> Answer:
    """As the model's own export has it, in one output; cell (2, 2) of 16 pixels begins at 32."""
    scores = np.zeros((1, PLUS_CELLS, CLASSES), np.float32)
    at = 64 + 2 * 4 + 2
    scores[0, at, CLASS] = 0.9
    return [np.concatenate([scores, distances(PLUS_CELLS, at, (1, 0.5, 1, 0.5))], axis=2)]


FAMILIES: dict[str, Callable[[], Answer]] = {
    "ultralytics": ultralytics, "ultralytics_seg": segmentation, "end2end": end_to_end, "yolov5": yolov5, "yolox": yolox,
    "yolox_decoded": yolox_decoded, "nanodet": nanodet, "nanodet_plus": nanodet_plus,
}  # fmt: skip
families = pytest.mark.parametrize("family", FAMILIES)


@families
def test_the_family_shows_in_the_answer(family: str, tmp_path: Path) -> None:
    detector = Detector(answering(tmp_path / "x.onnx", FAMILIES[family]()))
    assert detector.layout == family
    (found,) = detector.detect(PICTURE, 0.5)
    assert found.label == LABEL
    assert found.score == pytest.approx(0.9, abs=1e-5)
    assert found.box == pytest.approx(BOX, abs=0.01)


def test_outputs_may_come_stride_by_stride(tmp_path: Path) -> None:
    (found,) = Detector(answering(tmp_path / "x.onnx", nanodet_stride_by_stride())).detect(PICTURE, 0.5)
    assert found.box == pytest.approx(BOX, abs=0.01)


@families
def test_a_batch_gives_each_picture_its_boxes(family: str, tmp_path: Path) -> None:
    detector = Detector(answering(tmp_path / "x.onnx", FAMILIES[family](), batch="n"))
    looks = [detector.detect_many([PICTURE, np.zeros((128, 128, 3), np.uint8)], 0.5) for _ in range(10)]
    assert all(look == looks[0] for look in looks), "together or one by one"
    first, second = (found[0].box for found in looks[0])
    assert first == pytest.approx(BOX, abs=0.01)
    assert second == pytest.approx([2 * side for side in BOX], abs=0.02)


@families
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_box(family: str, broken: float, tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    answer = [np.full_like(array, broken) for array in FAMILIES[family]()]
    detector = Detector(answering(tmp_path / "x.onnx", answer), layout=family if family != "ultralytics_seg" else "ultralytics")
    assert all(np.isfinite([*d.box, d.score]).all() for d in detector.detect(PICTURE, 0.3))


def test_one_broken_box_does_not_hide_the_others(tmp_path: Path) -> None:
    (output,) = ultralytics()
    output[0, :4, 20], output[0, 4, 20] = (np.nan, 20, 20, 20), 0.95
    output[0, :4, 21], output[0, 4, 21] = (20, 20, 20, 20), np.nan
    (found,) = Detector(answering(tmp_path / "x.onnx", [output])).detect(PICTURE, 0.5)
    assert found.label == LABEL


def test_keypoints_in_the_picture(tmp_path: Path) -> None:
    output = np.zeros((1, 5 + 17 * 3, CELLS), np.float32)
    output[0, :5, 7] = (32, 32, 32, 16, 0.9)
    output[0, 5:, 7] = np.tile([30, 33, 0.8], 17)
    output[0, 5:8, 7] = (np.nan, 1, 1)
    output[0, 8:11, 7] = (-500, 900, 3)
    path = answering(tmp_path / "x.onnx", [output], metadata={"kpt_shape": "[17, 3]", "names": "{0: 'person'}"})
    detector = Detector(path)
    (found,) = detector.detect(np.zeros((128, 128, 3), np.uint8), 0.5)
    assert detector.layout == "ultralytics_pose"
    assert found.label == "person"
    assert found.keypoints[0] == (0, 0, 0)
    assert found.keypoints[1] == (0, 128, 1)
    assert found.keypoints[2] == pytest.approx((60, 66, 0.8))
    assert len(found.bones) == 18


def test_names_of_the_file_are_used(tmp_path: Path) -> None:
    path = answering(tmp_path / "x.onnx", ultralytics(), metadata={"names": "{0: 'a', 1: 'b', 2: 'helmet'}"})
    assert Detector(path).detect(PICTURE, 0.5)[0].label == "helmet"
    assert Detector(path, labels=("x", "y", "vest")).detect(PICTURE, 0.5)[0].label == "vest"
    assert Detector(path, labels=("x",)).detect(PICTURE, 0.5)[0].label == "class 2"


@pytest.mark.parametrize("shape", [(1, 1000), (1, 3, 64, 64), (1, CELLS, 4), (1, 17, 85), (2, CELLS, 85)])
def test_an_answer_of_no_known_family(shape: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="YOLOX or NanoDet") as caught:
        Detector(answering(tmp_path / "x.onnx", [np.zeros(shape, np.float32)]))
    assert caught.value.code == "model_unknown_layout"
