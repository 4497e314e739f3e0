"""How long to wait before a camera is tried again."""

import random
from dataclasses import dataclass, field

FIRST_S = 1.0
SHORTEST_S = 0.2
CAPS_S = ((60.0, 4.0), (600.0, 8.0))
"""(age of the outage, longest wait): a camera that was unplugged for a moment must be back within 10 s."""
LONGEST_S = 60.0
REFUSED_S = 20.0
STEADY_S = 5.0
"""A connection that lasted this long ends the outage; a shorter one is part of it."""


@dataclass(slots=True)
class Backoff:
    """Exponential waits with full jitter, so that many cameras behind one switch do not come back in step."""

    jitter: random.Random = field(default_factory=random.Random)
    _tries: int = 0
    _since_s: float | None = None

    def succeeded(self, lasted_s: float) -> None:
        """A connection has delivered pictures for `lasted_s`."""
        if lasted_s >= STEADY_S:
            self._tries, self._since_s = 0, None

    def next_s(self, now_s: float, *, is_refused: bool = False) -> float:
        """Seconds to wait after a failure at the monotonic time `now_s`.

        Args:
            is_refused: the camera refused the password; many lock the account after a few such tries.
        """
        if is_refused:
            return self.jitter.uniform(REFUSED_S, LONGEST_S)
        if self._since_s is None:
            self._since_s = now_s
        age_s = now_s - self._since_s
        cap_s = next((cap for limit, cap in CAPS_S if age_s < limit), LONGEST_S)
        wait_s = min(cap_s, FIRST_S * 2 ** min(self._tries, 10))
        self._tries += 1
        return self.jitter.uniform(SHORTEST_S, wait_s)
