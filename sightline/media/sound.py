"""The last seconds of a source's sound, in memory. The thread that reads the source writes, analyzers read; safe from any thread.

Nobody pays for sound that nobody wants: who reads says so with every look, and the source decodes only while that is recent.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""`(n,)` mono, -1..1."""

SAMPLE_RATE_HZ = 16_000
SAMPLE_NS = 1_000_000_000 // SAMPLE_RATE_HZ
"""Exactly 62,500 ns."""
SPAN_S = 12.0
WANTED_S = 15.0
"""So long after the last wish sound is still decoded; after opening too, so that the beginning of a file is not missed."""
JOINT_NS = 60_000_000
"""Timestamps of pieces that follow each other may be off by this much; a larger step is a gap."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Samples without a gap."""

    start: int
    """Number of the first sample on the clock of the pictures: sample n is at n × 62,500 ns."""
    samples: Samples


class SoundRing:
    """Mono sound at 16 kHz on the clock of the source's pictures. Places without sound hold silence."""

    def __init__(self, span_s: float = SPAN_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buffer = np.zeros(round(span_s * SAMPLE_RATE_HZ), np.float32)
        self._end: int | None = None
        """One after the newest sample; None while there is none."""
        self._first = 0
        """The oldest sample that was written since the last gap too long to bridge."""
        self._wanted_until_s = clock() + WANTED_S
        self._offset = 0

    def want(self) -> None:
        """Say that somebody listens; again with every look."""
        self._wanted_until_s = self._clock() + WANTED_S

    @property
    def is_wanted(self) -> bool:
        return self._clock() < self._wanted_until_s

    def set_offset_ns(self, offset_ns: int) -> None:
        """Set by how much the clock of the frames is ahead of the source's own; before the first frame."""
        with self._lock:
            self._offset = round(offset_ns / SAMPLE_NS)

    def write(self, pts_ns: int, samples: Samples) -> None:
        """Append a piece that begins at `pts_ns` of the source's own clock. After a step back in time the old sound is gone."""
        start = round(pts_ns / SAMPLE_NS)
        with self._lock:
            if self._end is not None and abs(start - self._end) * SAMPLE_NS <= JOINT_NS:
                start = self._end
            if self._end is None or not 0 <= start - self._end <= len(self._buffer):
                self._first = start
            elif start > self._end:
                self._put(self._end, np.zeros(start - self._end, np.float32))
            self._put(start, samples[-len(self._buffer) :])
            self._end = start + len(samples)

    def read(self, after: int | None, until_ns: int) -> Heard | None:
        """The sound from sample `after` (None: only what is newest, a second at most) up to `until_ns`; None when there is none.

        What is older than the ring remembers is left out: `Heard.start` may lie after `after`.
        """
        with self._lock:
            if self._end is None:
                return None
            end = min(self._end, until_ns // SAMPLE_NS - self._offset)
            oldest = max(self._first, self._end - len(self._buffer))
            wanted = end - SAMPLE_RATE_HZ if after is None else after - self._offset
            start = max(wanted, oldest)
            if start >= end:
                return None
            return Heard(start + self._offset, self._buffer[np.arange(start, end) % len(self._buffer)])

    def _put(self, start: int, samples: Samples) -> None:
        self._buffer[np.arange(start, start + len(samples)) % len(self._buffer)] = samples
