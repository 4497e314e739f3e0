import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.analysis.carry import Carrier
from sightline.media.findings import Detection, Findings, iou
from tests.live_fakes import found


def moving(pts_s, speed=100.0, size=50.0):
    x = 100 + speed * pts_s
    return (x, 100.0, x + size, 100 + size)


@pytest.fixture
def carrier():
    return Carrier(rate_hz=10)


def test_nothing_is_known_before_the_first_findings(carrier):
    assert carrier.at(0) is None
    assert carrier.newest() is None


def test_a_moving_box_is_carried_between_results(carrier):
    for step in range(5):
        carrier.update(found(moving(step / 10), pts_s=step / 10))
    carried = carrier.at(round(0.45 * 1e9))
    assert iou(carried.detections[0].box, moving(0.45)) > 0.95
    assert carried.detections[0].track_id == 1


def test_a_number_is_given_on_the_second_sighting(carrier):
    carrier.update(found(moving(0), pts_s=0))
    assert carrier.newest().detections[0].track_id is None
    assert carrier.distinct == 0
    carrier.update(found(moving(0.1), pts_s=0.1))
    assert carrier.newest().detections[0].track_id == 1
    assert carrier.distinct == 1


def test_one_thing_is_counted_once_and_two_are_two(carrier):
    for step in range(20):
        pts_s = step / 10
        carrier.update(found(moving(pts_s), (400, 300, 440, 360), pts_s=pts_s))
    assert carrier.distinct == 2
    carrier.reset_count()
    assert carrier.distinct == 0


def test_a_confirmed_thing_survives_a_short_miss_and_keeps_its_number(carrier):
    for step in (0, 1, 2):
        carrier.update(found(moving(step / 10), pts_s=step / 10))
    carrier.update(found(pts_s=0.3))
    assert iou(carrier.newest().detections[0].box, moving(0.3)) > 0.9
    carrier.update(found(moving(0.4), pts_s=0.4))
    assert [d.track_id for d in carrier.newest().detections] == [1]
    assert carrier.distinct == 1


def test_a_thing_that_is_gone_leaves(carrier):
    for step in (0, 1, 2):
        carrier.update(found(moving(step / 10), pts_s=step / 10))
    carrier.update(found(pts_s=1.0))
    assert carrier.newest().detections == ()


def test_a_single_sighting_leaves_with_the_next_result(carrier):
    carrier.update(found(moving(0), pts_s=0))
    carrier.update(found(pts_s=0.1))
    assert carrier.newest().detections == ()
    assert carrier.distinct == 0


def test_a_thing_that_walks_out_of_the_picture_leaves_no_sliver(carrier):
    # found() says 640x480: the box crosses the right edge at 0.6 s
    for step in range(5):
        carrier.update(found(moving(step / 10, speed=800.0, size=100.0), pts_s=step / 10))
    assert carrier.at(round(0.5 * 1e9)).detections
    assert carrier.at(round(0.8 * 1e9)).detections == ()


def test_edges_that_run_apart_do_not_blow_a_box_up(carrier):
    carrier.update(found((300, 200, 320, 220), pts_s=0))
    carrier.update(found((290, 190, 330, 230), pts_s=0.1))
    x1, y1, x2, y2 = carrier.at(round(0.5 * 1e9)).detections[0].box
    assert (x2 - x1, y2 - y1) == pytest.approx((50, 50))


def test_a_fast_small_thing_without_overlap_is_still_the_same(carrier):
    for step in range(4):
        x = 100 + step * 35
        carrier.update(found((x, 100, x + 30, 130), pts_s=step / 10))
    assert carrier.distinct == 1
    assert len(carrier.newest().detections) == 1


def test_another_label_is_another_thing(carrier):
    carrier.update(found((0, 0, 50, 50), pts_s=0, label="cat"))
    carrier.update(found((0, 0, 50, 50), pts_s=0.1, label="dog"))
    assert carrier.distinct == 0


