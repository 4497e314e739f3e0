"""Writes events to the database in a thread of its own, so that a locked or lost database never holds up video."""

import logging
import queue
import threading

from sqlalchemy.exc import SQLAlchemyError

from sightline.errors import SightlineError
from sightline.records.events import Event, Events

log = logging.getLogger(__name__)

QUEUE_EVENTS = 1_000
BATCH_EVENTS = 100
RETRIES = 5
RETRY_S = 2.0


class EventLog:
    """A bounded queue in front of the table of events."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._queue: queue.Queue[Event | None] = queue.Queue(QUEUE_EVENTS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="event-log", daemon=True)
        self.lost = 0
        """Events that could not be kept."""

    def start(self) -> None:
        self._thread.start()

    def add(self, event: Event) -> None:
        """Keep `event` soon; returns at once, from any thread."""
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.lost += 1

    def flush(self, timeout_s: float = 2.0) -> bool:
        """Wait until all that was added so far is in the database, or given up; False when the time was too short."""
        with self._queue.all_tasks_done:
            return self._queue.all_tasks_done.wait_for(lambda: not self._queue.unfinished_tasks, timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits, as far as the time allows."""
        self._stop.set()
        self._queue_end()
        self._thread.join(timeout_s)

    def _queue_end(self) -> None:
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            log.warning("%d events are lost at the end", self._queue.qsize())

    def _work(self) -> None:
        while True:
            batch = self._next_batch()
            if not batch:
                return
            self._write(batch)
            for _ in batch:
                self._queue.task_done()

    def _next_batch(self) -> list[Event]:
        """Wait for events and return all that wait; none at the end."""
        first = self._queue.get()
        batch = [first] if first is not None else []
        while batch and len(batch) < BATCH_EVENTS:
            try:
                event = self._queue.get_nowait()
            except queue.Empty:
                break
            if event is None:
                self._queue_end()
                break
            batch.append(event)
        return batch

    def _write(self, batch: list[Event]) -> None:
        for _ in range(RETRIES):
            try:
                self._events.add_many(batch)
                return
            except (SQLAlchemyError, SightlineError) as err:
                log.warning("Events cannot be kept at the moment: %s", type(err).__name__)
                if self._stop.wait(RETRY_S):
                    break
        self.lost += len(batch)
        log.error("%d events are lost: the database does not take them", len(batch))
