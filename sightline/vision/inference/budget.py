"""The cores that all models of this process share.

An inference takes as many tokens as it has threads and gives them back when it is done, so that several models and any number of
cameras never keep more cores busy than the budget has. Whoever came first is served first.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores_here() -> int:
    """Cores that this process may use: its affinity, cut by a container's quota."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = CGROUP_QUOTA.read_text(encoding="ascii").split()
        return min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return cores


def default_threads(cores: int) -> int:
    """What is left for models when the video has what it needs: a quarter of the cores, one at least."""
    return max(1, cores - max(1, cores // 4))


class Budget:
    """Counts tokens; one token is one core."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._free = threads
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._here = threading.local()

    @contextmanager
    def taken(self, threads: int) -> Iterator[None]:
        """Hold `threads` cores, all of the budget at most; waits until they are free.

        A thread that holds cores already goes on with those.
        """
        if getattr(self._here, "is_holding", False):
            yield
            return
        wanted = min(threads, self.threads)
        with self._changed:
            ticket = object()
            self._waiting.append(ticket)
            # First come, first served: a wide model would else wait for as long as narrow ones keep coming.
            self._changed.wait_for(lambda: self._waiting[0] is ticket and self._free >= wanted)
            self._waiting.popleft()
            self._free -= wanted
            self._changed.notify_all()
        self._here.is_holding = True
        try:
            yield
        finally:
            self._here.is_holding = False
            with self._changed:
                self._free += wanted
                self._changed.notify_all()
