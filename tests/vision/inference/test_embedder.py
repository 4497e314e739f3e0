"""Vectors of length 1, of real people and of broken weights."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.vision.inference import IMAGENET_RGB, UNIT_RGB, Embedder
from tests.vision.inference.onnx_files import answering


def test_two_looks_at_one_person_are_nearer_than_two_people(asset: Callable[[str], Path]) -> None:
    bus = cv2.imread(str(asset("images/bus.jpg")))
    left, right = bus[400:904, 51:242], bus[374:876, 672:807]  # type: ignore[index]
    embedder = Embedder.open(asset("weights/osnet_x0_25_msmt17.onnx"), IMAGENET_RGB)
    one, again, other = embedder.embed([left, left[:, 8:-8], right])  # type: ignore[list-item]
    assert embedder.length == 512
    assert embedder.size_px == (128, 256)
    assert float(one @ again) > 0.9 > float(one @ other)


def test_vectors_have_length_one(tmp_path: Path) -> None:
    embedder = Embedder.open(answering(tmp_path / "x.onnx", [np.array([[3.0, 4.0]])], batch="n"), UNIT_RGB)
    vectors = embedder.embed([np.zeros((5, 9, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)])
    assert vectors == pytest.approx(np.array([[0.6, 0.8], [0.6, 0.8]]))
    assert embedder.embed([]).shape == (0, 2)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_no_number_becomes_nothing(tmp_path: Path, broken: float) -> None:
    embedder = Embedder.open(answering(tmp_path / "x.onnx", [np.array([[1.0, broken]])]), UNIT_RGB)
    assert embedder.embed([np.zeros((8, 8, 3), np.uint8)]).tolist() == [[0, 0]]


def test_a_model_of_another_kind(asset: Callable[[str], Path]) -> None:
    with pytest.raises(AnalyzerError, match="silero_vad"):
        Embedder.open(asset("weights/silero_vad.onnx"), UNIT_RGB)
