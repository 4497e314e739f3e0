"""Jobs that were handed to machines of others by a carrier that nobody here uses any more: JOB_CARRIER was changed meanwhile."""

import contextlib
import logging

from sightline.records.database import Database
from sightline.records.external_runs import ExternalRuns
from sightline.records.jobs import Jobs, Lost

log = logging.getLogger(__name__)

FORSAKEN_S = 900.0
"""A look that is overdue for so long is made by nobody: those who look after a run do so every minute at least."""


def take_back_forsaken(database: Database, carrier: str, now: float) -> int:
    """Queue them again, for the carrier that is used now; how many. Args: carrier: that one."""
    count = 0
    for run in ExternalRuns(database).forsaken(carrier, now - FORSAKEN_S):
        with contextlib.suppress(Lost):  # another worker was first
            Jobs(database).requeue(run.job_id, run.attempt, "nobody looked after it any more (JOB_CARRIER was changed)", now)
            log.warning("Job %s was handed over with another JOB_CARRIER; it is queued again", run.job_id)
            count += 1
    return count
