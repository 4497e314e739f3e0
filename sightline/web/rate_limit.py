"""The brake on password guessing: few failures per user and address, some more per address.

Failures are kept in the database, so that a restart does not forget them. Called by request threads.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sightline.errors import RateLimited
from sightline.records.login_attempts import LoginAttempts

WINDOW_S = 300.0
FAILURES_PER_USER = 5
"""Per user name and address, so that a stranger cannot lock the owner out."""
FAILURES_PER_ADDRESS = 20
NAME_MAX_CHARS = 64


class Attempt:
    """One try to log in."""

    def __init__(self) -> None:
        self.has_failed = False

    def failed(self) -> None:
        self.has_failed = True


class LoginLimit:
    """Counts failures."""

    def __init__(self, attempts: LoginAttempts) -> None:
        self._attempts = attempts
        self._lock = threading.Lock()

    @contextmanager
    def attempt(self, username: str, address: str) -> Iterator[Attempt]:
        """Allow one try; call `failed()` on it when the password was wrong.

        Raises:
            RateLimited: too many failures; facts: retry_after_s.
        """
        by_user, by_address = f"user:{username[:NAME_MAX_CHARS]}@{address}", f"ip:{address}"
        # One at a time: parallel guesses must not all pass the count before the first of them is recorded.
        with self._lock:
            self._check(by_user, FAILURES_PER_USER)
            self._check(by_address, FAILURES_PER_ADDRESS)
            attempt = Attempt()
            try:
                yield attempt
            finally:
                if attempt.has_failed:
                    self._attempts.record(by_user)
                    self._attempts.record(by_address)
            if not attempt.has_failed:
                self._attempts.clear(by_user)

    def _check(self, who: str, limit: int) -> None:
        now_s = time.time()
        if self._attempts.count_since(who, now_s - WINDOW_S) < limit:
            return
        oldest = self._attempts.oldest_since(who, now_s - WINDOW_S) or now_s
        wait_s = max(1, round(oldest + WINDOW_S - now_s))
        raise RateLimited(
            f"Too many failed logins. Wait {wait_s} seconds and try again.", code="too_many_logins", retry_after_s=wait_s
        )
