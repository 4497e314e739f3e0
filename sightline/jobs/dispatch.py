"""Brings waiting jobs to their carrier again when their message is lost: the broker was away, or a worker died with it."""

import time
from collections.abc import Callable

from sightline.jobs.carriers import Carrier
from sightline.records.jobs import Job, Jobs, JobState

UNPUBLISHED_S = 60.0
"""A job that waits longer than this, although it is due, may not have been published at all."""
MOST_AT_ONCE = 1000


class Dispatch:
    """A duty of the worker. What it has sent is forgotten with the process: a message too many does no harm."""

    def __init__(self, jobs: Jobs, carrier: Carrier, clock: Callable[[], float] = time.time) -> None:
        self._jobs = jobs
        self._carrier = carrier
        self._clock = clock
        self._sent: dict[str, tuple[int, float]] = {}
        """By job: the attempts that it had, and when it was sent."""

    def publish_lost(self) -> int:
        """Publish every job that is due and has probably no message under way; how many. Raises: StorageError."""
        now = self._clock()
        waiting = [job for job in self._jobs.page(limit=MOST_AT_ONCE, states=[JobState.QUEUED]) if job.not_before <= now]
        self._sent = {job.id: self._sent[job.id] for job in waiting if job.id in self._sent}
        lost = [job for job in waiting if self._was_never_sent(job, now)]
        quiet = [job for job in waiting if job not in lost and now - self._sent.get(job.id, (0, now))[1] > UNPUBLISHED_S]
        if quiet and self._carrier.is_empty():  # else their messages only wait for their turn
            lost += quiet
        for job in sorted(lost, key=lambda job: job.created_at):
            self._carrier.publish(job.id)
            self._sent[job.id] = job.attempt, now
        return len(lost)

    def _was_never_sent(self, job: Job, now: float) -> bool:
        """Since it waits: a new one by the web, one that was given back by us."""
        if job.id in self._sent and self._sent[job.id][0] == job.attempt:
            return False
        return job.attempt > 0 or now - job.created_at > UNPUBLISHED_S
