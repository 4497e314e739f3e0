"""Words of a scene over time, measured and by models made for the test."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from analyzers.scene_tags import IMAGENET_FILES, PLACES_FILE, PLACES_NAMES, PLACES_SIDES, calmed
from sightline.errors import AnalyzerError
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from tests.analyzers.conftest import as_frame
from tests.vision.made_models import constant_model

analyzers.load(entry_points=False)
INFO = stage("scene_tags")


def made(folder: Path, **params: Any) -> Any:
    return INFO.factory(make_params(INFO, params), Resources(ModelStore(folder)))


def looked(tags: Any, *images: Image, first: int = 0) -> list[Any]:
    """A look a second."""
    return [tags.analyze([as_frame(image, first + number, fps=1.0)])[0] for number, image in enumerate(images)]


def grey(image: Image) -> Image:
    return cv2.merge([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)] * 3)  # type: ignore[return-value]


def imagenet(folder: Path, likely: dict[int, float], name: str = "mobilenetv2") -> None:
    logits = np.full((1, 1000), -8.0)
    for number, logit in likely.items():
        logits[0, number] = logit
    constant_model(folder / IMAGENET_FILES[name], [1, 3, 224, 224], {"logits": logits})


def test_without_a_model_only_what_is_measured_is_said(tmp_path: Path, scene: Image) -> None:
    found = looked(made(tmp_path), *[scene] * 3)[-1]
    assert found.measures["tags"] == [{"label": word, "score": 1.0} for word in ("well lit", "colourful", "clear", "still")]
    assert found.measures["model"] == "none: only what can be measured"
    assert "place" not in found.measures


def test_night_is_told_once_when_it_lasts(tmp_path: Path, scene: Image) -> None:
    tags = made(tmp_path, hold_s=5)
    night = (grey(scene) * 0.25).astype(np.uint8)
    found = looked(tags, *[scene] * 10, night, *[scene] * 10, *[night] * 10)
    told = [(second, h.facts["aspect"], h.facts["now"]) for second, f in enumerate(found) for h in f.happenings]
    assert told == [(26, "light", "dark"), (26, "colour", "black and white")]
    assert {h.kind for f in found for h in f.happenings} == {"scene.changed"}
    assert found[26].happenings[0].message == "The light changed from well lit to dark"


def test_how_busy_it_is_is_shown_and_not_told(tmp_path: Path, scene: Image) -> None:
    found = looked(made(tmp_path, hold_s=2), *[scene] * 6, *[np.roll(scene, 40 * n, axis=1) for n in range(8)])
    assert found[5].measures["activity"] == "still"
    assert found[-1].measures["activity"] == "busy"
    assert [f.happenings for f in found] == [()] * len(found)


def test_a_model_names_the_place(tmp_path: Path, scene: Image) -> None:
    imagenet(tmp_path, {919: 3.0, 920: 3.0, 762: 1.0})
    found = looked(made(tmp_path), *[scene] * 2)[-1]
    assert found.measures["place"] == "street"
    assert found.measures["model"] == "mobilenetv2"
    assert found.measures["tags"][-1] == {"label": "street", "score": pytest.approx(0.93, abs=0.02)}
    assert found.measures["places"] == [found.measures["tags"][-1], {"label": "restaurant", "score": pytest.approx(0.06, abs=0.02)}]


def test_what_the_model_is_not_sure_of_is_not_named(tmp_path: Path, scene: Image) -> None:
    imagenet(tmp_path, {})
    found = looked(made(tmp_path), *[scene] * 2)[-1]
    assert found.measures["place"] == "unclear"
    assert "unclear" not in [tag["label"] for tag in found.measures["tags"]]


def test_a_new_place_is_told(tmp_path: Path, scene: Image) -> None:
    """A model that says kitchen to bright pictures and street to dark ones."""
    tags = made(tmp_path, hold_s=3, model="none")
    tags._guess = lambda image: {"kitchen": 0.9, "street": 0.1} if image.mean() > 60 else {"kitchen": 0.1, "street": 0.9}
    found = looked(tags, *[scene] * 8, *[(scene * 0.7).astype(np.uint8)] * 2, *[(scene * 0.3).astype(np.uint8)] * 14)
    places = [h for f in found for h in f.happenings if h.facts["aspect"] == "place"]
    assert [(h.facts["before"], h.facts["now"]) for h in places] == [("kitchen", "street")]
    assert places[0].message == "The scene looks like street, no longer like kitchen"


def test_places365_is_preferred_and_knows_in_from_out(tmp_path: Path, scene: Image) -> None:
    imagenet(tmp_path, {919: 5.0})
    (tmp_path / PLACES_NAMES).write_text("/k/kitchen 1\n/a/airfield 0\n/b/beach 2\n")
    (tmp_path / PLACES_SIDES).write_text("/a/airfield 2\n/b/beach 2\n/k/kitchen 1\n")
    constant_model(tmp_path / PLACES_FILE, [1, 3, 224, 224], {"logits": np.log([[0.25, 0.1, 0.65]])})
    found = looked(made(tmp_path), *[scene] * 2)[-1]
    assert found.measures["model"] == "places365"
    assert found.measures["place"] == "beach"
    places = [(place["label"], place["score"]) for place in found.measures["places"]]
    assert places == [("beach", 0.65), ("outdoors", 0.45), ("airfield", 0.25)]


@pytest.mark.parametrize("name", [*IMAGENET_FILES, "places365"])
def test_a_model_that_is_not_here_says_how_to_get_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(AnalyzerError) as caught:
        made(tmp_path, model=name)
    assert caught.value.code == "model_missing"
    assert "MODELS_DIR" in caught.value.message


def test_a_model_of_other_classes_is_refused(tmp_path: Path) -> None:
    constant_model(tmp_path / IMAGENET_FILES["mobilenetv2"], [1, 3, 224, 224], {"logits": np.zeros((1, 10))})
    with pytest.raises(AnalyzerError):
        made(tmp_path)


def test_scores_that_are_no_numbers_name_no_place(tmp_path: Path, scene: Image) -> None:
    constant_model(tmp_path / IMAGENET_FILES["mobilenetv2"], [1, 3, 224, 224], {"logits": np.full((1, 1000), np.nan)})
    assert looked(made(tmp_path), scene)[0].measures["place"] == "unclear"


def test_scores_move_towards_the_newest_ones() -> None:
    assert calmed({}, {"a": 0.8}, 1.0) == {"a": 0.8}
    assert calmed({"a": 0.0}, {"a": 1.0}, 4.0)["a"] == pytest.approx(0.632, abs=0.001)
    assert calmed({"a": 1.0}, {"a": 0.0}, 1000.0)["a"] == pytest.approx(0.0)
