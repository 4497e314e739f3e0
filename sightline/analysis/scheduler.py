"""Runs analyzers beside the video: each at its own rate, on the newest frame, shared ones batched over cameras.

Owns the analysis threads (niced, so that the picture goes first). Capture threads call `submit`, the engine calls the rest.
A slow, failing or hanging analyzer never slows the picture or another analyzer. Interpreters get each result of the analyzer they
read. A camera in exact mode is the exception to all rates: its `submit` returns when every analyzer has looked at that very frame.
"""

import logging
import os
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sightline.analysis.carry import Carrier
from sightline.analysis.seat import Look, Seat
from sightline.analysis.unit import Unit
from sightline.media.chain import AnalysisMode
from sightline.media.findings import Findings
from sightline.media.frame import Frame
from sightline.media.stage import Resources, StageInfo, Target, stage

log = logging.getLogger(__name__)

NICENESS = 10
"""With 5 and every switch on, the picture loses a frame now and then; threads that models start inherit it."""
EXACT_PATIENCE_S = 30.0
"""How long a camera in exact mode waits for one frame's findings before it goes on without them."""
MOST_EXTRA_THREADS = 4
"""Threads that may be started in place of ones that hang inside an analyzer."""


class AnalysisListener(Protocol):
    """A camera that wants to hear of its analysis. Called by analysis threads: be quick."""

    def on_findings(self, findings: Findings) -> None: ...

    def on_stage_event(self, kind: str, stage_name: str, message: str) -> None: ...


@dataclass(frozen=True, slots=True)
class AnalyzerReport:
    """State and cost of one analyzer on one camera."""

    name: str
    state: str
    error: str
    p50_ms: float
    p95_ms: float
    frames: int
    drops: int
    rate_hz: float
    backend: str


@dataclass(slots=True, eq=False)
class _Watched:
    """One camera under analysis."""

    listener: AnalysisListener
    places: tuple[tuple[Unit, Seat], ...] = ()
    mode: AnalysisMode = "beside"
    carriers: dict[str, Carrier] = field(default_factory=dict)
    """By analyzer; they outlive switching off and on, for their counts."""


