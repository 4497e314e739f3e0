"""The worker process: `python -m sightline.worker`. It runs batch jobs and tells others of their ends, delivers uploads, and
deletes what is too old.

The main thread waits for SIGTERM or SIGINT; each duty has a daemon thread of its own. A duty that fails is logged and goes on
after a pause. Everything it does can be cut off at any moment: unfinished work is found again in the database at the next start.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

from sightline.errors import SightlineError
from sightline.jobs.carriers import make_carrier, make_remote_carrier
from sightline.jobs.dispatch import Dispatch
from sightline.jobs.outbox import Deliverer
from sightline.jobs.presence import TOUCH_EVERY_S, Presence
from sightline.jobs.remote.forsaken import take_back_forsaken
from sightline.jobs.remote.looking import Looks
from sightline.jobs.remote.sending import HERE, Sender
from sightline.jobs.retention import Retention
from sightline.jobs.runner import Runner
from sightline.jobs.webhooks import WebhookSender
from sightline.logs import configure, explain
from sightline.records.database import Database
from sightline.records.jobs import Jobs
from sightline.settings import Settings

log = logging.getLogger(__name__)

DELIVERY_POLL_S = 0.5
WEBHOOK_POLL_S = 1.0
RETENTION_INTERVAL_S = 3600.0
REAP_MOST_INTERVAL_S = 15.0
JOB_POLL_S = 0.5
SENDERS, LOOKERS = 2, 4
"""Threads that make jobs ready for machines of others, and that ask how they are there: one slow answer delays few."""
PAUSE_AFTER_ERROR_S = 5.0
STOP_WAIT_S = 1.5
"""How long a delivery in progress may go on after SIGTERM."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is done again and again."""

    name: str
    interval_s: float
    work: Callable[[threading.Event], object]


class Worker:
    """All duties of one process."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.database)
        self._deliverer = Deliverer(settings, self._database)
        self._retention = Retention(settings, self._database)
        self._carrier_name = settings.job_carrier
        remote = make_remote_carrier(settings)
        self._runner = Runner(settings, self._database, None if remote is None else HERE)
        self._sender = None if remote is None else Sender(settings, self._database, remote)
        self._looks = None if remote is None else Looks(settings, self._database, remote)
        self._webhooks = WebhookSender(settings, self._database)
        self._presence = Presence(settings)
        carrier = make_carrier(settings)
        self._dispatch = None if carrier is None else Dispatch(Jobs(self._database), carrier)
        self._reap_interval_s = min(REAP_MOST_INTERVAL_S, settings.job_lease_s / 2)
        runs_jobs = settings.job_carrier == "embedded" or (remote is not None and settings.job_fallback == "on")
        self._job_slots = settings.job_slots if runs_jobs else 0
        self._stop = threading.Event()
        self._wish_to_stop: SimpleQueue[None] = SimpleQueue()
        self._delivery_right = ExitStack()
        self._has_delivery_right = False

    def run(self) -> None:
        """Work until `stop`; returns at most STOP_WAIT_S after it."""
        self._database.migrate()
        duties = (
            Duty("outbox", DELIVERY_POLL_S, self._deliver),
            Duty("retention", RETENTION_INTERVAL_S, self._prune),
            Duty("presence", TOUCH_EVERY_S, lambda _stop: self._presence.tell()),
            Duty("webhooks", WEBHOOK_POLL_S, self._webhooks.work),
            Duty("reaper", self._reap_interval_s, self._reap),
            *(Duty(f"job-{slot}", JOB_POLL_S, self._work_jobs) for slot in range(self._job_slots)),
            *(Duty(f"send-{number}", JOB_POLL_S, self._send_jobs) for number in range(SENDERS if self._sender else 0)),
            *(Duty(f"look-{number}", JOB_POLL_S, self._look_at_jobs) for number in range(LOOKERS if self._looks else 0)),
        )
        threads = [threading.Thread(target=self._repeat, args=(duty,), name=duty.name, daemon=True) for duty in duties]
        for thread in threads:
            thread.start()
        log.info("worker is ready")
        self._wish_to_stop.get()
        self._stop.set()
        ends_s = time.monotonic() + STOP_WAIT_S
        for thread in threads:
            thread.join(max(0.0, ends_s - time.monotonic()))
        self._presence.end()
        log.info("worker stops")

    def stop(self) -> None:
        """Ask `run` to return."""
        # A signal handler calls this: unlike an Event, this queue may be used while the same thread is waiting on it.
        self._wish_to_stop.put(None)

    def _repeat(self, duty: Duty) -> None:
        while not self._stop.is_set():
            pause_s = duty.interval_s
            try:
                duty.work(self._stop)
            except SightlineError as err:
                log.warning("%s: %s", duty.name, err.message)
                pause_s = PAUSE_AFTER_ERROR_S
            except Exception:
                log.exception("%s failed and is tried again", duty.name)
                pause_s = PAUSE_AFTER_ERROR_S
            self._stop.wait(pause_s)

    def _work_jobs(self, stop: threading.Event) -> None:
        while not stop.is_set() and self._runner.work(stop):
            continue

    def _send_jobs(self, stop: threading.Event) -> None:
        while self._sender is not None and not stop.is_set() and self._sender.send(stop):
            continue

    def _look_at_jobs(self, stop: threading.Event) -> None:
        while self._looks is not None and not stop.is_set() and self._looks.look():
            continue

    def _reap(self, stop: threading.Event) -> None:
        self._runner.reap()
        take_back_forsaken(self._database, self._carrier_name, time.time())
        if self._dispatch is not None:
            self._dispatch.publish_lost()

    def _deliver(self, stop: threading.Event) -> None:
        if not self._has_delivery_right:
            self._take_delivery_right()
        if self._has_delivery_right:
            self._deliverer.deliver_due(stop)

    def _take_delivery_right(self) -> None:
        # Only the outbox thread comes here; the right is held until the process ends.
        with ExitStack() as stack:
            if not stack.enter_context(self._deliverer.exclusive()):
                return
            self._deliverer.wake_all()
            self._delivery_right = stack.pop_all()
            self._has_delivery_right = True

    def _prune(self, stop: threading.Event) -> None:
        self._deliverer.sweep()
        self._retention.prune()
        self._webhooks.prune()


def main() -> int:
    """Run the worker until SIGTERM or SIGINT; the exit code: 2 for a wrong setting, 1 when it cannot begin."""
    try:
        settings = Settings.from_env()
        configure(settings, "worker")
        worker = Worker(settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        worker.run()
    except SightlineError as err:
        return explain(err)
    return 0


if __name__ == "__main__":
    sys.exit(main())
