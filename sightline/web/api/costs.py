"""What every filter and analyzer costs on this machine."""

from typing import Any

from sightline.web.schemas import StageCosts, resource
from sightline.web.services import services

api = resource("costs", __name__, "What filters and analyzers cost on this machine")


@api.get("/api/stage_costs", responses={200: StageCosts})
def get_costs() -> dict[str, Any]:
    """By stage: processor time of a look, share of a core, memory; measured before it ran, corrected while it runs."""
    return services().catalogue.costs()


@api.post("/api/stage_costs/measure", responses={202: StageCosts})
def measure() -> tuple[dict[str, Any], int]:
    """Measure all stages anew in the background; it takes a minute or two."""
    return services().catalogue.measure_costs(), 202