class Analysis:
    """The scheduler. Its lock guards units, seats and watched cameras; it is never held while an analyzer runs."""

    def __init__(self, resources: Resources, threads: int) -> None:
        self._resources = resources
        self._changed = threading.Condition()
        self._watched: dict[str, _Watched] = {}
        self._units: dict[tuple[object, ...], Unit] = {}
        self._discarded: list[Unit] = []
        self._is_closed = False
        self._threads: list[threading.Thread] = []
        self._full_strength = threads
        for _ in range(threads):
            self._start_thread()

    def watch(self, camera_id: str, listener: AnalysisListener) -> None:
        """Enter a camera; nothing runs for it before `configure`."""
        with self._changed:
            self._watched[camera_id] = _Watched(listener)

    def configure(self, camera_id: str, wanted: Mapping[str, Any], mode: AnalysisMode = "beside") -> None:
        """Run exactly the analyzers `wanted` (name → parameters) on that camera. Those that stay keep their state."""
        with self._changed:
            watched = self._watched[camera_id]
            if mode != watched.mode:
                self._seat(camera_id, watched, {})
            watched.mode = mode
            self._seat(camera_id, watched, wanted)
            self._discard_empty_units()
            self._changed.notify_all()

    def restart(self, camera_id: str) -> None:
        """Begin anew: another scene comes from that camera."""
        with self._changed:
            watched = self._watched[camera_id]
            wanted = {unit.info.name: unit.params for unit, _ in watched.places}
            self._seat(camera_id, watched, {})
            self._discard_empty_units()
            self._seat(camera_id, watched, wanted)
            self._changed.notify_all()

    def unwatch(self, camera_id: str) -> None:
        with self._changed:
            watched = self._watched.pop(camera_id, None)
            if watched is not None:
                self._seat(camera_id, watched, {})
                self._discard_empty_units()
                self._changed.notify_all()

    def submit(self, frame: Frame) -> None:
        """Offer a frame to the camera's analyzers. Returns at once; in exact mode when all have looked at it."""
        watched = self._watched.get(frame.camera_id)
        if watched is None or not watched.places:
            return
        now_ns = time.monotonic_ns()
        with self._changed:
            seats = [(unit, seat) for unit, seat in watched.places if not seat.reads]
            if watched.mode == "exact":
                # One that fails is asked again when its backoff is over; until then frames go by without it.
                seats = [(unit, seat) for unit, seat in seats if unit.retry_at_ns <= now_ns and not unit.is_hung]
            news = sum(seat.offer(frame, now_ns) for _, seat in seats)
            if news:
                self._changed.notify(news)  # one thread for each, or the second would wait for the first to end
            if watched.mode == "exact":
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._is_settled(frame.camera_id, watched), EXACT_PATIENCE_S)

    def _is_settled(self, camera_id: str, watched: _Watched) -> bool:
        is_gone = self._is_closed or self._watched.get(camera_id) is not watched or watched.mode != "exact"
        return is_gone or not any(_is_open(unit, seat) for unit, seat in watched.places)

    def carried(self, camera_id: str, pts_ns: int) -> dict[str, Findings]:
        """By analyzer: what is known about the frame at `pts_ns`."""
        found = ((name, carrier.at(pts_ns)) for name, carrier in self._running(camera_id))
        return {name: findings for name, findings in found if findings is not None}

    def newest(self, camera_id: str) -> dict[str, Findings]:
        """By analyzer: the newest findings, as of their own frame."""
        found = ((name, carrier.newest()) for name, carrier in self._running(camera_id))
        return {name: findings for name, findings in found if findings is not None}

    def follow(self, camera_id: str, name: str, target: Target | None) -> bool:
        """Have the analyzer `name` follow `target`; False when it is not on for that camera."""
        with self._changed:
            units = [unit for unit, _ in self._watched[camera_id].places if unit.info.name == name]
            for unit in units:
                unit.follow(target)
            return bool(units)

    def reload(self, names: Collection[str]) -> None:
        """Make these analyzers anew before their next look: a weight file that they can use has come or gone."""
        with self._changed:
            for unit in self._units.values():
                if unit.info.name in names:
                    unit.reload()
            self._changed.notify_all()

    def distinct(self, camera_id: str, name: str) -> int:
        """Different things that analyzer has confirmed since the last reset."""
        watched = self._watched.get(camera_id)
        carrier = watched.carriers.get(name) if watched is not None else None
        return carrier.distinct if carrier is not None else 0

    def reset_counts(self, camera_id: str) -> None:
        with self._changed:
            watched = self._watched[camera_id]
            for carrier in watched.carriers.values():
                carrier.reset_count()
            for unit, _ in watched.places:
                if not unit.info.shared:  # what serves other cameras as well counts nothing for one
                    unit.reset_counts()

    def reports(self, camera_id: str) -> tuple[AnalyzerReport, ...]:
        watched = self._watched.get(camera_id)
        return tuple(_report(unit, seat) for unit, seat in watched.places) if watched is not None else ()

    def check_rates(self) -> None:
        """Tell of analyzers that fall behind for 5 s or hang, once each. Called once a second."""
        self._replace_hung_threads()
        now_s = time.monotonic()
        for watched in list(self._watched.values()):
            for unit, seat in watched.places:
                if seat.turned_slow(now_s, is_running=unit.state == "ok"):
                    rate_hz = seat.results.rate_hz()
                    words = f"it manages {rate_hz:.1f} of {1e9 / seat.period_ns:.0f} looks a second; the picture goes first."
                    watched.listener.on_stage_event("analysis.slowed", unit.info.name, words)

    def close(self) -> None:
        """Stop all threads; one that is inside an analyzer is left behind as a daemon after 1 s."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(1.0)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"analysis-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _replace_hung_threads(self) -> None:
        """A thread inside an analyzer that does not come back is lost; others take its work."""
        with self._changed:
            units = [*self._units.values(), *self._discarded]
            hung = [unit for unit in units if unit.turned_hung(time.monotonic_ns())]
            for _ in hung:
                if len(self._threads) < self._full_strength + MOST_EXTRA_THREADS:
                    self._start_thread()
            if hung:
                self._changed.notify_all()
        for unit in hung:
            log.error("Analyzer %s hangs; going on without it", unit.info.name)
            for watched in self._listeners(unit):
                watched.listener.on_stage_event("analysis.failed", unit.info.name, unit.error)

    def _running(self, camera_id: str) -> list[tuple[str, Carrier]]:
        watched = self._watched.get(camera_id)
        return [(unit.info.name, seat.carrier) for unit, seat in watched.places] if watched is not None else []

    def _seat(self, camera_id: str, watched: _Watched, wanted: Mapping[str, Any]) -> None:
        places = tuple(self._place(camera_id, watched, name, params) for name, params in wanted.items())
        kept = {seat for _, seat in places}
        for unit, seat in watched.places:
            if seat not in kept:
                del unit.seats[camera_id]
            if unit.info.name not in wanted:
                seat.carrier.forget()
        watched.places = places

    def _place(self, camera_id: str, watched: _Watched, name: str, params: Any) -> tuple[Unit, Seat]:
        info = stage(name)
        # In exact mode nothing is shared: what another camera shows must not change a result.
        is_shared = info.shared and watched.mode == "beside"
        key = (name, params) if is_shared else (name, params, camera_id)
        unit = self._units.get(key)
        if unit is None:
            before = next((u for u, _ in watched.places if u.info.name == name and not u.info.shared), None)
            unit = self._units[key] = Unit(info, params, self._resources, before)
        seat = unit.seats.get(camera_id)
        if seat is None:
            rate_hz = _source_rate_hz(info)
            carrier = watched.carriers.setdefault(name, Carrier(rate_hz))
            is_exact = watched.mode == "exact"
            seat = unit.seats[camera_id] = Seat(camera_id, carrier, int(1e9 / rate_hz), info.reads, is_exact)
        return unit, seat

    def _discard_empty_units(self) -> None:
        empty = [key for key, unit in self._units.items() if not unit.seats]
        self._discarded += [self._units.pop(key) for key in empty]

    def _work(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while True:
            task = self._next_task()
            if task is None:
                return
            unit, batch = task
            try:
                self._run(unit, batch)
            except Exception:
                log.exception("Results of analyzer %s could not be taken in", unit.info.name)
            if self._end_task(unit, batch):
                return

    def _end_task(self, unit: Unit, batch: Sequence[tuple[Seat, Look]]) -> bool:
        """Free the unit; True when this thread is one too many, because it had been given up."""
        with self._changed:
            unit.is_busy = False
            was_hung, unit.is_hung = unit.is_hung, False
            for seat, _ in batch:
                seat.is_running = False
            # Whoever waits for this unit: a camera in exact mode, its successor, a thread for what came meanwhile.
            self._changed.notify_all()
            if not was_hung or len(self._threads) <= self._full_strength:
                return False
            self._threads.remove(threading.current_thread())
            return True

    def _next_task(self) -> tuple[Unit, list[tuple[Seat, Look]]] | None:
        """Wait for something to do; None at the end. The unit given out is marked busy."""
        with self._changed:
            while not self._is_closed:
                now_ns = time.monotonic_ns()
                idle = [unit for unit in self._discarded if not unit.is_busy]
                if idle:
                    self._discarded.remove(idle[0])
                    idle[0].is_busy, idle[0].busy_since_ns = True, now_ns
                    return idle[0], []
                wait_s, unit = self._choose(now_ns)
                if unit is None:
                    self._changed.wait(wait_s)
                    continue
                batch = unit.collect(now_ns)
                if batch:
                    unit.is_busy, unit.busy_since_ns = True, now_ns
                    return unit, batch
        return None

    def _choose(self, now_ns: int) -> tuple[float | None, Unit | None]:
        """The unit that may run and has waited longest (privacy before the others); else how long to wait for the next one."""
        ready: list[Unit] = []
        next_ns: int | None = None
        for unit in self._units.values():
            if unit.is_busy:
                continue
            may_run_ns = unit.may_run_ns()
            if may_run_ns is None:
                continue
            if may_run_ns <= now_ns:
                ready.append(unit)
            else:
                next_ns = may_run_ns if next_ns is None else min(next_ns, may_run_ns)
        if ready:
            # What reads another's findings comes right after them, while they are fresh.
            return None, min(ready, key=lambda unit: (not unit.info.goes_first, not unit.info.reads, unit.last_run_ns))
        return (None if next_ns is None else (next_ns - now_ns) / 1e9), None

    def _run(self, unit: Unit, batch: list[tuple[Seat, Look]]) -> None:
        if not batch:
            unit.close()
            return
        before = unit.state
        findings = unit.run([look for _, look in batch])
        for (seat, look), found in zip(batch, findings, strict=False):
            self._deliver(unit, seat, look.frame, found)
        news = _state_news("failing" if unit.is_hung else before, unit.state)
        if news:
            for watched in self._listeners(unit):
                watched.listener.on_stage_event(news, unit.info.name, unit.error)

    def _deliver(self, unit: Unit, seat: Seat, frame: Frame, findings: Findings) -> None:
        with self._changed:
            watched = self._watched.get(seat.camera_id)
            if watched is None or unit.seats.get(seat.camera_id) is not seat:
                return  # switched off while it ran
            numbered = seat.carrier.update(findings)
            now_ns = time.monotonic_ns()
            for _, reader in watched.places:
                if reader.reads == unit.info.name:
                    reader.hand_on(frame, numbered, now_ns)
        seat.results.add()
        watched.listener.on_findings(numbered)

    def _listeners(self, unit: Unit) -> list[_Watched]:
        with self._changed:
            return [self._watched[camera_id] for camera_id in unit.seats if camera_id in self._watched]


def _state_news(before: str, after: str) -> str:
    if before in ("ok", "loading") and after in ("failing", "unavailable"):
        return "analysis.failed"
    if before in ("failing", "unavailable") and after == "ok":
        return "analysis.recovered"
    return ""


def _report(unit: Unit, seat: Seat) -> AnalyzerReport:
    cost = unit.cost_ms.summary()
    return AnalyzerReport(
        unit.info.name,
        unit.state,
        unit.error,
        cost.p50,
        cost.p95,
        seat.results.total,
        seat.drops,
        seat.results.rate_hz(),
        unit.backend,
    )


def _is_open(unit: Unit, seat: Seat) -> bool:
    """Whether a camera in exact mode must wait for this seat: it works, or will as soon as a thread is free."""
    if unit.is_hung:
        return False
    return seat.is_running or (seat.pending is not None and unit.retry_at_ns <= time.monotonic_ns())


def _source_rate_hz(info: StageInfo) -> float:
    """How often an analyzer gets something to look at: an interpreter as often as what it reads."""
    while info.reads:
        info = stage(info.reads)
    return info.rate_hz
