import math

import cv2
import numpy as np
import pytest

from sightline.media.findings import Detection, Findings, Mark, Mask
from sightline.media.transform import IDENTITY, Transform, moved

TURN = Transform.of(np.array(cv2.getRotationMatrix2D((50, 40), 30, 1.5)))


def about(*boxes, **more):
    return Findings("faces", "cam", 1, 0, 0, (100, 80), tuple(Detection("face", 1.0, box) for box in boxes), **more)


def test_a_transform_is_the_matrix_it_was_made_of():
    matrix = np.array([[1.5, 0.1, 3.0], [-0.1, 1.5, -4.0]])
    assert np.array_equal(Transform.of(matrix).matrix, matrix)
    assert Transform.of(matrix).point(10, 20) == pytest.approx((20.0, 25.0))


def test_two_in_a_row_are_one():
    first, second = Transform.scale(2, 3), Transform(c=5, f=-1)
    assert first.then(second).point(10, 10) == (25, 29)
    assert second.then(first).point(10, 10) == (30, 27)
    assert first.then(IDENTITY) == first == IDENTITY.then(first)


@pytest.mark.parametrize("transform", [Transform.scale(2, 0.5), Transform(c=5, f=-1), TURN])
def test_there_and_back(transform):
    assert transform.inverse().point(*transform.point(12, 34)) == pytest.approx((12, 34))
    assert not transform.is_identity


def test_what_flattens_the_picture_has_no_way_back():
    assert Transform.scale(0, 1).inverse().is_identity


def test_a_turned_box_covers_the_turned_thing():
    x1, y1, x2, y2 = TURN.box((40, 30, 60, 50))
    for angle in np.linspace(0, 2 * math.pi, 16):
        x, y = TURN.point(50 + 10 * math.cos(angle), 40 + 10 * math.sin(angle))
        assert x1 <= x <= x2
        assert y1 <= y <= y2


def test_findings_move_and_what_left_is_dropped():
    told = moved(about((10, 10, 20, 20), (80, 60, 90, 70)), Transform(2, 0, -10, 0, 2, -10), (100, 80))
    assert [detection.box for detection in told.detections] == [(10, 10, 30, 30)]
    assert told.size_px == (100, 80)


def test_findings_that_stay_are_the_same():
    findings = about((10, 10, 20, 20))
    assert moved(findings, IDENTITY, (100, 80)) is findings


def test_points_and_marks_move_along():
    face = Detection("face", 1.0, (10, 10, 20, 20), keypoints=((15.0, 12.0, 0.7),))
    findings = Findings("faces", "cam", 1, 0, 0, (100, 80), (face,), marks=(Mark(((1.0, 2.0), (3.0, 4.0))),))
    told = moved(findings, Transform.scale(2, 2), (200, 160))
    assert told.detections[0].keypoints == ((30.0, 24.0, 0.7),)
    assert told.marks[0].points == ((2.0, 4.0), (6.0, 8.0))


def test_a_mask_moves_with_the_picture_whatever_its_grid():
    values = np.zeros((20, 25), np.uint8)
    values[10:15, 5:10] = 255  # pixels x 20..40, y 40..60 of 100×80
    told = moved(about(mask=Mask("person", values)), Transform(2, 0, 0, 0, 2, -40), (200, 160))
    assert told.mask is not None
    ys, xs = np.nonzero(told.mask.values > 200)
    # Now x 40..80, y 40..80 of 200×160: columns 5..10 and rows 5..10 of 25×20.
    assert (xs.min(), ys.min(), xs.max(), ys.max()) == (5, 5, 9, 9) or (xs.mean(), ys.mean()) == pytest.approx((7, 7), abs=1)
