"""AWS Lambda: a video that comes into the bucket of videos becomes a job of S3_EVENT_KIND. Event: an S3 event notification."""

import logging
from typing import Any

from sightline.errors import SightlineError, StorageError
from sightline.jobs.remote.arrivals import Arrivals, arrivals_of
from sightline.jobs.remote.serverless import machine_settings

log = logging.getLogger(__name__)


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answers `{"jobs": [id]}`. Raises: StorageError: what another call may mend, when all other objects have been seen to."""
    jobs, again = [], None
    arrivals = Arrivals(machine_settings())
    for arrival in arrivals_of(event):
        try:
            jobs.append(arrivals.take(arrival))
        except StorageError as err:
            again = err
        except SightlineError as err:
            log.error("%s becomes no job: %s", arrival.key, err.message)
    if again is not None:
        raise again
    return {"jobs": [job_id for job_id in jobs if job_id]}
