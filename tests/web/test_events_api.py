"""The list of events: by camera, kind and time."""

import pytest

from sightline.records.events import Event
from sightline.web.services import Services
from tests.web.callers import Caller, assert_problem

LONG_AGO = 1_000_000_000.0


def test_events_of_a_span_of_time(viewer: Caller, parts: Services) -> None:
    parts.events.add_many([Event("default", "line.crossed", f"{n}", LONG_AGO + n) for n in range(5)])
    answer = viewer.get(f"/api/events?from={LONG_AGO + 1}&to={LONG_AGO + 3}").json
    assert [event["message"] for event in answer["events"]] == ["2", "1"]
    assert viewer.get(f"/api/events?to={LONG_AGO}").json["events"] == []
    crossed = viewer.get(f"/api/events?kind=line.crossed&from={LONG_AGO + 4}&to={LONG_AGO + 100}").json["events"]
    assert [event["message"] for event in crossed] == ["4"]


@pytest.mark.parametrize("query", ["from=yesterday", "to=nan", "from=-1", "to=1e300"])
def test_a_time_that_is_none_is_refused(viewer: Caller, query: str) -> None:
    assert_problem(viewer.get(f"/api/events?{query}"), 422)
