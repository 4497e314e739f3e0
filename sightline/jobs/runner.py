"""Takes waiting jobs from the database and runs each in a process of its own; in threads of the worker or of Celery."""

import logging
import os
import socket
import threading
import time

from sightline.jobs.attempt import run_claimed
from sightline.records.database import Database
from sightline.records.jobs import Jobs
from sightline.settings import Settings

log = logging.getLogger(__name__)


class Runner:
    """Called by a worker: `work` by one thread per slot, again and again; `reap` now and then. Thread-safe."""

    def __init__(self, settings: Settings, database: Database, kept_for: str | None = None) -> None:
        """Args: kept_for: as for `Jobs.claim`."""
        self._settings = settings
        self._kept_for = kept_for
        self._jobs = Jobs(database)
        self._owner = f"{socket.gethostname()}:{os.getpid()}"

    def work(self, stop: threading.Event, job_id: str = "") -> bool:
        """Run the job that is due (or `job_id`, when it is), to its end; False when none is."""
        owner = f"{self._owner}:{threading.get_ident()}"[:80]
        job = self._jobs.claim(owner, self._settings.job_lease_s, time.time(), job_id, kept_for=self._kept_for)
        if job is None:
            return False
        run_claimed(job, self._settings, self._jobs, stop)
        return True

    def reap(self) -> None:
        """Give back the jobs of workers that are gone."""
        for job in self._jobs.reap(time.time()):
            log.warning("Job %s was lost by its worker and is %s now", job.id, job.state)
