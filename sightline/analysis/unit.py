"""One instance of an analyzer with its state, cost and seats. Run by one analysis thread at a time; see `scheduler.py`."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from sightline.analysis.seat import Look, Seat
from sightline.errors import AnalyzerError
from sightline.media.findings import Findings
from sightline.media.stage import Backed, Counting, Heir, Resources, StageInfo, Target, TargetAnalyzer
from sightline.media.window import Window

log = logging.getLogger(__name__)

FIRST_RETRY_S, LAST_RETRY_S, LAST_UNAVAILABLE_RETRY_S = 1.0, 60.0, 4.0
BATCH_WINDOW_NS = 5_000_000
"""How long a shared analyzer waits for the frames of its other cameras."""
STALE_AFTER_NS = 1_000_000_000
"""A frame that has waited longer says nothing about now: its camera has fallen silent."""
HUNG_AFTER_S = 30.0
"""From then on an analyzer that does not come back is failing; loading a model may take longer."""
LOADING_AFTER_S = 180.0
UnitState = Literal["loading", "ok", "failing", "unavailable"]
Order = Callable[[Any], None]
"""What an instance is told before its next look."""


class Unit:
    """An analyzer with one set of parameters: for all cameras when it is shared, else for one."""

    def __init__(self, info: StageInfo, params: Any, resources: Resources, predecessor: "Unit | None" = None) -> None:
        """`predecessor`: the unit whose place on the same camera it takes, after a change of parameters."""
        self.info = info
        self.seats: dict[str, Seat] = {}
        self.is_busy = False
        self.busy_since_ns = 0
        self.is_hung = False
        self.last_run_ns = 0
        self.retry_at_ns = 0
        self.cost_ms = Window()
        self.state: UnitState = "loading"
        self.error = ""
        self.params = params
        self.backend = info.backend
        self._resources = resources
        self._predecessor = predecessor
        self._legacy = predecessor._heritage if predecessor is not None else None
        self._instance: Any = None
        self._retry_s = FIRST_RETRY_S
        self._orders: list[Order] = []
        self._target: Target | None = None
        self._is_outdated = False

    @property
    def _heritage(self) -> Any:
        """The instance whose state goes on; when this unit never looked, the one that it was to follow."""
        return self._instance if self._instance is not None else self._legacy

    @property
    def is_in_use(self) -> bool:
        """Whether an analysis thread is inside it, or inside one whose state it is to take over; one that hangs is given up."""
        is_running = self.is_busy and not self.is_hung
        return is_running or (self._predecessor is not None and self._predecessor.is_in_use)

    def follow(self, target: Target | None) -> None:
        """Have the analyzer follow `target` from its next frame on; from any thread."""
        self._target = target
        self._orders.append(lambda instance: _follow(instance, target))

    def reset_counts(self) -> None:
        """Have the analyzer begin its counts anew before its next look; from any thread."""
        self._orders.append(lambda instance: instance.reset_counts() if isinstance(instance, Counting) else None)

    def reload(self) -> None:
        """Have the analyzer made anew before its next look; from any thread."""
        self._is_outdated = True
        self.retry_at_ns, self._retry_s = 0, FIRST_RETRY_S

    def may_run_ns(self) -> int | None:
        """From when on it may look at what waits; None when nothing waits. Under the lock of Analysis."""
        waiting = [seat.pending_since_ns for seat in self.seats.values() if seat.pending is not None]
        if not waiting or (self._predecessor is not None and self._predecessor.is_in_use):
            return None
        window_ns = BATCH_WINDOW_NS if self.info.shared and len(waiting) < len(self.seats) else 0
        return max(min(waiting) + window_ns, self.retry_at_ns)

    def collect(self, now_ns: int) -> list[tuple[Seat, Look]]:
        """Take what waits and is not stale, one look per seat. Under the lock of Analysis."""
        batch = []
        for seat in self.seats.values():
            look, seat.pending = seat.pending, None
            if look is None:
                continue
            if not seat.is_exact and now_ns - look.taken_ns > STALE_AFTER_NS:
                seat.drops += 1
                continue
            seat.is_running = True
            batch.append((seat, look))
        return batch

    def run(self, looks: Sequence[Look]) -> list[Findings]:
        """Look at frames, one per camera; an empty list when it could not.

        A failure is kept in `state` and `error`, never raised.
        """
        started_ns = time.monotonic_ns()
        self.last_run_ns = started_ns
        try:
            findings = self._look(looks)
        except Exception as err:  # noqa: BLE001 - analyzers are foreign code; this is the top of their call
            self._fail(err)
            return []
        self.cost_ms.add((time.monotonic_ns() - started_ns) / 1e6 / len(looks))
        self.state, self.error, self._retry_s = "ok", "", FIRST_RETRY_S
        return [_with_finite_measures(found) for found in findings]

    def close(self) -> None:
        """Let the instance go; in an analysis thread, never while it runs."""
        instance, self._instance = self._instance, None
        close = getattr(instance, "close", None)
        if close is not None:
            try:
                close()
            except Exception:
                log.exception("Analyzer %s does not close", self.info.name)

    def turned_hung(self, now_ns: int) -> bool:
        """Whether it has just been inside one look for too long. Under the lock of Analysis."""
        limit_s = LOADING_AFTER_S if self._instance is None else HUNG_AFTER_S
        if not self.is_busy or self.is_hung or now_ns - self.busy_since_ns < limit_s * 1e9:
            return False
        self.is_hung = True
        self.state, self.error = "failing", f"It has not come back for {limit_s:.0f} s."
        return True

    def _look(self, looks: Sequence[Look]) -> list[Findings]:
        if self._is_outdated:
            self._is_outdated = False
            self.close()
        if self._instance is None:
            self._load()
        orders, self._orders = self._orders, []
        for order in orders:
            order(self._instance)
        if self.info.reads:
            findings = [self._instance.interpret(look.frame, look.findings) for look in looks]
        else:
            findings = self._instance.analyze([look.frame for look in looks])
        if not isinstance(findings, list) or len(findings) != len(looks) or not all(map(self._is_own, findings)):
            raise AnalyzerError(f"{self.info.label} must give one result of its own per frame.", code="bad_findings")
        if isinstance(self._instance, Backed):
            self.backend = self._instance.backend
        return findings

    def _is_own(self, findings: object) -> bool:
        return isinstance(findings, Findings) and findings.analyzer == self.info.name

    def _load(self) -> None:
        reason = self.info.unavailable(self._resources)
        if reason is not None:
            raise AnalyzerError(reason, code="unavailable")
        if self.state != "failing":
            self.state = "loading"
        self._instance = self.info.factory(self.params, self._resources)
        legacy, self._legacy, self._predecessor = self._legacy, None, None
        if legacy is not None and isinstance(self._instance, Heir):
            self._instance.adopt(legacy)
        if self._target is not None:
            self.follow(self._target)

    def _fail(self, err: Exception) -> None:
        is_news = self.state in ("ok", "loading")
        self.close()
        is_unavailable = isinstance(err, AnalyzerError) and err.code == "unavailable"
        self.state = "unavailable" if is_unavailable else "failing"
        self.error = err.message if isinstance(err, AnalyzerError) else f"{type(err).__name__}: {err}"
        self.retry_at_ns = time.monotonic_ns() + int(self._retry_s * 1e9)
        # Asking whether a weight file is here by now costs nothing; trying what crashed does.
        self._retry_s = min(self._retry_s * 2, LAST_UNAVAILABLE_RETRY_S if is_unavailable else LAST_RETRY_S)
        if is_news:
            log.warning("Analyzer %s fails: %s", self.info.name, self.error, exc_info=None if is_unavailable else err)


def _follow(instance: Any, target: Target | None) -> None:
    if isinstance(instance, TargetAnalyzer):
        instance.follow(target)


def _with_finite_measures(findings: Findings) -> Findings:
    """JSON knows no NaN; a measure that is none is told as unknown."""
    if _is_finite(findings.measures):
        return findings
    measures: Any = _finite(findings.measures)
    return replace(findings, measures=measures)


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(_is_finite(item) for item in value.values())
    return all(_is_finite(item) for item in value) if isinstance(value, list | tuple) else True


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
