"""Webhooks: other programs that hear of ended jobs."""

from typing import Any

from sightline.web.schemas import (
    DeliveryPath,
    Done,
    NewWebhook,
    PageQuery,
    WebhookChange,
    WebhookDeliveries,
    WebhookDelivery,
    WebhookList,
    WebhookMade,
    WebhookPath,
    WebhookView,
    resource,
)
from sightline.web.services import services

api = resource("webhooks", __name__, "Messages to other programs when a job ends, signed as Standard Webhooks has them")


@api.get("/api/v1/webhooks", responses={200: WebhookList})
def list_webhooks() -> dict[str, Any]:
    """The addresses that hear of ended jobs."""
    return services().webhooks.list()


@api.post("/api/v1/webhooks", responses={201: WebhookMade})
def add_webhook(body: NewWebhook) -> tuple[dict[str, Any], int]:
    """Add an address. The answer holds the secret that signs its messages, this once."""
    return services().webhooks.add(body.url), 201


@api.patch("/api/v1/webhooks/<webhook_id>", responses={200: WebhookView})
def change_webhook(path: WebhookPath, body: WebhookChange) -> dict[str, Any]:
    """Switch it on or off. Jobs that end while it is off are not told."""
    return services().webhooks.switch(path.webhook_id, body.is_on)


@api.delete("/api/v1/webhooks/<webhook_id>", responses={200: Done})
def delete_webhook(path: WebhookPath) -> dict[str, Any]:
    """Delete an address and its deliveries."""
    services().webhooks.delete(path.webhook_id)
    return {"success": True, "message": "The webhook is deleted."}


@api.post("/api/v1/webhooks/<webhook_id>/test", responses={202: Done})
def test_webhook(path: WebhookPath) -> tuple[dict[str, Any], int]:
    """Send a test message; what came of it stands in the deliveries."""
    message_id = services().webhooks.test(path.webhook_id)
    return {"success": True, "message_id": message_id, "message": "The test is on its way."}, 202


@api.get("/api/v1/webhooks/<webhook_id>/deliveries", responses={200: WebhookDeliveries})
def list_deliveries(path: WebhookPath, query: PageQuery) -> dict[str, Any]:
    """What was sent to it, newest first. `next` is the `before` of the next page."""
    return services().webhooks.deliveries(path.webhook_id, query.limit, query.before)


@api.post("/api/v1/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver", responses={202: WebhookDelivery})
def redeliver(path: DeliveryPath) -> tuple[dict[str, Any], int]:
    """Send a message once more, under the same `webhook-id`."""
    return services().webhooks.send_anew(path.webhook_id, path.delivery_id), 202
