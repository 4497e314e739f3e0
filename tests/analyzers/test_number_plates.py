"""Plates that are followed, read by vote and told once, with models whose answers follow from the picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analyzers
from analyzers.number_plates import MOST_READINGS, FollowedPlate, NumberPlates, PlateParams, plate_text
from sightline.media.findings import Findings
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.plates import PLATE_FILE, PlateFinder
from sightline.vision.text import LETTERS, READER_FILE, Reading
from tests.analyzers.conftest import as_frame
from tests.vision.made_models import bright_is_plate, constant_model

analyzers.load(entry_points=False)
INFO = stage("number_plates")


class Readings:
    """A reader that gives one reading after another."""

    def __init__(self, *readings: tuple[str, float]) -> None:
        self._readings = [Reading(text, score) for text, score in readings]

    def read(self, _image: object, _corners: object) -> Reading:
        return self._readings.pop(0) if self._readings else Reading("", 0.0)


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> PlateFinder:
    return PlateFinder(bright_is_plate(tmp_path_factory.mktemp("plates") / PLATE_FILE))


def street(*cells: tuple[int, int]) -> np.ndarray:
    """640×480, a plate of 80×32 px around each cell of 16 px."""
    image = np.zeros((480, 640, 3), np.uint8)
    for column, row in cells:
        image[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = 255
    return image


def looked(analyzer: Any, *pictures: np.ndarray) -> list[Findings]:
    return [analyzer.analyze([as_frame(image, seq, fps=4.0)])[0] for seq, image in enumerate(pictures)]


def test_a_plate_is_told_when_its_readings_agree(finder: PlateFinder) -> None:
    reader = Readings(("b123xy", 0.8), ("8123xy", 0.4), ("b123xy", 0.9), ("b123xy", 0.9), ("b123xy", 0.9))
    plates = NumberPlates(PlateParams(small=False), finder, reader)
    found = looked(plates, *(street((5 + n, 10)) for n in range(5)))
    assert [len(f.detections) for f in found] == [1] * 5
    assert {f.detections[0].track_id for f in found} == {1}
    told = [(seq, h.kind, h.facts["plate"]) for seq, f in enumerate(found) for h in f.happenings]
    assert told == [(3, "plate.read", "B123XY")]
    assert [f.measures["texts"] for f in found] == [[], [], [], ["B123XY"], ["B123XY"]]


def test_readings_that_do_not_agree_are_not_told(finder: PlateFinder) -> None:
    reader = Readings(*((f"ab1{n}", 0.9) for n in range(8)))
    found = looked(NumberPlates(PlateParams(small=False), finder, reader), *[street((5, 10))] * 8)
    assert [f.happenings for f in found] == [()] * 8


def test_two_plates_are_read_apart(finder: PlateFinder) -> None:
    reader = Readings(*[("aa11", 0.95), ("bb22", 0.95)] * 3)
    plates = NumberPlates(PlateParams(small=False), finder, reader)
    found = looked(plates, *[street((5, 10), (30, 20))] * 3)
    assert sorted(found[-1].measures["texts"]) == ["AA11", "BB22"]
    assert sorted(h.facts["plate"] for f in found for h in f.happenings) == ["AA11", "BB22"]


def test_a_plate_that_was_gone_is_another_one(finder: PlateFinder) -> None:
    plates = NumberPlates(PlateParams(small=False), finder, None)
    found = looked(plates, street((5, 10)), *[street()] * 8, street((5, 10)))
    assert [f.detections[0].track_id for f in found if f.detections] == [1, 2]


def test_a_plate_too_small_to_read_is_only_found(finder: PlateFinder) -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    image[40:44, 40:44] = 255
    plates = NumberPlates(PlateParams(small=False), finder, Readings(*[("ab12", 1.0)] * 5))
    found = looked(plates, *[image] * 4)
    assert all(len(f.detections) == 1 and not f.detections[0].attributes for f in found)


@pytest.mark.parametrize(
    ("text", "plate"), [("b123xy", "B123XY"), ("abc", ""), ("abcdef", ""), ("a1", ""), ("12345678901", ""), ("", "")]
)
def test_what_can_be_a_plate(text: str, plate: str) -> None:
    assert plate_text(Reading(text, 1.0)) == plate


def test_a_plate_that_is_misread_for_days_keeps_its_text_and_its_size() -> None:
    plate = FollowedPlate((0, 0, 1, 1), 0, 1)
    for number in range(1000):
        plate.vote("M7 8899", 0.9)
        plate.vote(f"X{number}", 0.4)
    assert plate.text == "M7 8899"
    assert len(plate.votes) <= MOST_READINGS


def test_votes_need_a_sum_and_a_majority() -> None:
    plate = FollowedPlate((0, 0, 1, 1), 0, 1)
    assert plate.text == ""
    plate.vote("A1", 0.95)
    assert plate.text == ""
    plate.vote("A1", 0.95)
    assert plate.text == "A1"
    plate.vote("B2", 0.95)
    plate.vote("C3", 0.99)
    assert plate.text == ""


def test_it_is_made_with_what_is_here(tmp_path: Path) -> None:
    resources = Resources(ModelStore(tmp_path))
    assert f"fetch {PLATE_FILE}" in (INFO.unavailable(resources) or "")
    bright_is_plate(tmp_path / PLATE_FILE)
    assert INFO.unavailable(resources) is None
    found = INFO.factory(INFO.params(), resources).analyze([as_frame(street((5, 10)), 1)])[0]
    assert found.detections[0].label == "plate"
    assert f"fetch {READER_FILE}" in str(found.measures["note"])
    assert "note" not in INFO.factory(make_params(INFO, {"read": False}), resources).analyze([as_frame(street(), 1)])[0].measures
    scores = np.full((26, 1, len(LETTERS) + 1), -9.0, np.float32)
    scores[range(6), 0, [11, 12, 0, 2, 3, 4]] = 9.0
    scores[6:, 0, 0] = 9.0
    constant_model(tmp_path / READER_FILE, [1, 1, 32, 100], {"y": scores})
    found = looked(INFO.factory(INFO.params(), resources), *[street((5, 10))] * 3)
    assert found[-1].measures == {"plates": 1, "texts": ["AB123"]}


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (37, 53), (1080, 1920)])
def test_pictures_of_any_size_are_survived(finder: PlateFinder, size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 255, np.uint8)
    for detection in NumberPlates(PlateParams(), finder, None).analyze([as_frame(image, 1)])[0].detections:
        x1, y1, x2, y2 = detection.box
        assert 0 <= x1 < x2 <= size[1]
        assert 0 <= y1 < y2 <= size[0]
