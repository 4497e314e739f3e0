"""The tracker, on made tracks whose identities are known."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.media.findings import Box, Detection, iou
from sightline.vision.tracking import Tracker, TrackingRules, TrackView, Vectors

MS = 1_000_000


def person(x: float, y: float = 100.0, score: float = 0.9, *, size: float = 1.0, label: str = "person") -> Detection:
    """A box 40 × 100 with its centre at x, y."""
    return Detection(label, score, (x - 20 * size, y - 50 * size, x + 20 * size, y + 50 * size))


def follow(tracker: Tracker, looks: Iterable[Sequence[Detection]], *, period_ms: int = 100) -> list[list[TrackView]]:
    return [tracker.update(found, (), (step + 1) * period_ms * MS) for step, found in enumerate(looks)]


def test_a_thing_counts_from_the_second_look_and_keeps_its_number() -> None:
    views = follow(Tracker(TrackingRules()), [[person(100 + 5 * step)] for step in range(20)])
    assert views[0] == []
    assert [view.is_new for seen in views for view in seen] == [True] + [False] * 18
    assert {view.number for seen in views for view in seen} == {1}
    assert all(view.detection.track_id == view.number for seen in views for view in seen)


@pytest.mark.parametrize("least_hits", [1, 3, 6])
def test_how_many_looks_confirm_is_a_rule(least_hits: int) -> None:
    views = follow(Tracker(TrackingRules(least_hits=least_hits)), [[person(100)]] * 8)
    assert [len(seen) for seen in views] == [0] * (least_hits - 1) + [1] * (9 - least_hits)


@pytest.mark.parametrize("period_ms", [33, 100, 250, 1000])
def test_two_who_pass_each_other_are_not_exchanged(period_ms: int) -> None:
    """Walking speeds, at 30 to 1 looks a second; they meet at the same place, one a little nearer to the camera."""
    speed = 60 * period_ms / 1000
    steps = round(600 / speed)
    looks = [[person(100 + speed * step, 100), person(700 - speed * step, 125)] for step in range(steps)]
    views = follow(Tracker(TrackingRules()), looks, period_ms=period_ms)
    number_of_far = {view.number for seen in views for view in seen if view.detection.box[1] < 62}
    number_of_near = {view.number for seen in views for view in seen if view.detection.box[1] > 62}
    assert len(number_of_far) == len(number_of_near) == 1
    assert number_of_far != number_of_near


def test_who_is_hidden_for_a_second_keeps_the_number() -> None:
    looks = [[] if 10 <= step < 20 else [person(100 + 8 * step)] for step in range(30)]
    assert {view.number for seen in follow(Tracker(TrackingRules()), looks) for view in seen} == {1}


def test_who_is_hidden_for_longer_than_the_rule_is_a_new_one() -> None:
    looks = [[] if 10 <= step < 30 else [person(100)] for step in range(40)]
    numbers = [view.number for seen in follow(Tracker(TrackingRules(lost_after_s=1.0)), looks) for view in seen]
    assert list(dict.fromkeys(numbers)) == [1, 2]


def test_one_lost_for_a_while_does_not_take_the_box_of_a_neighbour() -> None:
    """The forecast for who is lost knows little and would allow much; the neighbour's, after one missed look, fits less well."""
    tracker = Tracker(TrackingRules())
    follow(tracker, [[person(100), person(175)]] * 20)
    for step in range(21, 31):
        tracker.update([person(175)], (), step * 100 * MS)
    tracker.update((), (), 3100 * MS)
    assert [view.number for view in tracker.update([person(188, 108, 0.55)], (), 3200 * MS)] == [2]


def test_an_uncertain_box_continues_a_track_and_begins_none() -> None:
    tracker = Tracker(TrackingRules())
    follow(tracker, [[person(100)]] * 5)
    kept = tracker.update((), [person(102, score=0.15), person(400, score=0.3)], 600 * MS)
    assert [(view.number, view.detection.score) for view in kept] == [(1, 0.15)]
    for step in range(7, 20):
        kept = tracker.update((), [person(400, score=0.3)], step * 100 * MS)
    assert kept == []


