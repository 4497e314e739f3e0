"""Classes of pictures, from logits and from probabilities."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.vision.inference import BYTE_BGR, IMAGENET_RGB, Classifier, Pixels
from sightline.vision.inference.classifier import to_probabilities
from tests.vision.inference.onnx_files import answering

LABELS = ("cat", "dog", "kitchen")
PICTURE = np.zeros((40, 90, 3), np.uint8)


def test_the_most_likely_come_first(tmp_path: Path) -> None:
    classifier = Classifier.open(answering(tmp_path / "x.onnx", [np.array([[1.0, 3.0, 2.0]])], batch="n"), BYTE_BGR, LABELS)
    for guesses in classifier.classify([PICTURE, PICTURE], most=2):
        assert [g.label for g in guesses] == ["dog", "kitchen"]
        assert [g.score for g in guesses] == pytest.approx([0.6652, 0.2447], abs=1e-3)
    assert classifier.classify([]) == []


def test_probabilities_stay_as_they_are(tmp_path: Path) -> None:
    classifier = Classifier.open(answering(tmp_path / "x.onnx", [np.array([[0.2, 0.7, 0.1]])]), BYTE_BGR, LABELS, crops_centre=True)
    assert [(g.label, round(g.score, 3)) for g in classifier.classify([PICTURE])[0]] == [
        ("dog", 0.7),
        ("cat", 0.2),
        ("kitchen", 0.1),
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([np.nan, 0.0, 0.0], [0, 0.5, 0.5]),
        ([np.nan] * 3, [1 / 3] * 3),
        ([np.inf, 1.0, 1.0], [0, 0.5, 0.5]),
        ([900.0, -900.0, 0.0], [1, 0, 0]),
    ],
)
def test_what_is_no_number_is_impossible(row: list[float], expected: list[float]) -> None:
    assert to_probabilities(np.array([row], np.float32))[0] == pytest.approx(expected)


def test_as_many_names_as_classes(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="knows 3 classes, but its list of names has 2") as caught:
        Classifier.open(answering(tmp_path / "x.onnx", [np.zeros((1, 3))]), BYTE_BGR, LABELS[:2])
    assert caught.value.code == "model_unknown_layout"


def test_a_model_of_another_kind(asset: Callable[[str], Path]) -> None:
    with pytest.raises(AnalyzerError, match="silero_vad"):
        Classifier.open(asset("weights/silero_vad.onnx"), BYTE_BGR, LABELS)


@pytest.mark.parametrize("pixels", [IMAGENET_RGB, Pixels(is_rgb=False, mean=(1, 2, 3), std=(4, 5, 6))])
def test_pixels_are_shifted_and_scaled_per_channel(pixels: Pixels) -> None:
    image = np.full((2, 2, 3), (10, 20, 30), np.uint8)
    channels = (30, 20, 10) if pixels.is_rgb else (10, 20, 30)
    expected = [(value - mean) / std for value, mean, std in zip(channels, pixels.mean, pixels.std, strict=True)]
    tensor = pixels.tensor([image, image])
    assert tensor.shape == (2, 3, 2, 2)
    assert tensor[1, :, 1, 1] == pytest.approx(expected, rel=1e-5)