def test_the_analyzers_own_number_wins(carrier):
    carrier.update(found((0, 0, 50, 50), pts_s=0, track_id=7))
    carrier.update(found((300, 300, 350, 350), pts_s=0.1, track_id=7))
    assert [d.track_id for d in carrier.newest().detections] == [7]
    carrier.update(found((300, 300, 350, 350), pts_s=0.2, track_id=8))
    assert 8 not in [d.track_id for d in carrier.newest().detections]
    assert carrier.distinct == 1


def test_old_findings_say_nothing_about_now(carrier):
    carrier.update(found(moving(0), pts_s=0))
    assert carrier.at(round(1.4e9)) is not None
    assert carrier.at(round(1.6e9)) is None


def test_a_slow_analyzer_stays_valid_for_three_periods():
    carrier = Carrier(rate_hz=0.5)
    carrier.update(found(moving(0), pts_s=0))
    assert carrier.at(round(5.9e9)) is not None
    assert carrier.at(round(6.1e9)) is None


def test_a_clock_that_jumps_back_begins_anew(carrier):
    for step in (10, 11):
        carrier.update(found(moving(step / 10), pts_s=step / 10))
    carrier.update(found((400, 300, 450, 350), pts_s=0.1))
    assert len(carrier.newest().detections) == 1


def test_keypoints_go_where_their_box_goes(carrier):
    for step in range(3):
        x = 100.0 + step * 10
        detection = Detection("face", 0.9, (x, 0, x + 40, 40), keypoints=((x + 20, 20, 1.0),))
        carrier.update(Findings("faces", "cam", step, step * 100_000_000, 0, (640, 480), (detection,)))
    point = carrier.at(250_000_000).detections[0].keypoints[0]
    assert point[0] == pytest.approx(145, abs=1)
    assert point[1:] == pytest.approx((20, 1.0))


def test_a_box_that_is_no_number_is_left_out(carrier):
    carrier.update(found((math.nan, 0, 1, 1), (0, 0, math.inf, 5), (10, 10, 20, 20), pts_s=0))
    assert [d.box for d in carrier.newest().detections] == [(10, 10, 20, 20)]


def test_forget_keeps_the_count(carrier):
    for step in (0, 1):
        carrier.update(found(moving(step / 10), pts_s=step / 10))
    carrier.forget()
    assert carrier.newest() is None
    assert carrier.distinct == 1


boxes = st.tuples(st.floats(0, 600), st.floats(0, 440), st.floats(0, 200), st.floats(0, 200)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(st.lists(boxes, max_size=4), max_size=12), st.floats(-1, 3))
def test_whatever_is_found_boxes_stay_in_the_picture_and_numbers_are_unique(results, later_s):
    carrier = Carrier(rate_hz=10)
    for step, result in enumerate(results):
        carrier.update(found(*result, pts_s=step / 10))
    carried = carrier.at(round((len(results) / 10 + later_s) * 1e9))
    for detection in carried.detections if carried else ():
        x1, y1, x2, y2 = detection.box
        assert 0 <= x1 <= x2 <= 640
        assert 0 <= y1 <= y2 <= 480
    numbers = [d.track_id for d in carried.detections if d.track_id is not None] if carried else []
    assert len(numbers) == len(set(numbers))
    assert carrier.distinct <= sum(len(result) for result in results)


def test_an_analyzer_that_looks_seldom_still_has_its_say_until_its_next_look():
    carrier = Carrier(5.0)
    carrier.update(found((10, 10, 50, 50), pts_s=0.0))
    assert carrier.at(round(1.8e9)) is None
    carrier.update(found((10, 10, 50, 50), pts_s=2.0))
    assert carrier.at(round(3.9e9)).detections
    carrier.update(found((10, 10, 50, 50), pts_s=2.2))  # it looks often again
    assert carrier.at(round(4.0e9)) is None
