"""The page "System check": runs all checks at the same time, each with a limit, and keeps the answer for some seconds.

Called by request threads. A check that hangs keeps its thread and is not begun a second time; the page says so.
"""

import logging
import threading
import time
from dataclasses import asdict
from typing import Any

from sightline.errors import SightlineError
from sightline.media.redaction import redact
from sightline.web.checks import CHECKS, Check, Installation, Line

log = logging.getLogger(__name__)

LIMIT_S = 8.0
KEEP_S = 10.0
NO_ANSWER = f"It did not answer within {LIMIT_S:.0f} s."


class DoctorDesk:
    """What this installation has. Thread-safe."""

    def __init__(self, installation: Installation, checks: tuple[Check, ...] = CHECKS, limit_s: float = LIMIT_S) -> None:
        self._installation = installation
        self._checks = checks
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._looks: dict[str, _Look] = {}
        self._report: dict[str, Any] = {}
        self._looked_s = float("-inf")

    def report(self, *, is_fresh: bool = False) -> dict[str, Any]:
        """`checked_at` (epoch s), how many lines are in each state, and the groups with their lines.

        Args:
            is_fresh: do not give the answer of a moment ago.
        """
        with self._lock:
            if is_fresh or time.monotonic() - self._looked_s > KEEP_S:
                self._report = self._look()
                self._looked_s = time.monotonic()
            return self._report

    def _look(self) -> dict[str, Any]:
        for check in self._checks:
            if check.name not in self._looks or not self._looks[check.name].is_alive():
                self._looks[check.name] = _Look(check, self._installation)
                self._looks[check.name].start()
        ends_s = time.monotonic() + self._limit_s
        groups: dict[str, list[dict[str, Any]]] = {}
        counts = {"ok": 0, "better": 0, "wrong": 0}
        for check in self._checks:
            look = self._looks[check.name]
            look.join(max(0.0, ends_s - time.monotonic()))
            for line in look.lines if not look.is_alive() else (_silent(check),):
                groups.setdefault(check.group, []).append({name: redact(text) for name, text in asdict(line).items()})
                counts[line.state] += 1
        return {"checked_at": time.time(), "counts": counts, "groups": [{"label": k, "lines": v} for k, v in groups.items()]}


class _Look(threading.Thread):
    """One check under way."""

    def __init__(self, check: Check, installation: Installation) -> None:
        super().__init__(name=f"check-{check.name}", daemon=True)
        self._check = check
        self._installation = installation
        self.lines: tuple[Line, ...] = ()

    def run(self) -> None:
        try:
            self.lines = tuple(self._check.look(self._installation))
        except SightlineError as err:
            self.lines = (_failed(self._check, err.message),)
        except Exception:
            log.exception("the check %s failed", self._check.name)
            self.lines = (_failed(self._check, "It could not be examined. The log of the web process says why."),)


def _failed(check: Check, words: str) -> Line:
    return Line(check.name, check.name.capitalize(), "wrong", words)


def _silent(check: Check) -> Line:
    return _failed(check, NO_ANSWER)