def test_an_uncertain_box_may_be_the_second_look_that_confirms() -> None:
    tracker = Tracker(TrackingRules())
    tracker.update([person(100)], (), 100 * MS)
    assert [view.number for view in tracker.update((), [person(102, score=0.2)], 200 * MS)] == [1]


def test_a_fast_thing_is_followed_without_any_overlap() -> None:
    """A car that moves one and a half of its widths between two looks."""
    looks = [[person(100 + 60 * step, label="car")] for step in range(12)]
    assert {view.number for seen in follow(Tracker(TrackingRules()), looks, period_ms=200) for view in seen} == {1}


def test_classes_that_detectors_mix_up_are_one_thing_with_the_commonest_label() -> None:
    labels = ["car", "car", "car", "truck", "car", "truck", "car"]
    views = follow(Tracker(TrackingRules()), [[person(100 + 3 * n, label=label)] for n, label in enumerate(labels)])
    assert {(view.number, view.detection.label) for seen in views for view in seen} == {(1, "car")}


def test_a_person_never_becomes_a_car() -> None:
    looks = [[person(100)]] * 5 + [[person(100, label="car")]] * 5
    numbers = {view.detection.label: view.number for seen in follow(Tracker(TrackingRules()), looks) for view in seen}
    assert numbers == {"person": 1, "car": 2}


def test_the_same_thing_found_twice_is_one() -> None:
    looks = [[person(100), person(102, 102, 0.5)]] * 6
    assert {view.number for seen in follow(Tracker(TrackingRules()), looks) for view in seen} == {1}


def test_time_that_runs_back_ends_all_tracks() -> None:
    tracker = Tracker(TrackingRules())
    follow(tracker, [[person(100)]] * 5)
    assert tracker.update([person(100)], (), 100 * MS) == []
    assert [view.number for view in tracker.update([person(100)], (), 200 * MS)] == [2]


@pytest.mark.parametrize("box", [(float("nan"), 0, 1, 1), (0, 0, float("inf"), 1), (5, 5, 5, 9), (9, 9, 1, 1)])
def test_boxes_that_are_none_are_left_out(box: Box) -> None:
    tracker = Tracker(TrackingRules(least_hits=1))
    broken = replace(person(100), box=box)
    assert [view.number for view in tracker.update([broken, person(300)], [broken], 100 * MS)] == [1]
    assert tracker.update([replace(person(100), score=float("nan"))], (), 200 * MS) == []


class Looks:
    """Appearances by the colour of a coat, which the test knows by place."""

    def __init__(self, coats: dict[int, int]) -> None:
        self.coats = coats
        self.asked = 0

    def __call__(self, boxes: Sequence[Box]) -> Vectors:
        self.asked += len(boxes)
        rows = []
        for x1, _, x2, _ in boxes:
            nearest = min(self.coats, key=lambda x: abs(x - (x1 + x2) / 2))
            row = np.full(8, 0.1)
            row[self.coats[nearest]] = 1.0
            rows.append(row / np.linalg.norm(row))
        return np.array(rows, np.float32)


def test_who_comes_back_after_long_is_recognised_by_appearance() -> None:
    tracker = Tracker(TrackingRules(lost_after_s=1.0))
    for step in range(1, 11):
        tracker.update([person(100)], (), step * 100 * MS, Looks({100: 3}))
    for step in range(11, 60):
        tracker.update((), (), step * 100 * MS, Looks({}))
    stranger = [tracker.update([person(300)], (), step * 100 * MS, Looks({300: 5})) for step in range(60, 63)]
    coats = Looks({300: 5, 500: 3})
    returned = [tracker.update([person(300), person(500)], (), step * 100 * MS, coats) for step in range(63, 66)]
    assert [view.number for view in stranger[-1]] == [2]
    assert [(view.number, view.is_new) for view in returned[-1]] == [(1, False), (2, False)]


