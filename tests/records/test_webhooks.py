"""Addresses that hear of ended jobs, and the messages for them."""

import time

import pytest

from sightline.errors import Conflict, NotFound
from sightline.records.webhooks import MOST_WEBHOOKS, DeliveryState, Webhooks

URL = "https://example.org/hook"


@pytest.fixture
def webhooks(database) -> Webhooks:
    return Webhooks(database)


@pytest.fixture
def webhook(webhooks):
    return webhooks.add(URL, "whsec_c2VjcmV0")


def only(webhooks, webhook):
    (delivery,) = webhooks.deliveries(webhook.id)
    return delivery


def test_nobody_prints_an_address_or_a_secret(webhook):
    assert "example" not in repr(webhook) and "c2VjcmV0" not in repr(webhook)


def test_an_address_is_entered_once(webhooks, webhook):
    with pytest.raises(Conflict) as refused:
        webhooks.add(URL, "whsec_b3RoZXI=")
    assert refused.value.code == "webhook_known"
    assert [one.id for one in webhooks.list()] == [webhook.id]


def test_there_is_a_most(webhooks):
    for number in range(MOST_WEBHOOKS):
        webhooks.add(f"{URL}/{number}", "whsec_")
    with pytest.raises(Conflict) as refused:
        webhooks.add(URL, "whsec_")
    assert refused.value.code == "too_many_webhooks"


def test_a_claimed_message_is_nobody_elses_until_the_claim_runs_out(webhooks, webhook):
    webhooks.enter(webhook.id, {"msg_1": "{}"}, now=100)
    assert webhooks.due(99) == () and webhooks.due(100) == (webhook.id,)
    claimed = webhooks.claim(webhook.id, 100, until=220)
    assert claimed is not None and (claimed.message_id, claimed.tries) == ("msg_1", 1)
    assert webhooks.claim(webhook.id, 219, until=400) is None
    again = webhooks.claim(webhook.id, 220, until=400)
    assert again is not None and again.tries == 2
    # The first sender comes back late: what the second one does counts.
    webhooks.settle(claimed, DeliveryState.DELIVERED, "late")
    assert only(webhooks, webhook).state == DeliveryState.WAITING
    webhooks.settle(again, DeliveryState.DELIVERED, "It answered 200.")
    assert (only(webhooks, webhook).state, only(webhooks, webhook).answer) == (DeliveryState.DELIVERED, "It answered 200.")
    assert webhooks.due(10**10) == ()


def test_a_message_is_entered_once(webhooks, webhook):
    webhooks.enter(webhook.id, {"msg_1": "{}"}, now=100)
    assert webhooks.known_messages(webhook.id, 100) == {"msg_1"}
    assert webhooks.known_messages(webhook.id, 101) == frozenset()
    with pytest.raises(Conflict):
        webhooks.enter(webhook.id, {"msg_0": "{}", "msg_1": "{}"}, now=101)
    assert only(webhooks, webhook).message_id == "msg_1"


def test_switching_off_gives_up_what_waits(webhooks, webhook):
    webhooks.enter(webhook.id, {"msg_1": "{}"}, now=100)
    webhooks.switch(webhook.id, False)
    assert (only(webhooks, webhook).state, webhooks.due(10**10)) == (DeliveryState.FAILED, ())
    with pytest.raises(Conflict) as refused:
        webhooks.send_anew(webhook.id, only(webhooks, webhook).id, 100)
    assert refused.value.code == "webhook_off"
    before = time.time()
    assert webhooks.switch(webhook.id, True).listens_since >= before
    assert webhooks.send_anew(webhook.id, only(webhooks, webhook).id, 100).state == DeliveryState.WAITING
    assert webhooks.due(100) == (webhook.id,)


def test_deliveries_come_in_pages_and_go_with_their_address(webhooks, webhook):
    webhooks.enter(webhook.id, {f"msg_{n}": "{}" for n in range(5)}, now=100)
    first = webhooks.deliveries(webhook.id, limit=3)
    rest = webhooks.deliveries(webhook.id, limit=3, before_id=first[-1].id)
    assert [one.message_id for one in (*first, *rest)] == ["msg_4", "msg_3", "msg_2", "msg_1", "msg_0"]
    assert webhooks.counts() == {webhook.id: {"waiting": 5}}
    webhooks.delete(webhook.id)
    assert webhooks.counts() == {}
    with pytest.raises(NotFound):
        webhooks.deliveries(webhook.id)


def test_old_ones_are_forgotten_unless_they_wait(webhooks, webhook):
    webhooks.enter(webhook.id, {"msg_old": "{}"}, now=100)
    claimed = webhooks.claim(webhook.id, 100, until=200)
    assert claimed is not None
    webhooks.settle(claimed, DeliveryState.FAILED, "gone")
    webhooks.enter(webhook.id, {"msg_waits": "{}"}, now=100)
    assert webhooks.prune(101) == 1
    assert only(webhooks, webhook).message_id == "msg_waits"
