"""The counting line: exact on made ways over it, with jitter on it, past its ends, over gaps and changed numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.media.findings import Detection
from sightline.vision.counting import Continuity, LineCounter, Thing
from sightline.vision.counting.geometry import Point, crossings

S = 1_000_000_000
ACROSS: tuple[Point, ...] = ((0.0, 300.0), (1000.0, 300.0))
"""From left to right: inwards is downwards."""
SHORT: tuple[Point, ...] = ((400.0, 300.0), (600.0, 300.0))


def thing(x: float, y: float, key: int = 1) -> Thing:
    return Thing(key, key, "person", (x, y), 60.0)


def walk(
    counter: LineCounter, points: list[Point], *, rate_hz: float = 10.0, key: int = 1, begin_s: float = 1.0
) -> tuple[int, int]:
    """Ins and outs that these places of one thing add."""
    before = counter.ins.total(), counter.outs.total()
    for step, (x, y) in enumerate(points):
        counter.update([thing(x, y, key)], round((begin_s + step / rate_hz) * S))
    return counter.ins.total() - before[0], counter.outs.total() - before[1]


def straight(start: Point, end: Point, steps: int) -> list[Point]:
    return [(float(x), float(y)) for x, y in np.linspace(start, end, steps)]


def test_from_left_to_right_is_in() -> None:
    assert walk(LineCounter(ACROSS, 0.2), straight((500, 100), (500, 500), 20)) == (1, 0)
    assert walk(LineCounter(ACROSS, 0.2), straight((500, 500), (500, 100), 20)) == (0, 1)
    upwards = ((500.0, 600.0), (500.0, 0.0))
    assert walk(LineCounter(upwards, 0.2), straight((300, 300), (700, 300), 20)) == (1, 0)


@pytest.mark.parametrize("steps", [2, 3, 7, 50, 300])
def test_any_speed_counts_once(steps: int) -> None:
    assert walk(LineCounter(ACROSS, 0.2), straight((480, 100), (520, 500), steps)) == (1, 0)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("jitter_px", [2.0, 6.0])
def test_who_stands_on_the_line_and_then_goes_on_counts_once(seed: int, jitter_px: float) -> None:
    random = np.random.default_rng(seed)
    way = [*straight((500, 100), (500, 300), 15), *[(500.0, 300.0)] * 200, *straight((500, 300), (500, 500), 15)]
    assert walk(LineCounter(ACROSS, 0.4), [(x, y + random.normal(0, jitter_px)) for x, y in way]) == (1, 0)


@pytest.mark.parametrize("seed", range(20))
def test_who_comes_to_the_line_and_turns_back_does_not_count(seed: int) -> None:
    random = np.random.default_rng(seed)
    way = [*straight((500, 100), (500, 299), 15), *[(500.0, 299.0)] * 100, *straight((500, 299), (500, 100), 15)]
    assert walk(LineCounter(ACROSS, 0.4), [(x, y + random.normal(0, 6)) for x, y in way]) == (0, 0)


def test_one_look_that_is_wrong_by_more_than_the_clearance_does_not_count() -> None:
    wild = [(500.0, 290.0)] * 5 + [(500.0, 318.0)] + [(500.0, 290.0)] * 5
    assert walk(LineCounter(ACROSS, 0.2), wild) == (0, 0)


def test_to_and_fro_counts_each_way() -> None:
    counter = LineCounter(ACROSS, 0.2)
    way = [point for _ in range(5) for point in (*straight((500, 200), (500, 400), 8), *straight((500, 400), (500, 200), 8))]
    assert walk(counter, way) == (5, 5)


def test_the_way_round_the_end_is_no_crossing() -> None:
    round_it = [*straight((500, 200), (700, 300), 10), *straight((700, 300), (500, 400), 10)]
    assert walk(LineCounter(SHORT, 0.2), round_it) == (0, 0)
    assert walk(LineCounter(SHORT, 0.2), straight((300, 200), (300, 400), 10)) == (0, 0)


def test_through_the_line_and_back_round_its_end_counts_once() -> None:
    loop = [*straight((500, 200), (500, 400), 10), *straight((500, 400), (800, 300), 10), *straight((800, 300), (500, 200), 10)]
    assert walk(LineCounter(SHORT, 0.2), loop) == (1, 0)


def test_a_line_with_corners_counts_through_any_of_its_parts() -> None:
    corner = ((400.0, 500.0), (400.0, 300.0), (600.0, 300.0), (600.0, 500.0))
    for start in ((300.0, 400.0), (500.0, 200.0), (700.0, 400.0), (390.0, 290.0), (400.0, 250.0)):
        assert walk(LineCounter(corner, 0.1), straight(start, (500, 400), 12)) == (1, 0), start
    assert walk(LineCounter(corner, 0.1), straight((300, 250), (700, 250), 12)) == (0, 0)


def test_who_stays_beyond_the_line_close_to_it_counts_after_a_while() -> None:
    counter = LineCounter(ACROSS, 0.4)
    way = [*straight((500, 100), (500, 310), 20), *[(500.0, 310.0)] * 50]
    assert walk(counter, way[:30]) == (0, 0)
    assert walk(counter, way[30:], begin_s=4.0) == (1, 0)


def test_who_vanishes_beyond_the_line_counts_when_he_is_gone() -> None:
    counter = LineCounter(ACROSS, 0.4)
    assert walk(counter, straight((500, 100), (500, 308), 20)) == (0, 0)
    told = [crossing for step in range(40) for crossing in counter.update([], round((3 + step / 10) * S))]
    assert [crossing.is_in for crossing in told] == [True]
    assert counter.ins == {"person": 1}


def test_a_gap_over_the_line_is_bridged() -> None:
    counter = LineCounter(ACROSS, 0.2)
    assert walk(counter, straight((500, 100), (500, 260), 10)) == (0, 0)
    assert walk(counter, straight((500, 340), (500, 500), 10), begin_s=3.0) == (1, 0)


def test_each_class_and_each_thing_for_itself() -> None:
    counter = LineCounter(ACROSS, 0.2)
    for step in range(21):
        y = 100 + 20 * step
        car = Thing(2, 2, "car", (700, 500 - 20 * step), 100.0)
        counter.update([thing(500, y), car], (step + 10) * S // 10)
    assert (counter.ins, counter.outs) == ({"person": 1}, {"car": 1})
    counter.reset()
    assert (counter.ins.total(), counter.outs.total()) == (0, 0)


def boxed(x: float, y: float, number: int) -> Detection:
    return Detection("person", 0.9, (x - 20, y - 100, x + 20, y), number)


@pytest.mark.parametrize("gap", [0, 3, 8])
def test_a_number_that_changes_on_the_line_does_not_count_twice(gap: int) -> None:
    counter, continuity = LineCounter(ACROSS, 0.2), Continuity()
    for step, (x, y) in enumerate(straight((500, 200), (500, 400), 40)):
        number = 1 if step < 20 - gap else 2
        seen = [] if 20 - gap <= step < 20 else [boxed(x, y, number)]
        pts_ns = (step + 10) * S // 10
        counter.update(continuity.things(seen, pts_ns, is_at_feet=True), pts_ns)
    assert (counter.ins.total(), counter.outs.total()) == (1, 0)


steps = st.lists(st.tuples(st.integers(-60, 60), st.integers(-60, 60)), max_size=60)


@settings(deadline=None)
@given(steps)
def test_in_less_out_is_the_change_of_sides(moves: list[tuple[int, int]]) -> None:
    """Whatever somebody does around a line without ends, and clear of it at the beginning and at the end."""
    endless = ((-1e5, 300.0), (1e5, 300.0))
    x, y, way = 500.0, 100.0, [(500.0, 100.0)]
    for dx, dy in moves:
        x, y = x + dx, y + dy
        way.append((x, y))
    way.append((x, 100.0 if y < 300 else 500.0))
    counter = LineCounter(endless, 0.2)
    ins, outs = walk(counter, way)
    assert ins - outs == (1 if way[-1][1] > 300 else 0)
    assert min(ins, outs) <= sum(1 for (_, a), (_, b) in itertools.pairwise(way) if (a < 300) != (b < 300)) / 2


@given(steps, st.integers(0, 2**32 - 1))
def test_a_line_that_is_turned_round_counts_the_other_way(moves: list[tuple[int, int]], seed: int) -> None:
    random = np.random.default_rng(seed)
    line = tuple((float(x), float(y)) for x, y in random.uniform(100, 500, (4, 2)))
    # Odd fractions: nobody stands exactly on a line, where one side must be chosen.
    way = [(300.1234567, 300.7654321)]
    for dx, dy in moves:
        way.append((way[-1][0] + dx, way[-1][1] + dy))
    for start, end in itertools.pairwise(way):
        assert crossings(line, start, end) == -crossings(line[::-1], start, end)
