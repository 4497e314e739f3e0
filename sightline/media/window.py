"""What running costs: sliding windows over the last seconds. Written by the thread that does the work, read by any."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 10.0
MOST_SAMPLES = 2_000
"""Bounds memory; 10 s at 120 fps are 1,200."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A window at one moment."""

    count: int = 0
    rate_hz: float = 0.0
    mean: float = 0.0
    p50: float = 0.0
    p95: float = 0.0


class Window:
    """Samples of the last `span_s` seconds and how many there ever were. Thread-safe; adding costs about a microsecond."""

    def __init__(self, span_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._span_s = span_s
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, float]] = deque(maxlen=MOST_SAMPLES)
        self._total = 0

    @property
    def total(self) -> int:
        """Samples since the start or the last `clear`."""
        return self._total

    def add(self, value: float = 0.0) -> None:
        with self._lock:
            self._samples.append((self._clock(), value))
            self._total += 1

    def clear(self) -> None:
        with self._lock:
            self._samples.clear()
            self._total = 0

    def rate_hz(self) -> float:
        """Samples per second now; falls towards zero when they stop coming."""
        with self._lock:
            return self._rate(self._prune())

    def summary(self) -> Summary:
        with self._lock:
            now = self._prune()
            values = sorted(value for _, value in self._samples)
            rate_hz = self._rate(now)
        if not values:
            return Summary()
        return Summary(len(values), rate_hz, sum(values) / len(values), _quantile(values, 0.5), _quantile(values, 0.95))

    def _prune(self) -> float:
        now = self._clock()
        while self._samples and self._samples[0][0] < now - self._span_s:
            self._samples.popleft()
        return now

    def _rate(self, now: float) -> float:
        if len(self._samples) < 2:
            return 0.0
        first, last = self._samples[0][0], self._samples[-1][0]
        period = (last - first) / (len(self._samples) - 1)
        # As long as the next sample is not overdue the distance of the samples is exact; after that time itself counts.
        span = (last - first) if now - last <= 2 * period else now - first
        return (len(self._samples) - 1) / span if span > 0 else 0.0


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
