"""Counted minutes: kept, added up, read in steps, pruned."""

import pytest

from sightline.records import counters as module
from sightline.records.counters import CounterMinute, CounterMinutes, CounterPoint


@pytest.fixture
def counters(database) -> CounterMinutes:
    return CounterMinutes(database)


def zone(
    minute: int, highest: int = 1, arrived: int = 1, departed: int = 0, name: str = "Till", camera: str = "door"
) -> CounterMinute:
    return CounterMinute(camera, "zone", name, minute, highest, arrived, departed)


def test_minutes_come_back_in_steps(counters):
    counters.add_many(
        [zone(100, highest=2), zone(101, highest=5, departed=3), zone(104), CounterMinute("door", "line", "Gate", 101, 0, 4, 2)]
    )
    line, till = counters.series("door", 100, 110, 2)
    assert (line.kind, line.name, line.points) == ("line", "Gate", (CounterPoint(6000, 0, 4, 2),))
    assert till.points == (CounterPoint(6000, 5, 2, 3), CounterPoint(6240, 1, 1, 0))


def test_the_span_ends_before_its_last_minute(counters):
    counters.add_many([zone(minute) for minute in range(10)])
    (series,) = counters.series("door", 3, 6, 1)
    assert [point.at / 60 for point in series.points] == [3, 4, 5]


def test_the_rest_of_a_minute_is_added_to_its_beginning(counters):
    counters.add_many([zone(7, highest=4, arrived=2, departed=1)])
    counters.add_many([zone(7, highest=3, arrived=5, departed=2), zone(8)])
    (series,) = counters.series("door", 7, 8, 1)
    assert series.points == (CounterPoint(420, 4, 7, 3),)


def test_cameras_and_kinds_are_apart(counters):
    counters.add_many([zone(1), zone(1, camera="yard"), CounterMinute("door", "class", "Till", 1, 9)])
    assert [(one.kind, one.points[0].highest) for one in counters.series("door", 0, 5, 1)] == [("class", 9), ("zone", 1)]
    assert counters.series("attic", 0, 5, 1) == ()


def test_old_minutes_go_in_several_batches(counters, monkeypatch):
    monkeypatch.setattr(module, "PRUNE_BATCH_MINUTES", 3)
    counters.add_many([zone(minute) for minute in range(10)])
    assert counters.prune(before=8 * 60 + 59) == 8
    (series,) = counters.series("door", 0, 20, 1)
    assert [point.at / 60 for point in series.points] == [8, 9]
    assert counters.prune(before=8 * 60) == 0
