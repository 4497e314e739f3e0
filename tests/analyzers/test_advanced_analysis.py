"""Picture quality follows what is done to the picture."""

import cv2
import numpy as np
import pytest

from analyzers.advanced_analysis import AdvancedAnalysis, Quality, histogram, measure
from sightline.media.frame import BgrPicture, Frame, Image


@pytest.fixture(scope="module")
def luma(scene: Image) -> Image:
    grey = cv2.cvtColor(cv2.GaussianBlur(scene, (5, 5), 0), cv2.COLOR_BGR2GRAY)
    return np.clip((grey.astype(float) - grey.mean()) * 50 / grey.std() + 120, 0, 255).astype(np.uint8)


def test_a_good_picture_is_good(luma: Image) -> None:
    quality = measure(luma)
    assert quality.verdict == "good"
    assert quality.score >= 60
    assert quality.corners > 50


def test_each_fault_has_its_word_and_costs_points(luma: Image) -> None:
    rng = np.random.default_rng(1)
    faults = {
        "blurred": cv2.GaussianBlur(luma, (41, 41), 0).astype(np.uint8),
        "dark": (luma // 10).astype(np.uint8),
        "overexposed": (255 - luma // 12).astype(np.uint8),
        "flat": (luma // 20 + 110).astype(np.uint8),
        "noisy": np.clip(luma + rng.normal(0, 20, luma.shape), 0, 255).astype(np.uint8),
    }
    for word, picture in faults.items():
        quality = measure(picture)
        assert quality.verdict == word
        assert quality.score < measure(luma).score


def test_noise_is_estimated_in_grey_levels() -> None:
    for deviation in (3, 6, 12):
        noisy = np.clip(128 + np.random.default_rng(2).normal(0, deviation, (300, 400)), 0, 255).astype(np.uint8)
        assert measure(noisy).noise == pytest.approx(deviation, rel=0.1)


def test_sharpness_falls_with_every_blur(luma: Image) -> None:
    values = [measure(cv2.GaussianBlur(luma, (k, k), 0)).sharpness for k in (1, 5, 11, 21)]  # type: ignore[arg-type]
    assert values == sorted(values, reverse=True)


def test_histogram_shares_sum_to_one_and_find_the_colour() -> None:
    red = np.zeros((30, 40, 3), np.uint8)
    red[..., 2] = 255
    shares = histogram(red)
    assert {name: sum(bins) for name, bins in shares.items()} == pytest.approx({"blue": 1, "green": 1, "red": 1})
    assert shares["red"][15] == shares["blue"][0] == 1
    assert all(len(bins) == 16 for bins in shares.values())


def test_the_score_stays_in_its_range() -> None:
    for values in ((0, 0, 0, 0, 0, 0), (1e6, 128, 128, 0, 100, 500), (0, 255, 0, 90, 0, 0), (500, 128, 60, 200, 5, 5)):
        assert 0 <= Quality(*values).score <= 100  # type: ignore[arg-type]


def test_findings_carry_all_measures(scene: Image) -> None:
    findings = AdvancedAnalysis().analyze([Frame("yard", 1, 5, 5, 0.0, BgrPicture(scene))])[0]
    assert set(findings.measures) == {
        "score", "verdict", "sharpness", "brightness", "contrast", "noise", "edge_density", "corners", "histogram",
    }  # fmt: skip
