"""Shares of classes per cell."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.vision.inference import UNIT_RGB, Segmenter
from sightline.vision.inference.segmenter import to_shares
from tests.vision.inference.onnx_files import answering

SCORES = np.array([[[[2.0, -1.0]], [[0.0, 3.0]]]], np.float32)  # (1, 2, 1, 2): background, person


def test_a_file_is_read(tmp_path: Path) -> None:
    segmenter = Segmenter.open(answering(tmp_path / "x.onnx", [SCORES], batch="n"), UNIT_RGB, classes=2)
    shares = segmenter.shares([np.zeros((9, 5, 3), np.uint8)] * 2)
    assert shares.shape == (2, 2, 1, 2)
    assert shares[1, 1, 0] == pytest.approx([0.1192, 0.982], abs=1e-3)
    assert segmenter.size_px == (64, 64)


def test_scores_and_shares_mean_the_same() -> None:
    shares = to_shares(SCORES)
    assert np.array_equal(to_shares(shares), shares)
    assert shares.sum(axis=1) == pytest.approx(np.ones((1, 1, 2)))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("scores", [SCORES, to_shares(SCORES)])
def test_a_cell_of_no_numbers_is_background(broken: float, scores: np.ndarray) -> None:
    hurt = scores.copy()
    hurt[0, 1, 0, 1] = broken
    shares = to_shares(hurt)
    assert shares[0, :, 0, 1].tolist() == [1, 0]
    assert shares[0, :, 0, 0] == pytest.approx(to_shares(scores)[0, :, 0, 0])


def test_as_many_classes_as_asked(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="gives 1×2×1×2 and not 1×3") as caught:
        Segmenter.open(answering(tmp_path / "x.onnx", [SCORES]), UNIT_RGB, classes=3)
    assert caught.value.code == "model_unknown_layout"


def test_a_model_of_another_kind(asset: Callable[[str], Path]) -> None:
    with pytest.raises(AnalyzerError, match="silero_vad"):
        Segmenter.open(asset("weights/silero_vad.onnx"), UNIT_RGB, classes=2)
