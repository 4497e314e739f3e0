"""Plays pictures at the rate at which they were recorded."""

import threading
import time

LATE_LIMIT_NS = 250_000_000
"""Later than this, the schedule moves instead of being caught up with in a burst."""
AHEAD_LIMIT_NS = 5_000_000_000
"""A jump forward of the source's clock is not waited for longer than this."""


class Pacer:
    """Waits until a picture is due. The schedule hangs on one starting moment, so that waits do not add up to drift."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._offset_ns: int | None = None

    def wait(self, pts_ns: int) -> bool:
        """Wait until `pts_ns` is due; False when it is time to stop."""
        now_ns = time.monotonic_ns()
        if self._offset_ns is None or not -LATE_LIMIT_NS <= pts_ns + self._offset_ns - now_ns <= AHEAD_LIMIT_NS:
            self._offset_ns = now_ns - pts_ns
        delay_ns = pts_ns + self._offset_ns - now_ns
        return not (self._stop.wait(delay_ns / 1e9) if delay_ns > 0 else self._stop.is_set())
