"""Finding and reading of lines, with models whose answers follow from the picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.vision.text import LETTERS, TextFinder, TextReader, boxed, lines_in, reading_order, spelled, straightened
from tests.vision.made_models import LEVELS, constant_model, dark_is_text, grey_is_letter


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    dark_is_text(folder / "finder.onnx")
    grey_is_letter(folder / "reader.onnx")
    return folder


@pytest.fixture(scope="module")
def finder(models: Path) -> TextFinder:
    return TextFinder(models / "finder.onnx")


@pytest.fixture(scope="module")
def reader(models: Path) -> TextReader:
    return TextReader(models / "reader.onnx")


def page(width: int, height: int, *bars: tuple[tuple[float, float], tuple[float, float], float]) -> np.ndarray:
    """White, with a black bar for each ((centre), (length, thickness), degrees)."""
    image = np.full((height, width, 3), 255, np.uint8)
    for bar in bars:
        cv2.fillPoly(image, [cv2.boxPoints(bar).round().astype(np.int32)], (0, 0, 0))
    return image


def test_a_line_is_grown_back_to_its_size(finder: TextFinder) -> None:
    (line,) = finder.find(page(640, 480, ((320, 240), (200, 20), 0)), 0.5)
    x1, y1, x2, y2 = boxed(line.corners)
    # Area through circumference times two: 200 × 20 / 440 × 2 = 18 px on each side.
    assert (x1, y1, x2, y2) == pytest.approx((202, 212, 438, 268), abs=4)
    assert line.score > 0.9


def test_lines_come_from_top_to_bottom_in_pixels_of_the_picture(finder: TextFinder) -> None:
    lines = finder.find(page(1472, 1104, ((700, 900), (400, 40), 0), ((400, 200), (300, 40), 0)), 0.5)
    assert [line.corners.mean(axis=0).round().tolist() for line in lines] == [
        pytest.approx([400, 200], abs=4),
        pytest.approx([700, 900], abs=4),
    ]


def test_a_turned_line_keeps_its_direction(finder: TextFinder) -> None:
    (line,) = finder.find(page(640, 640, ((320, 320), (260, 24), 30)), 0.5)
    along = line.corners[1] - line.corners[0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(30, abs=2)


def test_faint_and_tiny_marks_are_no_lines(finder: TextFinder) -> None:
    image = page(640, 480, ((100, 100), (2, 2), 0))
    image[300:340, 200:400] = 120
    assert finder.find(image, 0.5) == []
    assert len(finder.find(image, 0.3)) == 1


def test_a_picture_of_any_size_is_looked_at(finder: TextFinder) -> None:
    for height, width in ((1, 1), (1, 900), (31, 33), (2000, 50)):
        for line in finder.find(np.full((height, width, 3), 255, np.uint8), 0.5):
            assert np.isfinite(line.corners).all()


def test_what_is_no_number_is_no_line() -> None:
    probability = np.zeros((64, 64), np.float32)
    probability[10:20, 5:60] = np.nan
    probability[40:50, 5:60] = np.inf
    assert lines_in(probability, 0.5) == []


@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(("degrees", "first"), [(0, "left"), (40, "left"), (-40, "left"), (90, "top")])
def test_reading_begins_at_the_left_or_at_the_top(degrees: float, first: str, start: int, step: int) -> None:
    corners = cv2.boxPoints(((100, 100), (80, 20), degrees))
    turned = np.roll(corners, start, axis=0)[::step]
    upper_left, upper_right, lower_right, lower_left = reading_order(turned)
    along = upper_right - upper_left
    assert np.hypot(*along) == pytest.approx(80, abs=0.1)
    assert (along[0] > 0) if first == "left" else (along[1] > 0)
    # Down is to the right of the way of reading, as everywhere in pictures.
    down = lower_left - upper_left
    assert along[0] * down[1] - along[1] * down[0] > 0
    assert np.allclose(lower_right - lower_left, along, atol=0.01)


def written(text: str) -> np.ndarray:
    """What the reader sees as this text: four px of a letter's brightness, then four px of none."""
    values = [value for letter in text for value in (LEVELS[LETTERS.index(letter) + 1], LEVELS[0])]
    columns = np.repeat(np.float32(values), 4)
    line = np.full(100, LEVELS[0], np.float32)
    line[: len(columns)] = columns
    grey = np.round(line * 127.5 + 127.5).astype(np.uint8)
    return cv2.merge([np.tile(grey, (32, 1))] * 3)


WHOLE = np.float32([[0, 0], [99, 0], [99, 31], [0, 31]])


@pytest.mark.parametrize("text", ["ab12cd", "0", "zzz", "hello", ""])
def test_a_line_is_read_letter_by_letter(reader: TextReader, text: str) -> None:
    reading = reader.read(written(text), WHOLE)
    assert reading.text == text
    assert reading.score > 0.5 if text else reading.score == 0.0


def test_a_turned_line_is_straightened_before_it_is_read(reader: TextReader) -> None:
    corners = np.float32([[200, 100], [776, 296], [714, 478], [138, 282]])
    matrix = cv2.getPerspectiveTransform(WHOLE, corners)
    image = cv2.warpPerspective(written("k9"), matrix, (960, 540), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    assert reader.read(image, corners).text == "k9"


def test_letters_said_twice_in_a_row_count_once_and_with_a_pause_twice() -> None:
    columns = np.full((6, len(LETTERS) + 1), -9.0, np.float32)
    for column, number in enumerate([11, 11, 0, 11, 12, 0]):
        columns[column, number] = 9.0
    assert spelled(columns).text == "aab"


def test_scores_that_are_no_numbers_spell_something_finite() -> None:
    reading = spelled(np.full((4, len(LETTERS) + 1), np.nan, np.float32))
    assert reading.text == ""
    assert reading.score == 0.0


def test_straightening_takes_the_corners_to_the_corners() -> None:
    image = np.zeros((50, 200, 3), np.uint8)
    image[10:40, 20:180] = 200
    assert straightened(image, np.float32([[20, 10], [179, 10], [179, 39], [20, 39]]), (100, 32)).min() == 200


def test_other_models_are_refused(tmp_path: Path) -> None:
    other = constant_model(tmp_path / "other.onnx", [1, 3, "h", "w"], {"y": np.zeros((1, 10))})
    reader = constant_model(tmp_path / "reader.onnx", [1, 1, 32, 100], {"y": np.zeros((26, 1, 5000))})
    for make, path in ((TextFinder, other), (TextReader, reader)):
        with pytest.raises(AnalyzerError) as caught:
            make(path)
        assert caught.value.code == "model_unknown_layout"
