"""The analyzer of text, with models whose answers follow from the picture."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from analyzers.text_reading import largest, watched_words
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.text import FINDER_FILE, LETTERS, READER_FILE, Line
from tests.analyzers.conftest import as_frame
from tests.vision.made_models import constant_model, dark_is_text

analyzers.load(entry_points=False)
INFO = stage("text_reading")


def saying(text: str) -> np.ndarray:
    """The answer of a reader that reads this."""
    scores = np.full((26, 1, len(LETTERS) + 1), -9.0, np.float32)
    scores[:, 0, 0] = 0.0
    for place, letter in enumerate(text):
        scores[2 * place, 0, LETTERS.index(letter) + 1] = 9.0
    return scores


@pytest.fixture
def made(tmp_path: Path) -> Any:
    def make(text: str, **params: Any) -> Any:
        dark_is_text(tmp_path / FINDER_FILE)
        constant_model(tmp_path / READER_FILE, [1, 1, 32, 100], {"y": saying(text)})
        return INFO.factory(make_params(INFO, params), Resources(ModelStore(tmp_path)))

    return make


def sign(lines: int = 1) -> np.ndarray:
    image = np.full((480, 640, 3), 255, np.uint8)
    for number in range(lines):
        cv2.rectangle(image, (100, 60 + 130 * number), (300 + 80 * number, 80 + 130 * number), (0, 0, 0), -1)
    return image


def test_lines_are_read_where_they_are(made: Any) -> None:
    (found,) = made("exit7").analyze([as_frame(sign(2), 1)])
    assert [d.attributes["text"] for d in found.detections] == ["exit7", "exit7"]
    assert found.measures == {"lines": 2, "texts": ["exit7", "exit7"]}
    assert found.detections[0].label == "text"
    assert found.detections[0].box[1] < 80 < found.detections[0].box[3]
    assert len(found.detections[0].keypoints) == len(found.detections[0].bones) == 4


def test_a_picture_without_text_has_none(made: Any) -> None:
    (found,) = made("exit").analyze([as_frame(np.full((480, 640, 3), 255, np.uint8), 1)])
    assert found.detections == ()
    assert found.measures["lines"] == 0


def test_only_the_largest_lines_are_read(made: Any) -> None:
    (found,) = made("abc", most=1).analyze([as_frame(sign(3), 1)])
    (line,) = found.detections
    assert line.box[3] > 320
    assert found.measures["lines"] == 3


def test_a_watched_word_is_told_once_per_visit(made: Any) -> None:
    reading = made("exit7", watch="Gate, EXIT")
    blank = np.full((480, 640, 3), 255, np.uint8)
    pictures = [sign(), sign(), *[blank] * 25, sign()]
    told = [
        (seq, h.facts["word"])
        for seq, image in enumerate(pictures)
        for h in reading.analyze([as_frame(image, seq, 1.0)])[0].happenings
    ]
    assert told == [(0, "exit"), (27, "exit")]


def test_words_are_spelled_as_the_reader_spells_them() -> None:
    assert watched_words("Exit, gate 7,, ÄÖ!, exit") == ("exit", "gate7", "äö")
    assert watched_words("") == ()


def test_the_largest_lines_keep_their_order() -> None:
    lines = [Line(np.float32([[0, 0], [w, 0], [w, 9], [0, 9]]), 1.0) for w in (10, 50, 30, 70)]
    assert largest(lines, 2) == [lines[1], lines[3]]


@pytest.mark.parametrize(
    "answer", [np.full((26, 1, len(LETTERS) + 1), np.nan), np.zeros((26, 1, len(LETTERS) + 1))], ids=["nan", "undecided"]
)
def test_a_reader_that_knows_nothing_reads_nothing(tmp_path: Path, answer: np.ndarray) -> None:
    dark_is_text(tmp_path / FINDER_FILE)
    constant_model(tmp_path / READER_FILE, [1, 1, 32, 100], {"y": answer})
    analyzer = INFO.factory(INFO.params(), Resources(ModelStore(tmp_path)))
    assert analyzer.analyze([as_frame(sign(), 1)])[0].detections == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (37, 53), (1080, 1920)])
def test_pictures_of_any_size_are_survived(made: Any, size: tuple[int, int]) -> None:
    (found,) = made("abc").analyze([as_frame(np.zeros((*size, 3), np.uint8), 1)])
    for detection in found.detections:
        x1, y1, x2, y2 = detection.box
        assert 0 <= x1 < x2 <= size[1]
        assert 0 <= y1 < y2 <= size[0]


def test_without_weights_it_says_how_to_get_them(tmp_path: Path) -> None:
    reason = INFO.unavailable(Resources(ModelStore(tmp_path)))
    assert reason is not None
    assert f"fetch {FINDER_FILE}" in reason
    assert f"fetch {READER_FILE}" in reason
    dark_is_text(tmp_path / FINDER_FILE)
    reason = INFO.unavailable(Resources(ModelStore(tmp_path)))
    assert reason is not None
    assert FINDER_FILE not in reason
