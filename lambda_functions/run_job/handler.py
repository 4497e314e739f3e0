"""AWS Lambda: carries out a whole job whose payload lies in the bucket of results. Event: `{"job_id", "attempt", "is_movable"}`.

`is_movable` (false when absent): a job for which the function has not enough time or room raises `Movable` instead of ending.
"""

import time
from typing import Any

from sightline.jobs.remote.serverless import Machine, carry_out_described, machine_settings


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers `{"state"}`; a job that failed is an answer as well. Raises: what another call may mend."""
    until = time.time() + context.get_remaining_time_in_millis() / 1000
    machine = Machine(context.aws_request_id, until, bool(event.get("is_movable")))
    result = carry_out_described(event["job_id"], int(event["attempt"]), machine_settings(), machine)
    return {"state": str(result.state)}