def test_appearance_decides_between_two_who_come_out_of_one_place() -> None:
    """Both vanish behind a pillar and each comes out again on the side from which he came."""
    tracker = Tracker(TrackingRules())
    for step in range(1, 16):
        left, right = 100 + 8 * step, 400 - 8 * step
        tracker.update([person(left), person(right)], (), step * 100 * MS, Looks({left: 1, right: 2}))
    for step in range(16, 22):
        tracker.update((), (), step * 100 * MS, Looks({}))
    for step in range(22, 30):
        left, right = 230 - 8 * (step - 22), 270 + 8 * (step - 22)
        views = tracker.update([person(left), person(right)], (), step * 100 * MS, Looks({left: 1, right: 2}))
    assert [view.number for view in sorted(views, key=lambda view: view.detection.box[0])] == [1, 2]


def test_the_picture_is_looked_at_only_where_there_is_a_choice() -> None:
    tracker, looks = Tracker(TrackingRules()), Looks({100: 1, 400: 2})
    for step in range(1, 101):
        tracker.update([person(100), person(400)], (), step * 100 * MS, looks)
    # Two things, each remembered twice a second for ten seconds; without that rule it would be 200.
    assert looks.asked <= 42


boxes = st.builds(
    lambda x, y, w, h, score, label: Detection(label, score, (x, y, x + w, y + h)),
    *[st.integers(0, 300)] * 2, *[st.integers(5, 150)] * 2, st.floats(0.1, 1.0), st.sampled_from(["person", "car"]),
)  # fmt: skip
looks = st.lists(st.tuples(st.lists(boxes, max_size=6), st.integers(20, 1500)), max_size=12)


@settings(max_examples=80, deadline=None)
@given(looks)
def test_numbers_are_unique_and_never_used_again(history: list[tuple[list[Detection], int]]) -> None:
    tracker, pts_ns, told, before = Tracker(TrackingRules(least_hits=1, lost_after_s=0.8)), 0, set(), {}
    for found, gap_ms in history:
        look_before_ns, pts_ns = pts_ns, pts_ns + gap_ms * MS
        views = tracker.update(found, (), pts_ns)
        numbers = [view.number for view in views]
        assert len(numbers) == len(set(numbers))
        assert len(views) <= len(found)
        for view in views:
            assert view.is_new == (view.number not in told)
            if not view.is_new:
                assert before[view.number] == look_before_ns or pts_ns - before[view.number] <= 800 * MS
            told.add(view.number)
            before[view.number] = pts_ns
    assert told == set(range(1, len(told) + 1))


@settings(max_examples=60, deadline=None)
@given(looks, st.randoms())
def test_the_order_of_detections_does_not_matter(history: list[tuple[list[Detection], int]], random: object) -> None:
    one, other, pts_ns = Tracker(TrackingRules(least_hits=1)), Tracker(TrackingRules(least_hits=1)), 0
    for found, gap_ms in history:
        pts_ns += gap_ms * MS
        shuffled = list(found)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        assert one.update(found, (), pts_ns) == other.update(shuffled, (), pts_ns)


@settings(max_examples=40, deadline=None)
@given(st.lists(boxes.filter(lambda box: box.score >= 0.4), max_size=8), st.integers(2, 6))
def test_a_scene_that_stands_still_has_one_number_per_place(boxes_there: list[Detection], times: int) -> None:
    # As a detector gives them: two boxes of a class that overlap by more than half are one thing.
    found: list[Detection] = []
    for box in boxes_there:
        if all(other.label != box.label or iou(other.box, box.box) <= 0.5 for other in found):
            found.append(box)
    tracker = Tracker(TrackingRules(least_hits=1))
    seen = [tracker.update(found, (), step * 100 * MS) for step in range(1, times + 1)]
    assert {view.number for view in seen[-1]} == {view.number for view in seen[0]}
    assert len(seen[-1]) == len(found)
    for view in seen[-1]:
        assert max(iou(view.detection.box, d.box) for d in found) > 0.99
