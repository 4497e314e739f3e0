"""Addresses of others that hear of ended jobs, and the messages for them. The web adds addresses, the worker sends.

A message is entered once per address and end of a job (its id is made of both), and is claimed for a while by whoever sends it:
what a crash cuts off is sent again, under the same id.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.orm import Session

from sightline.errors import Conflict, NotFound
from sightline.records.database import Database
from sightline.records.models import WebhookDeliveryRow, WebhookRow

MOST_WEBHOOKS = 20


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One address."""

    id: int
    url: str = field(repr=False)
    """Such addresses often hold a secret of the receiver's; show it with `redact` only."""
    secret: str = field(repr=False)
    """`whsec_…`"""
    is_on: bool
    listens_since: float
    """Epoch seconds: of jobs that ended before, it is not told."""
    created_at: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one address."""

    id: int
    webhook_id: int
    message_id: str
    body: str = field(repr=False)
    state: DeliveryState
    tries: int
    next_at: float
    """Epoch seconds of the next try, while it waits."""
    answer: str
    """What came of the last try, in words."""
    created_at: float


class Webhooks:
    """Repository of addresses and deliveries; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, url: str, secret: str) -> Webhook:
        """Raises: Conflict: `webhook_known`, `too_many_webhooks`."""
        with self._database.transaction() as session:
            known = set(session.scalars(select(WebhookRow.url)))
            if url in known:
                raise Conflict("This address hears of ended jobs already.", code="webhook_known", field="url")
            if len(known) >= MOST_WEBHOOKS:
                raise Conflict(f"There are {MOST_WEBHOOKS} webhooks already. Delete one first.", code="too_many_webhooks")
            now = time.time()
            row = WebhookRow(url=url, secret=secret, is_on=True, listens_since=now, created_at=now)
            session.add(row)
            session.flush()
            return _webhook(row)

    def list(self) -> tuple[Webhook, ...]:
        """All of them, the oldest first."""
        with self._database.reading() as session:
            return tuple(_webhook(row) for row in session.scalars(select(WebhookRow).order_by(WebhookRow.id)))

    def get(self, webhook_id: int) -> Webhook:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _webhook(_row(session, webhook_id))

    def switch(self, webhook_id: int, is_on: bool, why: str = "It was switched off.") -> Webhook:
        """Switch it on, for jobs that end from now on; or off, which gives up what still waits. Raises: NotFound."""
        with self._database.transaction() as session:
            row = _row(session, webhook_id)
            if is_on and not row.is_on:
                row.listens_since = time.time()
            row.is_on = is_on
            if not is_on:
                waiting = _of(webhook_id, DeliveryState.WAITING)
                session.execute(update(WebhookDeliveryRow).where(*waiting).values(state=DeliveryState.FAILED, answer=why))
            session.flush()
            return _webhook(row)

    def delete(self, webhook_id: int) -> None:
        """With all its messages. Raises: NotFound."""
        with self._database.transaction() as session:
            session.delete(_row(session, webhook_id))

    # Deliveries

    def enter(self, webhook_id: int, messages: Mapping[str, str], now: float) -> None:
        """Enter the bodies of new messages by their ids, to be sent at once.

        Raises: Conflict: the address is gone, or another process entered one of them just now.
        """
        rows = [
            WebhookDeliveryRow(
                webhook_id=webhook_id, message_id=message_id, body=body, state=DeliveryState.WAITING, tries=0, next_at=now,
                answer="", created_at=now,
            )
            for message_id, body in messages.items()
        ]  # fmt: skip
        with self._database.transaction() as session:
            session.add_all(rows)

    def known_messages(self, webhook_id: int, since: float) -> frozenset[str]:
        """Ids of the messages that were entered for it since then (epoch s)."""
        query = select(WebhookDeliveryRow.message_id).where(
            WebhookDeliveryRow.webhook_id == webhook_id, WebhookDeliveryRow.created_at >= since
        )
        with self._database.reading() as session:
            return frozenset(session.scalars(query))

    def due(self, now: float) -> tuple[int, ...]:
        """The addresses, switched on, for which a message is due."""
        query = (
            select(WebhookDeliveryRow.webhook_id)
            .join(WebhookRow, WebhookRow.id == WebhookDeliveryRow.webhook_id)
            .where(WebhookDeliveryRow.state == DeliveryState.WAITING, WebhookDeliveryRow.next_at <= now, WebhookRow.is_on.is_(True))
            .distinct()
        )
        with self._database.reading() as session:
            return tuple(session.scalars(query))

    def claim(self, webhook_id: int, now: float, until: float) -> Delivery | None:
        """Take the message for this address that has been due longest, and count the try; nobody else takes it before `until`."""
        query: Select[WebhookDeliveryRow] = (
            select(WebhookDeliveryRow)
            .where(*_of(webhook_id, DeliveryState.WAITING), WebhookDeliveryRow.next_at <= now)
            .order_by(WebhookDeliveryRow.next_at, WebhookDeliveryRow.id)
            .limit(1)
        )
        with self._database.transaction() as session:
            row = session.scalar(query.with_for_update(skip_locked=True))
            if row is None:
                return None
            row.tries, row.next_at = row.tries + 1, until
            session.flush()
            return _delivery(row)

    def settle(self, delivery: Delivery, state: DeliveryState, answer: str, next_at: float = 0.0) -> None:
        """Write down what came of a try; nothing when the message is gone, or was sent anew meanwhile."""
        values = {"state": state, "answer": answer, "next_at": next_at}
        still = (WebhookDeliveryRow.id == delivery.id, WebhookDeliveryRow.tries == delivery.tries)
        with self._database.transaction() as session:
            session.execute(update(WebhookDeliveryRow).where(*still).values(**values))

    def send_anew(self, webhook_id: int, delivery_id: int, now: float) -> Delivery:
        """Send a message once more, under its old id, with all its tries. Raises: NotFound, Conflict (`webhook_off`)."""
        with self._database.transaction() as session:
            webhook, row = _row(session, webhook_id), session.get(WebhookDeliveryRow, delivery_id)
            if row is None or row.webhook_id != webhook_id:
                raise NotFound("There is no such delivery.", code="delivery_not_found")
            if not webhook.is_on:
                raise Conflict("The webhook is switched off. Switch it on first.", code="webhook_off")
            row.state, row.tries, row.next_at = DeliveryState.WAITING, 0, now
            session.flush()
            return _delivery(row)

    def deliveries(self, webhook_id: int, limit: int = 50, before_id: int | None = None) -> tuple[Delivery, ...]:
        """Newest first. Raises: NotFound."""
        query = select(WebhookDeliveryRow).where(WebhookDeliveryRow.webhook_id == webhook_id)
        if before_id is not None:
            query = query.where(WebhookDeliveryRow.id < before_id)
        with self._database.reading() as session:
            _row(session, webhook_id)
            rows = session.scalars(query.order_by(WebhookDeliveryRow.id.desc()).limit(limit))
            return tuple(_delivery(row) for row in rows)

    def counts(self) -> dict[int, dict[str, int]]:
        """By address: how many messages are in each state."""
        query = select(WebhookDeliveryRow.webhook_id, WebhookDeliveryRow.state, func.count())
        found: dict[int, dict[str, int]] = {}
        with self._database.reading() as session:
            for webhook_id, state, count in session.execute(
                query.group_by(WebhookDeliveryRow.webhook_id, WebhookDeliveryRow.state)
            ):
                found.setdefault(webhook_id, {})[state] = count
        return found

    def prune(self, before: float) -> int:
        """Delete what was entered before that time and does not wait any more; how many."""
        old = (WebhookDeliveryRow.created_at < before, WebhookDeliveryRow.state != DeliveryState.WAITING)
        with self._database.transaction() as session:
            return len(session.scalars(delete(WebhookDeliveryRow).where(*old).returning(WebhookDeliveryRow.id)).all())


def _of(webhook_id: int, state: DeliveryState) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return WebhookDeliveryRow.webhook_id == webhook_id, WebhookDeliveryRow.state == state


def _row(session: Session, webhook_id: int) -> WebhookRow:
    row = session.get(WebhookRow, webhook_id)
    if row is None:
        raise NotFound("There is no such webhook.", code="webhook_not_found")
    return row


def _webhook(row: WebhookRow) -> Webhook:
    return Webhook(row.id, row.url, row.secret, row.is_on, row.listens_since, row.created_at)


def _delivery(row: WebhookDeliveryRow) -> Delivery:
    return Delivery(
        row.id,
        row.webhook_id,
        row.message_id,
        row.body,
        DeliveryState(row.state),
        row.tries,
        row.next_at,
        row.answer,
        row.created_at,
    )
