"""Calls of machines of others on which jobs of ours run."""

from typing import Any

from flask_openapi3.models import RawModel

from sightline.web.job_schemas import CallPath
from sightline.web.remote_calls import BODY_MAX_BYTES
from sightline.web.schemas import Done, resource
from sightline.web.services import services

api = resource("remote_calls", __name__, "Calls of machines of others")


class CallBody(RawModel):
    """The same object as RunPod's /status answers."""

    mimetypes = ["application/json"]  # noqa: RUF012


@api.post("/api/v1/webhook/runpod/<token>", responses={200: Done})
def runpod_call(path: CallPath, raw: CallBody) -> dict[str, Any]:
    """RunPod says that a job is over. The job is looked at now; what the call says is not believed."""
    raw.max_content_length = BODY_MAX_BYTES
    services().remote_calls.take("runpod", path.token, raw.get_data(), raw.remote_addr or "")
    return {"success": True, "message": "Thank you."}
