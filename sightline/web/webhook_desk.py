"""Webhooks for admins: which addresses hear of ended jobs, and what was sent to them. Called by request threads.

The worker sends; here addresses are entered and deliveries looked at. A secret leaves the server once, in the answer that made it.
"""

import time
from typing import Any

from sightline.jobs.webhooks import EVENTS, enter_test, new_secret, read_url
from sightline.media.address import AddressPolicy, redact
from sightline.records.database import Database
from sightline.records.webhooks import Delivery, Webhook, Webhooks


class WebhookDesk:
    """The addresses of this installation."""

    def __init__(self, database: Database, policy: AddressPolicy) -> None:
        self._webhooks = Webhooks(database)
        self._policy = policy

    def list(self) -> dict[str, Any]:
        """All of them, with how much was sent and waits; and the events that they hear of."""
        counts = self._webhooks.counts()
        return {"webhooks": [_view(one, counts.get(one.id, {})) for one in self._webhooks.list()], "events": list(EVENTS)}

    def add(self, url: str) -> dict[str, Any]:
        """The new one with its secret. Raises: Invalid, Forbidden, SourceError (its name is unknown), Conflict."""
        address = read_url(url)
        self._policy.check_host(address.host)
        webhook = self._webhooks.add(address.url(), new_secret())
        return {**_view(webhook, {}), "secret": webhook.secret}

    def switch(self, webhook_id: int, is_on: bool) -> dict[str, Any]:
        """Raises: NotFound."""
        webhook = self._webhooks.switch(webhook_id, is_on)
        return _view(webhook, self._webhooks.counts().get(webhook_id, {}))

    def delete(self, webhook_id: int) -> None:
        """Raises: NotFound."""
        self._webhooks.delete(webhook_id)

    def test(self, webhook_id: int) -> str:
        """Have a test message sent; its id. Raises: NotFound, Conflict."""
        return enter_test(self._webhooks, webhook_id)

    def deliveries(self, webhook_id: int, limit: int, before_id: int | None) -> dict[str, Any]:
        """Newest first; `next` is the `before` of the next page. Raises: NotFound."""
        found = self._webhooks.deliveries(webhook_id, limit, before_id)
        return {"deliveries": [_delivery_view(one) for one in found], "next": found[-1].id if len(found) == limit else None}

    def send_anew(self, webhook_id: int, delivery_id: int) -> dict[str, Any]:
        """Raises: NotFound, Conflict (it is switched off)."""
        return _delivery_view(self._webhooks.send_anew(webhook_id, delivery_id, time.time()))


def _view(webhook: Webhook, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "id": webhook.id, "url": redact(webhook.url), "is_on": webhook.is_on, "created_at": webhook.created_at,
        **{state: counts.get(state, 0) for state in ("delivered", "waiting", "failed")},
    }  # fmt: skip


def _delivery_view(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id, "message_id": delivery.message_id, "state": str(delivery.state), "tries": delivery.tries,
        "next_at": delivery.next_at if delivery.state == "waiting" else None, "answer": delivery.answer,
        "created_at": delivery.created_at, "body": delivery.body,
    }  # fmt: skip
