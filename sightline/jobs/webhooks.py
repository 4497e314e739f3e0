"""Tells other programs that a job has ended: signed messages as Standard Webhooks has them, each at least once.

A duty of the worker. `enter` finds the jobs that ended without a message and writes one for each address; so whoever ended the job
(its own process, a reaper, the web) need not think of it, and a crash in between loses nothing. `send_due` gives each address a
thread of its own while there is something to send, so that a slow one delays nobody else. A receiver knows what it has had
already by the header `webhook-id`, which stays the same over all tries.
"""

import base64
import hashlib
import hmac
import json
import logging
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from urllib.parse import urlsplit

import httpx

from sightline import __version__
from sightline.errors import Conflict, Invalid, NotFound, SightlineError
from sightline.jobs.telling import job_json
from sightline.media.address import AddressPolicy, SourceAddress, parse_source, redact
from sightline.records.database import Database
from sightline.records.jobs import Job, Jobs
from sightline.records.webhooks import Delivery, DeliveryState, Webhook, Webhooks
from sightline.settings import Settings

log = logging.getLogger(__name__)

EVENTS = ("job.succeeded", "job.failed", "job.cancelled", "job.timed_out", "job.expired")
RETRY_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0)
"""Pauses before the second and every further try; after the last one it is given up."""
CLAIM_S = 120.0
"""A try that was cut off is made again after this long."""
CONNECT_S, ANSWER_S = 5.0, 15.0
LOOK_BACK_S = 3 * 86_400.0
"""Jobs that ended before a worker's start are told of when it was not longer ago than this."""
OVERLAP_S = 3600.0
"""Ends are looked for again this long: clocks of several machines differ, and a slow transaction shows an old time."""
KEEP_S = 30 * 86_400.0
MOST_OUTPUTS = 100
ANSWER_CHARS = 200
GONE = 410
SECRET_PREFIX = "whsec_"
TOLD = (
    "job_id", "kind", "status", "inputs", "notices", "attempt", "created_at", "started_at", "completed_at",
)  # fmt: skip
"""Of JobJson. Not the parameters: they may hold what is nobody else's."""


