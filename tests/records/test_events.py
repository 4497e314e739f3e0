"""Events: pages, filters, pruning."""

import pytest

from sightline.records import events as module
from sightline.records.events import Event, Events


@pytest.fixture
def events(database) -> Events:
    return Events(database)


def _event(camera: str, kind: str = "motion.started", at: float = 0.0) -> Event:
    return Event(camera, kind, "words", at)


def test_an_event_is_kept_whole(events):
    kept = events.add(Event("door", "camera.lost", "No answer", 1700000000.25, 2**40, {"code": "timeout", "tries": 3}))
    assert kept.id is not None
    assert events.list() == (kept,)


def test_many_get_ids_in_their_order(events):
    kept = events.add_many([_event("a", at=float(n)) for n in range(10)])
    assert [event.at for event in kept] == [float(n) for n in range(10)]
    ids = [event.id for event in kept]
    assert ids == sorted(ids)
    assert events.add_many([]) == ()


def test_pages_go_back_in_time_without_gap_or_repeat(events):
    kept = events.add_many([_event("a") for _ in range(7)])
    seen: list[Event] = []
    before = None
    while page := events.list(limit=3, before_id=before):
        seen += page
        before = page[-1].id
    assert tuple(seen) == kept[::-1]


def test_filters_combine(events):
    events.add_many([_event("a"), _event("a", "camera.lost"), _event("b"), _event("c", "camera.lost")])
    assert {event.camera_id for event in events.list(kind="camera.lost")} == {"a", "c"}
    assert len(events.list(camera="a")) == 2
    assert len(events.list(camera="a", kind="camera.lost")) == 1
    assert {event.camera_id for event in events.list(among=("b", "c"))} == {"b", "c"}
    assert events.list(camera="a", among=("b",)) == ()
    assert events.list(among=()) == ()


@pytest.mark.parametrize(
    ("between", "times"), [((2.0, 4.0), [3.0, 2.0]), ((None, 1.0), [0.0]), ((4.0, None), [4.0]), ((3.0, 3.0), [])]
)
def test_a_span_of_time_includes_its_beginning_only(events, between, times):
    events.add_many([_event("a", at=float(n)) for n in range(5)])
    assert [event.at for event in events.list(between=between)] == times


def test_old_ones_go_in_several_batches(events, monkeypatch):
    monkeypatch.setattr(module, "PRUNE_BATCH", 3)
    events.add_many([_event("a", at=float(n)) for n in range(10)])
    assert events.prune(before=8.0) == 8
    assert [event.at for event in events.list()] == [9.0, 8.0]
    assert events.prune(before=8.0) == 0


def test_the_newest_event_of_each_person(events):
    def seen(camera: str, who: int | None, kind: str = "face.recognised") -> Event:
        return Event(camera, kind, "words", 0.0, facts={} if who is None else {"identity": who})

    kept = events.add_many(
        [seen("a", 1), seen("b", 1), seen("a", 2), seen("b", 2, "other"), seen("a", None), seen("b", 31), seen("c", 2)]
    )
    newest = events.newest_by_fact("face.recognised", "identity")
    assert newest == {1: kept[1], 2: kept[6], 31: kept[5]}
    assert events.newest_by_fact("face.recognised", "identity", among=("a",)) == {1: kept[0], 2: kept[2]}
    assert events.newest_by_fact("face.recognised", "identity", among=()) == {}


def test_the_events_of_one_person_are_deleted_and_no_others(events):
    events.add_many([Event("a", kind, "words", 0.0, facts={"identity": who}) for who in (1, 11, 1) for kind in ("x.y", "z.z")])
    assert events.delete_with_fact("x.y", "identity", 1) == 2
    assert sorted((event.kind, event.facts["identity"]) for event in events.list()) == [
        ("x.y", 11), ("z.z", 1), ("z.z", 1), ("z.z", 11),
    ]  # fmt: skip
    assert events.delete_with_fact("x.y", "identity", 1) == 0
