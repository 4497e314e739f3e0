"""The arithmetic behind the accuracy figures, on cases with a known answer."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.detection import matches, read_truth
from benchmarks.accuracy.pose import _good, similarity
from sightline.media.findings import Detection

TRUTH = [(0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)]


def claim(score: float, x1: float, x2: float) -> Detection:
    return Detection("person", score, (x1, 0, x2, 10))


def test_a_truth_is_found_once() -> None:
    assert matches([claim(0.9, 0, 10), claim(0.8, 1, 11)], TRUTH) == 1
    assert matches([claim(0.9, 0, 10), claim(0.8, 21, 31)], TRUTH) == 2
    assert matches([], TRUTH) == 0
    assert matches([claim(0.9, 0, 10)], []) == 0


def test_half_an_overlap_is_needed() -> None:
    assert matches([claim(0.9, 3, 13)], TRUTH) == 1
    assert matches([claim(0.9, 4, 14)], TRUTH) == 0


def test_the_more_certain_claim_chooses_first() -> None:
    """The worse box is more certain, takes the truth, and the better one is a false claim."""
    assert matches([claim(0.5, 0, 10), claim(0.9, 2, 12)], TRUTH[:1]) == 1


def test_boxes_of_the_mot_format(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("1,7,10,20,5,6,1,-1,-1,-1\n1,8,0,0,1,1,1,-1,-1,-1\n3,7,1,2,3,4,1,-1,-1,-1\n")
    assert read_truth(tmp_path / "gt.txt") == {1: [(10, 20, 15, 26), (0, 0, 1, 1)], 3: [(1, 2, 4, 6)]}


def person(points: np.ndarray, score: float = 1.0) -> Detection:
    return Detection("person", score, (0, 0, 10, 10), keypoints=tuple((float(x), float(y), 1.0) for x, y in points))


def test_similarity_falls_with_the_distance() -> None:
    truth = np.hstack([np.random.default_rng(1).random((17, 2)) * 100, np.full((17, 1), 2.0)])
    assert similarity(person(truth[:, :2]), truth, 1e4) == pytest.approx(1.0)
    near, far = (similarity(person(truth[:, :2] + shift), truth, 1e4) for shift in (3, 30))
    assert 0.5 < near < 1
    assert far < 0.5 * near


def test_joints_that_nobody_annotated_do_not_count() -> None:
    truth = np.hstack([np.zeros((17, 2)), np.full((17, 1), 2.0)])
    truth[5:, 2] = 0
    claimed = np.zeros((17, 2))
    claimed[5:] = 1e4
    assert similarity(person(claimed), truth, 100.0) == pytest.approx(1.0)


def test_a_person_is_found_once() -> None:
    points = np.random.default_rng(2).random((17, 2)) * 100
    truth = {"keypoints": np.hstack([points, np.full((17, 1), 2.0)]).ravel().tolist(), "area": 1e4}
    assert _good([person(points), person(points, 0.5)], [truth]) == 1
    assert _good([person(points + 500)], [truth]) == 0
    assert _good([], [truth]) == 0
