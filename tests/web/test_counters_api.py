"""What was counted, over the API."""

import pytest

from sightline.records.counters import CounterMinute
from sightline.web.services import Services
from tests.web.callers import Caller, assert_problem

HOUR = 20_000 * 60 * 60  # a whole hour, long ago
PATH = "/api/cameras/default/counters"


def test_counters_come_in_steps(viewer: Caller, parts: Services) -> None:
    first = HOUR // 60
    parts.counters.add_many(
        [CounterMinute("default", "zone", "Till", first + n, n, 1, 0) for n in range(20)]
        + [CounterMinute("default", "line", "Gate", first, 0, 3, 2)]
    )
    answer = viewer.get(f"{PATH}?from={HOUR}&to={HOUR + 3600}&step=600").json
    assert (answer["from"], answer["to"], answer["step"], answer["camera"]) == (HOUR, HOUR + 3600, 600, "default")
    gate, till = answer["counters"]
    assert gate == {"kind": "line", "name": "Gate", "points": [{"at": HOUR, "highest": 0, "arrived": 3, "departed": 2}]}
    assert [(p["at"], p["highest"], p["arrived"]) for p in till["points"]] == [(HOUR, 9, 10), (HOUR + 600, 19, 10)]


def test_without_a_span_it_is_the_last_day(viewer: Caller) -> None:
    answer = viewer.get(PATH).json
    assert answer["to"] - answer["from"] in (86_400, 86_460)
    assert answer["step"] == 900


@pytest.mark.parametrize(
    "query", ["step=90", "step=0", "step=all", "from=5&to=5", "from=9&to=2", "from=nan", "from=0&to=1000000000&step=60", "span=day"]
)
def test_a_span_that_is_none_is_refused(viewer: Caller, query: str) -> None:
    assert_problem(viewer.get(f"{PATH}?{query}"), 422)


def test_only_those_who_see_the_camera_see_its_counts(guest: Caller, nobody: Caller, viewer: Caller) -> None:
    assert_problem(guest.get(PATH), 403, "camera_forbidden")
    assert_problem(nobody.get(PATH), 401)
    assert_problem(viewer.get("/api/cameras/nowhere/counters"), 404)
