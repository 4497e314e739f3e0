"""Machines of others call when a job of ours is over. Called by request threads.

A call is a hint to look, and nothing that it says is believed: the worker asks the landlord, and then reads the result.
"""

import json
import re
import threading
import time
from collections import OrderedDict, deque

from sightline.errors import NotFound, RateLimited
from sightline.jobs.remote.sending import token_sha256
from sightline.records.database import Database
from sightline.records.external_runs import ExternalRuns

BODY_MAX_BYTES = 64 * 1024
MOST_MISSES, WINDOW_S = 30, 60.0
"""Wrong tokens of one address, after which it has to wait."""
MOST_ADDRESSES = 1000
EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class RemoteCalls:
    """Takes calls."""

    def __init__(self, database: Database) -> None:
        self._runs = ExternalRuns(database)
        self._misses: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, carrier: str, token: str, body: bytes, address: str) -> None:
        """Have the run that belongs to the token looked at now; the same call twice does no harm.

        Raises:
            NotFound: nobody has that token. RateLimited: too many wrong ones from that address.
        """
        self._check(address)
        if not self._runs.call(carrier, token_sha256(token), _external_id(body), time.time()):
            self._miss(address)
            raise NotFound("There is nothing at this address.", code="not_found")

    def _check(self, address: str) -> None:
        now_s = time.monotonic()
        with self._lock:
            misses = self._misses.get(address, deque())
            while misses and misses[0] < now_s - WINDOW_S:
                misses.popleft()
            if len(misses) >= MOST_MISSES:
                wait_s = max(1, round(misses[0] + WINDOW_S - now_s))
                raise RateLimited("Too many calls with a wrong token.", code="too_many_calls", retry_after_s=wait_s)

    def _miss(self, address: str) -> None:
        with self._lock:
            self._misses.setdefault(address, deque()).append(time.monotonic())
            self._misses.move_to_end(address)
            while len(self._misses) > MOST_ADDRESSES:
                self._misses.popitem(last=False)


def _external_id(body: bytes) -> str:
    """What the caller says that the run is called over there; empty when that is no name."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    name = told.get("id") if isinstance(told, dict) else None
    return name if isinstance(name, str) and EXTERNAL_ID.fullmatch(name) else ""
