"""AWS Lambda: the first stage of a job on one of its clips. Event: `{"job_id", "attempt", "number"}` (from 0).

A clip that cannot be read is left to the machine that makes the whole: it says so in the job's own words.
"""

import logging
import time
from typing import Any

from sightline.errors import JobError, SightlineError, StorageError
from sightline.jobs.remote.serverless import Machine, carry_out_one, machine_settings

log = logging.getLogger(__name__)


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers `{"is_done"}`. Raises: what another call may mend."""
    until = time.time() + context.get_remaining_time_in_millis() / 1000
    try:
        machine = Machine(context.aws_request_id, until)
        carry_out_one(event["job_id"], int(event["attempt"]), int(event["number"]), machine_settings(), machine)
    except SightlineError as err:
        if isinstance(err, JobError | StorageError) and err.is_transient:
            raise
        log.warning("Job %s, clip %s: %s", event["job_id"], event["number"], err.message)
        return {"is_done": False}
    return {"is_done": True}
