"""Words about real scenes and made ones."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.vision.scene import PLACES_OF_IMAGENET, Aspect, measured, places_of_imagenet, read_places365, small_picture

S = 1_000_000_000


@pytest.fixture(scope="module")
def second_of(asset: Callable[[str], Path]) -> Callable[[str], list[np.ndarray]]:
    """Two pictures of a clip, a second apart."""

    def read(name: str) -> list[np.ndarray]:
        video = cv2.VideoCapture(str(asset(f"video/{name}")))
        pictures = []
        for at_ms in (0, 1000):
            video.set(cv2.CAP_PROP_POS_MSEC, at_ms)
            pictures.append(small_picture(video.read()[1]))
        return pictures

    return read


@pytest.mark.parametrize(
    ("name", "light", "colour", "activity"),
    [
        ("chaplin_bw_audio.mp4", "well lit", "black and white", "busy"),
        ("intel_classroom.mp4", "well lit", "coloured", "quiet"),
        ("indoor_person_one_by_one.mp4", "well lit", "colourful", "quiet"),
        ("bedroom_children.mp4", "bright", "coloured", "busy"),
        ("street_people_720p.mp4", "well lit", "coloured", "busy"),
    ],
)
def test_real_scenes(second_of: Callable[[str], list[np.ndarray]], name: str, light: str, colour: str, activity: str) -> None:
    before, now = second_of(name)
    words = measured(now, before)
    assert (words.light, words.colour, words.clarity, words.activity) == (light, colour, "clear", activity)


def test_the_same_scene_darker_hazier_and_without_colour(second_of: Callable[[str], list[np.ndarray]]) -> None:
    (_, street) = second_of("street_people_720p.mp4")
    assert measured((street * 0.6).astype(np.uint8), None).light == "dim"
    assert measured((street * 0.3).astype(np.uint8), None).light == "dark"
    assert measured((street * 0.2 + 150).astype(np.uint8), None).clarity == "low contrast"
    assert measured(cv2.merge([cv2.cvtColor(street, cv2.COLOR_BGR2GRAY)] * 3), None).colour == "black and white"
    assert measured(street, street).activity == "still"
    assert measured(street, None).activity == ""
    assert measured(street, street[:50]).activity == ""


def test_a_point_is_a_scene() -> None:
    assert measured(np.zeros((1, 1, 3), np.uint8), None).light == "dark"


def test_a_word_changes_when_another_has_lasted() -> None:
    aspect = Aspect(3.0)
    said = [*["bright"] * 5, "dark", *["bright"] * 2, *["dark"] * 6]
    changes = [(second, change) for second, word in enumerate(said) if (change := aspect.see(word, second * S))]
    assert changes == [(11, ("bright", "dark"))]
    assert aspect.word == "dark"


def test_before_anything_has_lasted_the_newest_word_is_shown() -> None:
    aspect = Aspect(10.0)
    assert aspect.word == ""
    assert aspect.see("dim", 0) is None
    assert aspect.word == "dim"
    assert aspect.see("", S) is None
    assert aspect.score_of("dim") == 1.0


def test_a_gap_in_time_makes_nothing_last() -> None:
    aspect = Aspect(3.0)
    for second in range(5):
        aspect.see("bright", second * S)
    assert aspect.see("dark", 5 * S) is None
    assert aspect.see("dark", 500 * S) is None
    assert aspect.word == "bright"


def test_classes_of_one_place_add_up_and_belong_to_one_place_only() -> None:
    classes = [number for numbers in PLACES_OF_IMAGENET.values() for number in numbers]
    assert len(classes) == len(set(classes))
    assert 0 <= min(classes) <= max(classes) < 1000
    probabilities = np.zeros(1000, np.float32)
    probabilities[[919, 920, 762]] = 0.3, 0.2, 0.1
    places = places_of_imagenet(probabilities)
    assert places["street"] == pytest.approx(0.5)
    assert places["restaurant"] == pytest.approx(0.1)
    assert places["shore"] == 0.0


def test_the_real_list_of_places_is_read(asset: Callable[[str], Path]) -> None:
    names, indoors = read_places365(asset("weights/categories_places365.txt"), asset("weights/IO_places365.txt"))
    assert len(names) == len(set(names)) == len(indoors) == 365
    assert names[:2] == ("airfield", "airplane cabin")
    assert indoors[:2] == (False, True)
    assert "apartment building, outdoor" in names
    assert None not in indoors


def test_without_the_second_list_nobody_knows_what_is_indoors(asset: Callable[[str], Path]) -> None:
    _, indoors = read_places365(asset("weights/categories_places365.txt"), None)
    assert set(indoors) == {None}


def test_a_damaged_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("/a/airfield\n")
    with pytest.raises(AnalyzerError) as caught:
        read_places365(tmp_path / "names.txt", None)
    assert caught.value.code == "model_broken"