class WebhookSender:
    """Enters and sends. `work` is called by one thread of a worker, again and again; several workers do no harm."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._webhooks = Webhooks(database)
        self._jobs = Jobs(database)
        self._policy = AddressPolicy.from_settings(settings)
        self._clock = clock
        self._since = clock() - LOOK_BACK_S
        self._senders: dict[int, threading.Thread] = {}

    def work(self, stop: threading.Event) -> None:
        """Enter what has ended, and see that what is due is being sent."""
        self.enter()
        self.send_due(stop)

    def enter(self) -> None:
        """Write a message for each address that is on and each job that ended without one."""
        now = self._clock()
        webhooks = [webhook for webhook in self._webhooks.list() if webhook.is_on]
        ended = self._jobs.ended_since(self._since) if webhooks else {}
        for webhook in webhooks:
            known = self._webhooks.known_messages(webhook.id, self._since - OVERLAP_S)
            new = {
                message_id: job_id
                for job_id, ended_at in ended.items()
                if ended_at >= webhook.listens_since and (message_id := message_id_of(job_id, ended_at)) not in known
            }
            if new:
                self._enter(webhook, new, now)
        self._since = max(self._since, now - OVERLAP_S)

    def send_due(self, stop: threading.Event) -> None:
        """Start a thread for each address that something is due for and that has none."""
        self._senders = {webhook_id: thread for webhook_id, thread in self._senders.items() if thread.is_alive()}
        for webhook_id in self._webhooks.due(self._clock()):
            if webhook_id in self._senders:
                continue
            thread = threading.Thread(target=self._send_all, args=(webhook_id, stop), name=f"webhook-{webhook_id}", daemon=True)
            self._senders[webhook_id] = thread
            thread.start()

    def prune(self) -> None:
        """Forget what was sent, or given up, long ago."""
        self._webhooks.prune(self._clock() - KEEP_S)

    def _enter(self, webhook: Webhook, job_ids: dict[str, str], now: float) -> None:
        messages = {}
        for message_id, job_id in job_ids.items():
            try:
                job = self._jobs.get(job_id)
            except NotFound:  # deleted since we looked
                continue
            if job.ended_at is not None and message_id == message_id_of(job.id, job.ended_at):
                messages[message_id] = message_of(job)
        try:
            self._webhooks.enter(webhook.id, messages, now)
        except Conflict:
            log.debug("Messages for webhook %d were entered by another worker", webhook.id)

    def _send_all(self, webhook_id: int, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                now = self._clock()
                delivery = self._webhooks.claim(webhook_id, now, now + CLAIM_S)
                if delivery is None:
                    return
                self._send(self._webhooks.get(webhook_id), delivery)
        except SightlineError as err:
            log.warning("Webhook %d: %s", webhook_id, err.message)

    def _send(self, webhook: Webhook, delivery: Delivery) -> None:
        status, answer = post(webhook, delivery, self._policy, int(self._clock()))
        answer = answer[:ANSWER_CHARS]
        if status == GONE:
            self._webhooks.settle(delivery, DeliveryState.FAILED, answer)
            why = "The address said that it is gone (410), so the webhook was switched off."
            self._webhooks.switch(webhook.id, False, why)
            log.warning("Webhook %d: %s", webhook.id, why)
        elif 200 <= status < 300:
            self._webhooks.settle(delivery, DeliveryState.DELIVERED, answer)
        elif delivery.tries > len(RETRY_S):
            self._webhooks.settle(delivery, DeliveryState.FAILED, answer)
            log.warning("Webhook %d: message %s is given up: %s", webhook.id, delivery.message_id, answer)
        else:
            next_at = self._clock() + RETRY_S[delivery.tries - 1]
            self._webhooks.settle(delivery, DeliveryState.WAITING, answer, next_at)


def message_id_of(job_id: str, ended_at: float) -> str:
    """The same for all tries; another one when the job was tried again and ended again."""
    return f"msg_{job_id}_{int(ended_at * 1000)}"


def message_of(job: Job) -> str:
    """The body that tells of an ended job."""
    told = job_json(job)
    error = {name: redact(str(job.error.get(name, ""))) for name in ("code", "message", "stage")} if job.error else None
    data = {name: told[name] for name in TOLD} | {"outputs": told["outputs"][:MOST_OUTPUTS], "error": error}
    return _body(f"job.{job.state}", job.ended_at or 0.0, data)


def enter_test(webhooks: Webhooks, webhook_id: int) -> str:
    """Have a message sent that tells of nothing; its id. Raises: NotFound, Conflict (`webhook_off`)."""
    if not webhooks.get(webhook_id).is_on:
        raise Conflict("The webhook is switched off. Switch it on first.", code="webhook_off")
    now, message_id = time.time(), f"msg_test_{secrets.token_hex(12)}"
    data = {"message": "This is a test. Messages about ended jobs look like this one."}
    webhooks.enter(webhook_id, {message_id: _body("webhook.test", now, data)}, now)
    return message_id


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """The header `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def read_url(url: str) -> SourceAddress:
    """Take the address of a webhook apart. Raises: Invalid (`bad_url`)."""
    words = "Write the address as https://host/path."
    try:
        address = parse_source(url)
    except Invalid as err:
        raise Invalid(words, code="bad_url", field="url") from err
    if address.scheme not in ("http", "https"):
        raise Invalid(words, code="bad_url", field="url")
    if address.has_credentials:
        words = "Leave the user name and password out of the address: the receiver knows us by the signature."
        raise Invalid(words, code="bad_url", field="url")
    return address


def post(webhook: Webhook, delivery: Delivery, policy: AddressPolicy, timestamp: int) -> tuple[int, str]:
    """Send a message once: the status of the answer (0: none), and what came of it in words.

    The name is looked up and checked now, and the connection goes to what was checked; redirects are not followed.
    """
    try:
        address = read_url(webhook.url)
        ips = policy.check_host(address.host)
    except SightlineError as err:
        return 0, err.message
    headers = {
        "Host": urlsplit(address.url()).netloc, "Content-Type": "application/json", "User-Agent": f"Sightline/{__version__}",
        "webhook-id": delivery.message_id, "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(webhook.secret, delivery.message_id, timestamp, delivery.body),
    }  # fmt: skip
    timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
    with httpx.Client(verify=_tls_context(), trust_env=False, timeout=timeout) as client:
        request = client.build_request(
            "POST", address.url(ips[0]), headers=headers, content=delivery.body.encode(), extensions={"sni_hostname": address.host}
        )
        try:
            answer = client.send(request, stream=True)  # what it says besides its status is not read
        except httpx.TimeoutException:
            return 0, "The address did not answer in time."
        except httpx.HTTPError as err:
            return 0, f"The address could not be reached: {redact(str(err))}"
        answer.close()
    if answer.is_redirect:
        return answer.status_code, f"It answered {answer.status_code}: it wants us elsewhere. Enter the new address itself."
    return answer.status_code, f"It answered {answer.status_code}."


def _body(kind: str, at: float, data: object) -> str:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": moment, "data": data}, separators=(",", ":"), ensure_ascii=False)


@cache
def _tls_context() -> ssl.SSLContext:
    # Reading all certificates of the authorities takes 0.1 s of computing time.
    return httpx.create_ssl_context(trust_env=False)
