"""The outbox table: order within a bucket, states that only go forward."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.errors import Conflict, NotFound
from sightline.records.database import Database
from sightline.records.outbox import NewOutboxItem, OutboxItems, OutboxState


@pytest.fixture
def items(database) -> OutboxItems:
    return OutboxItems(database)


def _new(key: str, bucket: str = "b", size_bytes: int = 10) -> NewOutboxItem:
    return NewOutboxItem(bucket, key, f"{key}.bin", "image/jpeg", "0" * 64, size_bytes)


def test_a_new_item_is_queued(items):
    item = items.add(_new("a"))
    assert (item.state, item.attempts, item.not_before, item.last_error, item.url) == (OutboxState.QUEUED, 0, 0.0, "", "")
    assert items.get(item.id) == item
    assert items.by_key("a") == item
    assert items.by_key("b") is None


def test_the_oldest_comes_first_and_blocks_those_behind_it(items):
    first, second = items.add(_new("1")), items.add(_new("2"))
    assert items.next_due(100.0).id == first.id
    items.mark_retry(first.id, "S3 does not answer", not_before=200.0)
    assert items.next_due(100.0) is None
    assert items.next_due(200.0).id == first.id
    items.mark_delivered(first.id, "http://x", 201.0)
    assert items.next_due(100.0).id == second.id


def test_buckets_do_not_wait_for_each_other(items):
    waiting, other = items.add(_new("1", "wrong")), items.add(_new("2", "right"))
    items.mark_retry(waiting.id, "no bucket", not_before=200.0)
    assert items.next_due(100.0).id == other.id


def test_a_failed_item_lets_the_others_pass_and_comes_back_at_its_place(items):
    first, second = items.add(_new("1")), items.add(_new("2"))
    items.mark_attempt(first.id)
    items.mark_failed(first.id, "damaged")
    assert items.get(first.id).last_error == "damaged"
    assert items.next_due(1.0).id == second.id
    again = items.requeue(first.id)
    assert (again.state, again.attempts, again.not_before) == (OutboxState.QUEUED, 0, 0.0)
    assert items.next_due(1.0).id == first.id


def test_a_delivered_item_is_final(items):
    item = items.add(_new("1"))
    items.mark_retry(item.id, "busy", 5.0)
    items.mark_delivered(item.id, "http://x/1", 7.0)
    items.mark_failed(item.id, "late")
    items.mark_retry(item.id, "late", 9.0)
    items.mark_attempt(item.id)
    done = items.get(item.id)
    assert (done.state, done.url, done.delivered_at, done.last_error, done.attempts) == ("delivered", "http://x/1", 7.0, "", 0)
    with pytest.raises(Conflict):
        items.requeue(item.id)


def test_the_backlog_counts_what_is_queued(items):
    assert (items.backlog().count, items.backlog().size_bytes) == (0, 0)
    kept = [items.add(_new(str(n), size_bytes=2**32)) for n in range(3)]
    items.mark_delivered(kept[0].id, "", 1.0)
    assert (items.backlog().count, items.backlog().size_bytes) == (2, 2**33)


def test_everything_can_be_woken(items):
    item = items.add(_new("1"))
    items.mark_retry(item.id, "no bucket", not_before=1e12)
    items.wake_all()
    assert items.next_due(0.0).id == item.id


def test_pages_are_newest_first(items):
    kept = [items.add(_new(str(n))) for n in range(5)]
    assert [item.id for item in items.list(limit=2)] == [kept[4].id, kept[3].id]
    assert [item.id for item in items.list(limit=2, before_id=kept[3].id)] == [kept[2].id, kept[1].id]


def test_pruning_takes_only_what_was_delivered(items):
    old, new, queued, failed = (items.add(_new(str(n))) for n in range(4))
    items.mark_delivered(old.id, "", 10.0)
    items.mark_delivered(new.id, "", 20.0)
    items.mark_failed(failed.id, "damaged")
    assert items.needed_paths() == {queued.path, failed.path}
    assert items.prune(before=15.0) == 1
    assert {item.id for item in items.list()} == {new.id, queued.id, failed.id}


def test_what_is_not_there_is_not_found(items):
    for ask in (items.get, items.requeue):
        with pytest.raises(NotFound) as caught:
            ask(99)
        assert caught.value.code == "upload_not_found"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["deliver", "retry", "fail"])), max_size=10))
def test_whatever_happens_each_bucket_is_delivered_in_order(tmp_path_factory, script):
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('db')}/x.db")
    database.migrate()
    items = OutboxItems(database)
    outcome = {items.add(_new(str(n), bucket)).id: what for n, (bucket, what) in enumerate(script)}
    delivered: dict[str, list[int]] = {"a": [], "b": []}
    now = 0.0
    while items.backlog().count:
        now += 1.0
        item = items.next_due(now)
        assert item is not None
        if outcome[item.id] == "retry":
            outcome[item.id] = "deliver"
            items.mark_retry(item.id, "busy", now)
        elif outcome[item.id] == "fail":
            items.mark_failed(item.id, "damaged")
        else:
            items.mark_delivered(item.id, "", now)
            delivered[item.bucket].append(item.id)
    assert all(ids == sorted(ids) for ids in delivered.values())
    assert now == len(script) + sum(what == "retry" for _, what in script)
    database.close()
