"""One camera's place at one analyzer: what waits, and whether the analyzer keeps up. Guarded by the lock of Analysis."""

from dataclasses import dataclass, field

from sightline.analysis.carry import Carrier
from sightline.media.findings import Findings
from sightline.media.frame import Frame
from sightline.media.window import Window

SLOW_SHARE = 0.8
"""Below this share of what was asked for, an analyzer is falling behind."""
SLOW_AFTER_S = 5.0
WELL_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Look:
    """What an analyzer is to look at."""

    frame: Frame
    taken_ns: int
    """When it was put here, monotonic."""
    findings: Findings | None = None
    """For an interpreter: what the analyzer it reads says about the frame."""


@dataclass(slots=True, eq=False)
class Seat:
    """One camera's place at an analyzer."""

    camera_id: str
    carrier: Carrier
    period_ns: int
    reads: str = ""
    """The analyzer whose results it interprets; empty: it looks at frames."""
    is_exact: bool = False
    """Its camera waits for it: it gets every frame."""
    pending: Look | None = None
    pending_since_ns: int = 0
    is_running: bool = False
    due_ns: int = 0
    drops: int = 0
    """Times the analyzer should have looked and was not ready."""
    results: Window = field(default_factory=lambda: Window(5.0))
    offered: Window = field(default_factory=lambda: Window(5.0))
    """Times it was due: what the results are measured against."""
    slow_since_s: float | None = None
    well_since_s: float | None = None
    is_slow: bool = False

    def offer(self, frame: Frame, now_ns: int) -> bool:
        """Take `frame` when it is time for one, or in place of an older one that still waits; True when a frame waits newly."""
        # Frames come on their own beat: one that is a little early is taken, or the rate would fall to the next divisor.
        is_due = self.is_exact or now_ns >= self.due_ns - min(self.period_ns // 4, 10_000_000)
        if is_due:
            is_on_beat = now_ns - self.due_ns < self.period_ns
            self.due_ns = (self.due_ns if is_on_beat else now_ns) + self.period_ns
            self.offered.add()
        if self.pending is not None:
            self.pending = Look(frame, now_ns)
            self.drops += is_due
            return False
        if not is_due:
            return False
        self.pending, self.pending_since_ns = Look(frame, now_ns), now_ns
        return True

    def hand_on(self, frame: Frame, findings: Findings, now_ns: int) -> None:
        """Take a result of the analyzer it reads, in place of an older one that still waits."""
        self.offered.add()
        self.drops += self.pending is not None
        self.pending, self.pending_since_ns = Look(frame, now_ns, findings), now_ns

    def turned_slow(self, now_s: float, *, is_running: bool) -> bool:
        """Whether the analyzer has just been too slow for 5 s; one that is not running is not slow."""
        is_behind = is_running and self.results.rate_hz() < SLOW_SHARE * self.offered.rate_hz()
        if not is_behind:
            self.slow_since_s = None
            self.well_since_s = self.well_since_s or now_s
            # Told again only after a good while, or a rate at the limit would fill the list of events.
            self.is_slow = self.is_slow and now_s - self.well_since_s < WELL_AFTER_S
            return False
        self.well_since_s = None
        self.slow_since_s = self.slow_since_s or now_s
        is_news = not self.is_slow and now_s - self.slow_since_s >= SLOW_AFTER_S
        self.is_slow = self.is_slow or is_news
        return is_news
