"""Tells operators' browsers of jobs that have changed; a thread of the web process."""

import time
from typing import Any

from sightline.errors import SightlineError
from sightline.jobs.telling import job_json
from sightline.records.jobs import Job, Jobs

MOST_WATCHED = 100
"""Of the newest jobs, whose changes are told."""


class JobWatch:
    """Looks for changes."""

    def __init__(self, jobs: Jobs, emit: Any, stop: Any, period_s: float = 1.0) -> None:
        self._jobs = jobs
        self._emit = emit
        self._stop = stop
        self._period_s = period_s
        self._marks: dict[str, tuple[object, ...]] = {}
        self._created: dict[str, float] = {}

    def run(self) -> None:
        """Look once a second until the process ends."""
        self.look(is_first=True)
        while not self._stop.wait(self._period_s):
            self.look()

    def look(self, *, is_first: bool = False) -> None:
        """Tell what has changed since the look before; of the first one nothing."""
        try:
            recent = self._jobs.page(limit=MOST_WATCHED)
        except SightlineError:
            return  # the database is away for a moment; the next look tells the rest
        marks = {job.id: _mark(job) for job in recent}
        for job in () if is_first else recent:
            if self._marks.get(job.id) != marks[job.id]:
                self._emit("job", job_json(job))
        # One that only moved down, below newer ones, is still there.
        oldest = recent[-1].created_at if len(recent) == MOST_WATCHED else 0.0
        for job_id in () if is_first else self._created.keys() - marks.keys():
            if self._created[job_id] > oldest:
                self._emit("job", {"job_id": job_id, "status": "deleted", "at": time.time()})
        self._marks = marks
        self._created = {job.id: job.created_at for job in recent}


def _mark(job: Job) -> tuple[object, ...]:
    """What a browser must hear of when it changes."""
    stages = tuple(stage.state for stage in job.stages)
    return job.state, job.progress, job.attempt, job.is_pinned, job.is_cancel_wanted, job.notices, stages
