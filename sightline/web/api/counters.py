"""What a camera has counted over hours and days."""

import math
import time
from dataclasses import asdict
from typing import Any

from sightline.errors import Invalid
from sightline.records.counters import MINUTE_S
from sightline.web.schemas import CameraPath, Counted, CountersQuery, resource
from sightline.web.services import services

MOST_STEPS = 2_000
DAY_S = 86_400

api = resource("counters", __name__, "What was counted over time")


@api.get("/api/cameras/<camera_id>/counters", responses={200: Counted})
def camera_counters(path: CameraPath, query: CountersQuery) -> dict[str, Any]:
    """Zones, lines and classes in steps of time. The span is widened to whole minutes; a minute shows up when it is over."""
    services().desk.get(path.camera_id)
    first, last = _minutes(query)
    if query.step % MINUTE_S:
        raise Invalid("step must be a multiple of 60 seconds.", code="wrong_value", field="step")
    step = query.step // MINUTE_S
    if last - first > MOST_STEPS * step:
        raise Invalid(
            f"That would be more than {MOST_STEPS} steps. Ask for longer steps or less time.", code="out_of_range", field="step"
        )
    series = services().counters.series(path.camera_id, first, last, step)
    return {
        "camera": path.camera_id, "from": first * MINUTE_S, "to": last * MINUTE_S, "step": query.step,
        "counters": [asdict(one) for one in series],
    }  # fmt: skip


def _minutes(query: CountersQuery) -> tuple[int, int]:
    to_s = time.time() if query.to_at is None else query.to_at
    from_s = to_s - DAY_S if query.from_at is None else query.from_at
    if from_s >= to_s:
        raise Invalid("from must be before to.", code="out_of_range", field="from")
    return max(0, int(from_s // MINUTE_S)), math.ceil(to_s / MINUTE_S)
