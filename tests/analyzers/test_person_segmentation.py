"""Outlines of real people, and the mask's arithmetic."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analyzers
from analyzers.person_segmentation import PersonSegmentation, SegmentationParams
from sightline.errors import AnalyzerError
from sightline.media.frame import Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from tests.analyzers.conftest import as_frame
from tests.vision.inference.onnx_files import answering

analyzers.load(entry_points=False)
Clip = Callable[..., Iterable[Frame]]
RESOURCES = Resources(ModelStore(Path("none")))


def made(**params: Any) -> Any:
    info = stage("person_segmentation")
    return info.factory(make_params(info, params), RESOURCES)


def seen(clip: Clip, name: str, **which: int) -> list[Any]:
    segmentation = made()
    return [segmentation.analyze([frame])[0] for frame in clip(name, **which)]


def test_a_talking_head_fills_its_picture_but_not_the_corners(clip: Clip) -> None:
    for found in seen(clip, "talking_head_speech.mp4", every=20, most=6):
        mask = found.mask.values
        assert mask.shape == (256, 256)
        assert mask.dtype == np.uint8
        assert not mask.flags.writeable
        assert 0.5 < found.measures["person_share"] < 0.85
        assert mask[128:, 128].mean() > 200
        assert mask[:20, :20].mean() < 60


def test_a_person_enters_an_empty_room(clip: Clip) -> None:
    shares = [found.measures["person_share"] for found in seen(clip, "indoor_person_one_by_one.mp4", every=5, most=10)]
    assert max(shares[:4]) < 0.02
    assert min(shares[-3:]) > 0.05


def test_houses_without_people_are_background(clip: Clip) -> None:
    shares = [found.measures["person_share"] for found in seen(clip, "houses_slideshow.mp4", every=50, most=8)]
    assert np.median(shares) < 0.02


def test_the_grid_has_the_shape_of_the_picture(clip: Clip) -> None:
    (found,) = seen(clip, "street_people_720p.mp4", most=1)
    assert found.mask.values.shape == (144, 256)
    assert found.mask.kind == "person"


def test_a_cell_goes_towards_its_newest_value_and_starts_anew_after_a_gap(scene: np.ndarray) -> None:
    answers = iter([0.0, 1.0, 1.0, 0.0])
    segmentation = PersonSegmentation(SegmentationParams(), lambda small: np.full(small.shape[:2], next(answers), np.float32))
    values = [int(segmentation.analyze([as_frame(scene, seq)])[0].mask.values[0, 0]) for seq in (1, 2, 3, 40)]
    assert values[0] == 0
    assert 150 < values[1] < 255
    assert values[1] < values[2] < 255
    assert values[3] == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 7.0])
def test_what_is_no_share_is_brought_into_range(scene: np.ndarray, value: float) -> None:
    segmentation = PersonSegmentation(SegmentationParams(), lambda small: np.full(small.shape[:2], value, np.float32))
    (found,) = segmentation.analyze([as_frame(scene, 1)])
    assert found.measures["person_share"] in (0.0, 1.0)


def test_the_other_model_with_a_file_that_sees_people_on_the_right(tmp_path: Path) -> None:
    answer = np.zeros((1, 2, 192, 192), np.float32)
    answer[0, 0, :, :96], answer[0, 1, :, 96:] = 9.0, 9.0
    answering(tmp_path / "human_segmentation_pphumanseg_2023mar.onnx", [answer], (192, 192))
    info = stage("person_segmentation")
    segmentation = info.factory(make_params(info, {"model": "pphumanseg"}), Resources(ModelStore(tmp_path)))
    (found,) = segmentation.analyze([as_frame(np.zeros((90, 160, 3), np.uint8), 1)])
    assert found.measures["person_share"] == pytest.approx(0.5, abs=0.01)
    assert found.mask.values[:, 0].max() == 0
    assert found.mask.values[:, -1].min() == 255


def test_the_other_model_with_a_file_of_another_kind(tmp_path: Path) -> None:
    answering(tmp_path / "human_segmentation_pphumanseg_2023mar.onnx", [np.zeros((1, 7), np.float32)], (192, 192))
    info = stage("person_segmentation")
    with pytest.raises(AnalyzerError, match="gives 1×7 and not 1×2"):
        info.factory(make_params(info, {"model": "pphumanseg"}), Resources(ModelStore(tmp_path)))


def test_the_other_model_without_its_weights_says_how_to_get_them() -> None:
    with pytest.raises(AnalyzerError) as caught:
        made(model="pphumanseg")
    assert caught.value.code == "model_missing"
    assert "fetch human_segmentation_pphumanseg_2023mar.onnx" in caught.value.message
