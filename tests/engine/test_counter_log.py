"""Counters become minutes: gains, new beginnings, what is no class, a database that does not take them."""

from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

import analyzers
from sightline.engine.counter_log import Count, CounterLog, Tally, counts_of
from sightline.media.findings import Detection, Findings
from sightline.records.counters import CounterMinute

BOX = (0.0, 0.0, 5.0, 5.0)


@pytest.fixture(scope="module", autouse=True)
def stages():
    analyzers.load(entry_points=False)


def findings(analyzer: str, *labels: str, **measures: object) -> dict[str, Findings]:
    detections = tuple(Detection(label, 0.9, BOX) for label in labels)
    return {analyzer: Findings(analyzer, "door", 1, 0, 0, (640, 360), detections, measures)}


def line(arrived: int, departed: int = 0) -> Count:
    return Count("line", "Gate", 0, arrived, departed)


def test_zones_lines_and_classes_are_counted():
    zones = findings("zones", zones={"Till": {"now": 2, "entered": 5, "left": 3}}, lines={"Gate": {"in": 4, "out": 1}})
    tracks = findings("multi_object_tracking", "person", "person", total_by_class={"person": 7, "car": 1})
    assert set(counts_of({**zones, **tracks})) == {
        Count("zone", "Till", 2, 5, 3), Count("line", "Gate", 0, 4, 1), Count("class", "person", 2, 7), Count("class", "car", 0, 1),
    }  # fmt: skip


def test_a_thing_is_not_counted_as_found_and_as_tracked():
    found = findings("object_detection", "person", "car") | findings("multi_object_tracking", "person", total_by_class={})
    assert list(counts_of(found)) == [Count("class", "person", 1)]


def test_names_of_people_are_no_classes():
    assert list(counts_of(findings("face_recognition", "Ann") | findings("motion_detection", "motion"))) == []


@pytest.mark.parametrize("broken", [None, [], {"Till": None}, {"Till": {"now": "many", "entered": None}}])
def test_measures_of_another_form_count_nothing(broken):
    assert all(count.present == count.arrived == 0 for count in counts_of(findings("zones", zones=broken)))


def test_a_minute_holds_what_was_gained_in_it():
    tally = Tally()
    tally.turn(10)
    for arrived in (1, 3, 3):
        tally.see("door", [line(arrived, 1)])
    assert tally.turn(10) == []
    assert tally.turn(11) == [CounterMinute("door", "line", "Gate", 10, 0, 3, 1)]
    tally.see("door", [line(3, 1)])
    assert tally.turn(12) == []
    tally.see("door", [line(4, 1)])
    assert tally.turn(13) == [CounterMinute("door", "line", "Gate", 12, 0, 1, 0)]


def test_a_counter_that_began_again_gains_what_it_has():
    tally = Tally()
    tally.turn(1)
    for arrived in (5, 0, 2):
        tally.see("door", [line(arrived)])
    assert tally.take() == [CounterMinute("door", "line", "Gate", 1, 0, 7, 0)]


def test_the_most_at_once_is_kept():
    tally = Tally()
    tally.turn(1)
    for present in (0, 3, 1):
        tally.see("door", [Count("zone", "Till", present), Count("zone", "Empty", 0)])
    assert tally.take() == [CounterMinute("door", "zone", "Till", 1, 3)]


class Table:
    def __init__(self, failures: int) -> None:
        self.kept: list[CounterMinute] = []
        self.failures = failures

    def add_many(self, minutes):
        if self.failures:
            self.failures -= 1
            raise OperationalError("insert", {}, Exception("database is locked"))
        self.kept += minutes


def camera(state: str):
    return SimpleNamespace(config=SimpleNamespace(id="door"), status=lambda: SimpleNamespace(state=state))


@pytest.mark.parametrize(("state", "kept"), [("live", 2), ("backoff", 0)])
def test_minutes_wait_for_a_database_that_is_locked(state, kept):
    steps = iter((1, 1, 2, 3))
    analysis = SimpleNamespace(newest=lambda _: findings("zones", lines={"Gate": {"in": next(steps), "out": 0}}))
    table = Table(failures=1)
    log = CounterLog(SimpleNamespace(all=lambda: [camera(state)]), analysis, table)
    for now_s in (60.0, 61.0, 120.0, 180.0):
        log._write(log._look(now_s))
    assert [(one.minute, one.arrived) for one in table.kept] == [(1, 1), (2, 1)][:kept]
