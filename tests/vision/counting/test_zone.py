"""The zone: presence, visits and their lengths; jitter on the edge, gaps, vanishing; what must always hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.vision.counting import Thing, ZoneCounter
from sightline.vision.counting.geometry import Point, area, depth_in_polygon

S = 1_000_000_000
SQUARE: tuple[Point, ...] = ((200.0, 200.0), (600.0, 200.0), (600.0, 600.0), (200.0, 600.0))
NOTCHED: tuple[Point, ...] = ((0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (50.0, 40.0), (0.0, 100.0))


def thing(x: float, y: float = 400.0, key: int = 1, label: str = "person") -> Thing:
    return Thing(key, key, label, (x, y), 60.0)


def update(zone: ZoneCounter, tenths: int, *things: Thing) -> list[str]:
    return [news.kind for news in zone.update(things, tenths * S // 10)]


def test_in_and_out_again_with_the_length_of_the_visit() -> None:
    zone = ZoneCounter(SQUARE, 0.2, dwell_s=0)
    told = [(tenths, news) for tenths in range(10, 100) for news in zone.update([thing(100 + 10 * tenths - 100)], tenths * S // 10)]
    assert [(news.kind, tenths) for tenths, news in told] == [("entered", 22), ("left", 62)]
    assert told[1][1].seconds == pytest.approx(4.1, abs=0.2)
    assert (zone.entered.total(), zone.left.total(), len(zone.present()), zone.peak) == (1, 1, 0, 1)
    assert zone.longest_s == pytest.approx(4.1, abs=0.2)


@pytest.mark.parametrize("seed", range(10))
def test_jitter_on_the_edge_is_no_coming_and_going(seed: int) -> None:
    random = np.random.default_rng(seed)
    zone = ZoneCounter(SQUARE, 0.2, dwell_s=0)
    kinds = [kind for tenths in range(10, 310) for kind in update(zone, tenths, thing(200 + random.normal(0, 4)))]
    # Who stands on the edge is in or out, but does not go to and fro thirty times a second.
    assert len(kinds) <= 2
    assert zone.entered.total() - zone.left.total() == len(zone.present())


def test_who_is_hidden_for_a_moment_is_still_there() -> None:
    zone = ZoneCounter(SQUARE, 0.2, dwell_s=0)
    kinds = [kind for tenths in range(10, 60) for kind in update(zone, tenths, *([] if 20 <= tenths < 40 else [thing(400)]))]
    assert kinds == ["entered"]


def test_who_vanishes_has_left_when_he_was_last_seen() -> None:
    zone = ZoneCounter(SQUARE, 0.2, dwell_s=0)
    for tenths in range(10, 41):
        update(zone, tenths, thing(400))
    news = [news for tenths in range(41, 90) for news in zone.update([], tenths * S // 10)]
    assert [(one.kind, one.seconds) for one in news] == [("left", pytest.approx(3.0))]
    assert zone.longest_s == pytest.approx(3.0)


def test_staying_is_told_once_a_visit() -> None:
    zone = ZoneCounter(SQUARE, 0.2, dwell_s=2.0)
    kinds = [kind for tenths in range(10, 60) for kind in update(zone, tenths, thing(400))]
    assert kinds == ["entered", "dwell"]
    kinds = [kind for tenths in range(60, 130) for kind in update(zone, tenths, thing(100 if tenths < 80 else 400))]
    assert kinds == ["left", "entered", "dwell"]


def test_a_small_zone_has_an_inside() -> None:
    zone = ZoneCounter(((100.0, 100.0), (120.0, 100.0), (120.0, 120.0), (100.0, 120.0)), 0.5, dwell_s=0)
    big = Thing(1, 1, "car", (110.0, 110.0), 300.0)
    assert update(zone, 10, big) == ["entered"]


def test_a_reset_begins_with_who_is_inside() -> None:
    zone = ZoneCounter(SQUARE, 0.2, dwell_s=0)
    for tenths in range(10, 30):
        update(zone, tenths, thing(400), thing(500, key=2, label="car"))
    zone.reset()
    assert (zone.entered, zone.left, zone.peak) == ({"person": 1, "car": 1}, {}, 2)
    assert zone.now() == {"person": 1, "car": 1}


def test_a_class_that_changes_inside_does_not_upset_the_counts() -> None:
    zone = ZoneCounter(SQUARE, 0.2, dwell_s=0)
    for tenths in range(10, 60):
        update(zone, tenths, thing(400 if tenths < 40 else 100, label="car" if tenths < 20 else "truck"))
    assert (zone.entered, zone.left) == ({"car": 1}, {"car": 1})


def test_the_mean_counts_visits_of_now_as_well() -> None:
    zone = ZoneCounter(SQUARE, 0.2, dwell_s=0)
    for tenths in range(10, 51):
        update(zone, tenths, thing(400), *([thing(450, key=2)] if tenths >= 30 else []))
    assert zone.mean_s() == pytest.approx((4.0 + 2.0) / 2)


@pytest.mark.parametrize(
    ("point", "depth"), [((50, 20), 20.0), ((50, 60), -12.8), ((10, 10), 10.0), ((-10, 0), -10.0), ((50, 40), 0.0)]
)
def test_depth_in_a_polygon_with_a_notch(point: Point, depth: float) -> None:
    assert depth_in_polygon(NOTCHED, point) == pytest.approx(depth, abs=0.05)


def test_area_by_hand() -> None:
    assert area(SQUARE) == 160_000
    assert area(NOTCHED) == pytest.approx(10_000 - 100 * 60 / 2)


histories = st.lists(
    st.tuples(st.integers(50, 4000), st.dictionaries(st.integers(1, 4), st.tuples(st.integers(0, 800), st.integers(0, 800)))),
    max_size=30,
)


@settings(deadline=None)
@given(histories, st.integers(0, 29))
def test_entered_less_left_is_inside_at_all_times(
    history: list[tuple[int, dict[int, tuple[int, int]]]], reset_at: int
) -> None:  # fmt: skip
    zone, pts_ns, inside = ZoneCounter(SQUARE, 0.2, dwell_s=1.0), 0, set()
    for step, (gap_ms, places) in enumerate(history):
        pts_ns += gap_ms * 1_000_000
        for news in zone.update([thing(x, y, key) for key, (x, y) in places.items()], pts_ns):
            assert news.seconds >= 0
            if news.kind == "entered":
                assert news.thing.key not in inside
                inside.add(news.thing.key)
            if news.kind == "left":
                inside.remove(news.thing.key)
        if step == reset_at:
            zone.reset()
        assert {visit.thing.key for visit in zone.present()} == inside
        assert zone.entered - zone.left == zone.now()
        assert zone.entered.total() - zone.left.total() == len(inside) <= zone.peak
        assert zone.mean_s() <= zone.longest_s + 1e-9
