"""Whether the filters of one camera keep its rate. Used by the chain thread only."""

HURRY_SHARE = 0.7
"""Share of the time between two frames above which filters are asked to save; the rest is for painting and hand-over."""
EASE_SHARE = 0.5
"""Share below which they may do all their work again, provided it stays there for EASE_AFTER_NS."""
EASE_AFTER_NS = 20_000_000_000
LONGEST_EASE_NS = 640_000_000_000
"""Each time the ease was of no use, the next one is twice as long in coming, up to this: nothing swings for ever."""
SMOOTHING = 0.1
"""Weight of the newest frame: about ten frames decide, so that one slow frame changes nothing."""
MOST_PERIODS = 2.0
"""A single frame counts for this many times the time between two frames at most."""
LONGEST_PERIOD_NS = 1_000_000_000
"""A longer distance of two frames is a pause, not a rate."""


class Pace:
    """Compares what the filters take with the time between frames, on the camera's clock."""

    def __init__(self) -> None:
        self._cost_ns = 0.0
        self._period_ns = 0.0
        self._last_pts_ns: int | None = None
        self._well_since_ns: int | None = None
        self._ease_after_ns = EASE_AFTER_NS
        self._eased_at_ns: int | None = None
        self.is_hurried = False

    @property
    def period_ms(self) -> float:
        """Time between two frames, smoothed; 0 until two have come."""
        return self._period_ns / 1e6

    def add(self, pts_ns: int, cost_ns: int) -> None:
        """Take in that the filters took `cost_ns` for the frame at `pts_ns`."""
        before, self._last_pts_ns = self._last_pts_ns, pts_ns
        if before is None or not 0 < pts_ns - before <= LONGEST_PERIOD_NS:
            return
        first = self._period_ns == 0
        # A frame that was skipped makes a period twice as long; the shorter ones tell the camera's own rate.
        period_ns = min(pts_ns - before, 1.5 * self._period_ns) if not first else pts_ns - before
        self._period_ns = period_ns if first else self._mixed(self._period_ns, period_ns)
        # A filter that was just switched on loads its model within one frame: that is no rate.
        cost_ns = min(cost_ns, int(MOST_PERIODS * period_ns))
        self._cost_ns = cost_ns if first else self._mixed(self._cost_ns, cost_ns)
        self._decide(pts_ns)

    def _mixed(self, old: float, new: float) -> float:
        return (1 - SMOOTHING) * old + SMOOTHING * new

    def _decide(self, pts_ns: int) -> None:
        share = self._cost_ns / self._period_ns
        if share > HURRY_SHARE:
            if not self.is_hurried:
                self._hurry(pts_ns)
            self._well_since_ns = None
        elif share > EASE_SHARE or not self.is_hurried:
            self._well_since_ns = None
        elif self._well_since_ns is None:
            self._well_since_ns = pts_ns
        elif pts_ns - self._well_since_ns > self._ease_after_ns:
            self.is_hurried, self._eased_at_ns = False, pts_ns

    def _hurry(self, pts_ns: int) -> None:
        self.is_hurried = True
        eased_ns, self._eased_at_ns = self._eased_at_ns, None
        is_soon = eased_ns is not None and pts_ns - eased_ns < self._ease_after_ns
        self._ease_after_ns = min(2 * self._ease_after_ns, LONGEST_EASE_NS) if is_soon else EASE_AFTER_NS
