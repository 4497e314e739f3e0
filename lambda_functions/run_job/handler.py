"""AWS Lambda: carries out a whole job whose payload lies in the bucket of results. Event: `{"job_id", "attempt"}`."""

import time
from typing import Any

from sightline.jobs.remote.serverless import carry_out_described
from sightline.settings import Settings


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers `{"state", "error"}`; a job that failed is an answer as well. Raises: what another call may mend."""
    until = time.time() + context.get_remaining_time_in_millis() / 1000
    result = carry_out_described(event["job_id"], int(event["attempt"]), Settings.from_env(), until, context.aws_request_id)
    return {"state": str(result.state), "error": result.error}
