"""Keeps what is counted, minute by minute: one thread looks at the measures of every camera once a second."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from sightline.analysis.foremost import foremost
from sightline.analysis.scheduler import Analysis
from sightline.engine.fleet import Fleet
from sightline.errors import SightlineError
from sightline.media.findings import Findings
from sightline.records.counters import MINUTE_S, CounterKind, CounterMinute, CounterMinutes

log = logging.getLogger(__name__)

LOOK_S = 1.0
MOST_WAITING = 20_000
"""Rows that wait for a database that does not take them; then the oldest are lost."""
ZONES, TRACKER = "zones", "multi_object_tracking"
CLASSES_OF = frozenset({"object_detection", TRACKER, "face_detection"})
"""Whose labels are counted as classes. Names of people are labels too: they are kept nowhere but with the people."""


@dataclass(frozen=True, slots=True)
class Count:
    """One counter as it stands now."""

    kind: CounterKind
    name: str
    present: int = 0
    arrived: int = 0
    """Since the counter began, as `departed`."""
    departed: int = 0


def counts_of(findings: Mapping[str, Findings]) -> Iterator[Count]:
    """What analyzers have counted, from their newest findings."""
    zones = _measure(findings, ZONES)
    for name, zone in _maps(zones.get("zones")):
        yield Count("zone", name, _number(zone, "now"), _number(zone, "entered"), _number(zone, "left"))
    for name, line in _maps(zones.get("lines")):
        yield Count("line", name, 0, _number(line, "in"), _number(line, "out"))
    told = [found for found in foremost(findings.values()) if found.analyzer in CLASSES_OF]
    present = Counter(detection.label for found in told for detection in found.detections)
    totals = _measure(findings, TRACKER).get("total_by_class")
    totals = totals if isinstance(totals, Mapping) else {}
    for label in {*present, *totals}:
        yield Count("class", label, present[label], _number(totals, label))


class Tally:
    """Makes minutes of counters that only ever go up, or start again. Pure; one thread."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._minutes: dict[tuple[str, str, str], CounterMinute] = {}
        self._minute = 0

    def see(self, camera_id: str, counts: Iterable[Count]) -> None:
        """Take the counters of a camera as they stand in the present minute."""
        for count in counts:
            key = (camera_id, count.kind, count.name)
            before = self._before.get(key, (0, 0))
            self._before[key] = (count.arrived, count.departed)
            arrived, departed = (_gain(then, now) for then, now in zip(before, self._before[key], strict=True))
            known = self._minutes.get(key)
            if known is None and not (count.present or arrived or departed):
                continue  # an empty zone needs no row
            known = known or CounterMinute(camera_id, count.kind, count.name, self._minute)
            self._minutes[key] = CounterMinute(
                camera_id, count.kind, count.name, self._minute, max(known.highest, count.present),
                known.arrived + arrived, known.departed + departed,
            )  # fmt: skip

    def turn(self, minute: int) -> list[CounterMinute]:
        """Begin `minute` (epoch minutes) if it is another one; return what the one before came to."""
        if minute == self._minute:
            return []
        done = self.take()
        self._minute = minute
        return done

    def take(self) -> list[CounterMinute]:
        """What the present minute has come to so far; it begins at zero again."""
        done = list(self._minutes.values())
        self._minutes = {}
        return done

    def forget_others(self, camera_ids: Iterable[str]) -> None:
        """Drop what is remembered of cameras that are not there any more."""
        known = set(camera_ids)
        self._before = {key: value for key, value in self._before.items() if key[0] in known}


class CounterLog:
    """The thread and the rows that wait for the database."""

    def __init__(self, fleet: Fleet, analysis: Analysis, counters: CounterMinutes) -> None:
        self._fleet = fleet
        self._analysis = analysis
        self._counters = counters
        self._tally = Tally()
        self._waiting: list[CounterMinute] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="counter-log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float = 2.0) -> None:
        """Write the minute that has begun, as far as the time allows."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self._write(self._look(time.time()))
            except Exception:
                log.exception("Counters could not be read; they are read again")
        self._write(self._tally.take())

    def _look(self, now_s: float) -> list[CounterMinute]:
        """Read all cameras; return the minute that is over, if one is."""
        done = self._tally.turn(int(now_s // MINUTE_S))
        cameras = self._fleet.all()
        for camera in cameras:
            if camera.status().state == "live":  # what was found before a picture was lost is present no longer
                self._tally.see(camera.config.id, counts_of(self._analysis.newest(camera.config.id)))
        if done:
            self._tally.forget_others(camera.config.id for camera in cameras)
        return done

    def _write(self, done: list[CounterMinute]) -> None:
        if not done:
            return
        self._waiting = [*self._waiting, *done][-MOST_WAITING:]
        try:
            self._counters.add_many(self._waiting)
        except (SQLAlchemyError, SightlineError) as err:
            log.warning("Counters cannot be kept at the moment: %s", type(err).__name__)
        else:
            self._waiting = []


def _gain(before: int, now: int) -> int:
    """How much a counter has gone up; one that is lower than before has begun again."""
    return now - before if now >= before else now


def _measure(findings: Mapping[str, Findings], analyzer: str) -> Mapping[str, object]:
    found = findings.get(analyzer)
    return found.measures if found is not None else {}


def _maps(value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    for name, one in value.items() if isinstance(value, Mapping) else ():
        if isinstance(one, Mapping):
            yield str(name), one


def _number(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) else 0
