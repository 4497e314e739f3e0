import threading

import pytest
from sqlalchemy.exc import OperationalError

from sightline.engine import event_log as event_log_module
from sightline.engine.event_log import EventLog
from sightline.errors import StorageError
from sightline.records.events import Event
from tests.live_fakes import wait_for


class Table:
    """The table of events; locked for as long as the test wants."""

    def __init__(self):
        self.kept = []
        self.failures = 0
        self.error: Exception = OperationalError("insert", {}, Exception("database is locked"))
        self.open = threading.Event()
        self.open.set()

    def add_many(self, events):
        self.open.wait(10)
        if self.failures:
            self.failures -= 1
            raise self.error
        self.kept += events


def event(number):
    return Event("cam", "motion.started", f"event {number}", float(number))


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def log(table, monkeypatch):
    monkeypatch.setattr(event_log_module, "RETRY_S", 0.01)
    log = EventLog(table)
    log.start()
    yield log
    table.open.set()
    log.close()


def test_events_are_kept_in_order(log, table):
    for number in range(250):
        log.add(event(number))
    wait_for(lambda: len(table.kept) == 250, "all events")
    assert [e.at for e in table.kept] == list(range(250))


@pytest.mark.parametrize(
    "error", [OperationalError("insert", {}, Exception("database is locked")), StorageError("The database does not answer.")]
)
def test_a_lock_that_goes_away_loses_nothing(log, table, error):
    table.failures, table.error = 3, error
    log.add(event(1))
    wait_for(lambda: table.kept, "the event")
    assert log.lost == 0


def test_a_database_that_stays_away_costs_events_but_holds_nobody_up(log, table):
    table.failures = 1_000_000
    log.add(event(1))
    wait_for(lambda: log.lost == 1, "the loss to be counted")
    table.failures = 0
    log.add(event(2))
    wait_for(lambda: [e.at for e in table.kept] == [2.0], "the next event")


def test_the_queue_is_bounded_and_never_blocks(log, table, monkeypatch):
    table.open.clear()
    for number in range(event_log_module.QUEUE_EVENTS + 500):
        log.add(event(number))
    assert log.lost >= 300


def test_flush_waits_for_what_was_added(log, table):
    assert log.flush(0)
    table.open.clear()
    for number in range(300):
        log.add(event(number))
    assert not log.flush(0.05)
    table.open.set()
    assert log.flush(10)
    assert len(table.kept) == 300


def test_close_writes_what_waits(table):
    log = EventLog(table)
    table.open.clear()
    log.start()
    for number in range(5):
        log.add(event(number))
    table.open.set()
    log.close(5)
    assert len(table.kept) == 5
