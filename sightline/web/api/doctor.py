"""The system check: what this installation has, what that changes, and what to do."""

from typing import Any

from sightline.web.schemas import SystemQuery, SystemReport, resource
from sightline.web.services import services

api = resource("doctor", __name__, "What is installed, and what that changes")


@api.get("/api/v1/doctor", responses={200: SystemReport})
def get_doctor(query: SystemQuery) -> dict[str, Any]:
    """Every part in sentences: ok, could be better, or wrong. Kept for ten seconds unless `fresh` is asked for."""
    return services().doctor.report(is_fresh=query.fresh)
