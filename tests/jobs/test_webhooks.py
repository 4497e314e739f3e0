"""Messages about ended jobs, to a real receiver that verifies them with the package of Standard Webhooks."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Standard

from sightline.errors import Invalid, SightlineError
from sightline.jobs.webhooks import RETRY_S, WebhookSender, enter_test, new_secret, read_url, signature
from sightline.records.database import Database
from sightline.records.jobs import Jobs, JobState, NewJob
from sightline.records.webhooks import DeliveryState, Webhooks
from sightline.settings import Settings


@dataclass
class Receiver:
    """An HTTP server that answers with `status`, once `may_answer` is set, and keeps what it got."""

    status: int = 200
    may_answer: threading.Event = field(default_factory=threading.Event)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_answer.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                receiver.may_answer.wait(20)
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Clock:
    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def make(**options: int) -> Receiver:
        made.append(Receiver(**options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def database(tmp_path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/sightline.db")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def webhooks(database) -> Webhooks:
    return Webhooks(database)


@pytest.fixture
def jobs(database) -> Jobs:
    return Jobs(database)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sender(database, tmp_path, clock) -> WebhookSender:
    settings = Settings.from_env({"DATA_DIR": str(tmp_path), "CAMERA_ALLOW_LOOPBACK": "true"})
    return WebhookSender(settings, database, clock)


@pytest.fixture
def work(sender, webhooks, wait_until) -> Callable[[], None]:
    """One turn of the duty, until all that it has begun is over."""

    def turn() -> None:
        sender.work(threading.Event())
        wait_until(lambda: not any(thread.is_alive() for thread in sender._senders.values()), timeout_s=30)

    return turn


def ended_job(jobs: Jobs, state: JobState = JobState.SUCCEEDED) -> str:
    job, _ = jobs.add(NewJob("transcode", (), {"token": "hush"}, None, 60))
    claimed = jobs.claim("me", 60, time.time(), job.id)
    assert claimed is not None
    error = {"code": "command_failed", "message": "No http://user:pass@host/", "stage": "ladder", "command": "ffmpeg"}
    if state == JobState.SUCCEEDED:
        jobs.succeed(job.id, claimed.attempt, ())
    else:
        jobs.end(job.id, claimed.attempt, state, error)
    return job.id


def delivery_of(webhooks: Webhooks, webhook_id: int):
    (delivery,) = webhooks.deliveries(webhook_id)
    return delivery


def test_an_ended_job_is_told_once_and_the_receiver_can_verify_it(jobs, webhooks, work, receivers):
    receiver, secret = receivers(), new_secret()
    ended_job(jobs)  # before anybody listened
    webhook = webhooks.add(receiver.url, secret)
    job_id = ended_job(jobs, JobState.FAILED)
    work()
    work()
    ((headers, body),) = receiver.got
    told = Standard(secret).verify(body, headers)
    assert (told["type"], told["data"]["job_id"], told["data"]["status"]) == ("job.failed", job_id, "failed")
    assert "params" not in told["data"] and b"hush" not in body and b"user:pass" not in body
    assert told["data"]["error"]["stage"] == "ladder" and headers["content-type"] == "application/json"
    assert delivery_of(webhooks, webhook.id).state == DeliveryState.DELIVERED


@given(st.text(st.characters(exclude_categories=["Cs"])), st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True))
def test_our_signature_is_the_standards(body, message_id):
    secret, now = new_secret(), int(time.time())
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secret, message_id, now, body),
    }
    Standard(secret).verify(body, headers, json_parse=False)


def test_every_end_of_a_job_is_another_message(jobs, webhooks, work, receivers):
    receiver = receivers()
    webhooks.add(receiver.url, new_secret())
    job_id = ended_job(jobs, JobState.FAILED)
    work()
    time.sleep(0.002)  # ids tell ends apart by the millisecond
    jobs.retry(job_id)
    jobs.cancel(job_id)
    work()
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["job.failed", "job.cancelled"]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 2


def test_a_refused_message_is_tried_again_on_schedule_under_the_same_id_then_given_up(jobs, webhooks, work, receivers, clock):
    receiver = receivers(status=500)
    webhook = webhooks.add(receiver.url, new_secret())
    ended_job(jobs)
    work()
    for tries, pause_s in enumerate(RETRY_S, 1):
        delivery = delivery_of(webhooks, webhook.id)
        assert (len(receiver.got), delivery.state, delivery.answer) == (tries, "waiting", "It answered 500.")
        assert delivery.next_at == clock.now + pause_s
        clock.now += pause_s - 1
        work()
        assert len(receiver.got) == tries
        clock.now += 1
        work()
    assert (len(receiver.got), delivery_of(webhooks, webhook.id).state) == (len(RETRY_S) + 1, DeliveryState.FAILED)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    receiver.status = 204
    webhooks.send_anew(webhook.id, delivery_of(webhooks, webhook.id).id, clock.now)
    work()
    assert delivery_of(webhooks, webhook.id).state == DeliveryState.DELIVERED
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_gone_switches_it_off(jobs, webhooks, work, receivers):
    receiver = receivers(status=410)
    webhook = webhooks.add(receiver.url, new_secret())
    ended_job(jobs)
    ended_job(jobs)
    work()
    assert len(receiver.got) == 1 and not webhooks.get(webhook.id).is_on
    assert {one.state for one in webhooks.deliveries(webhook.id)} == {DeliveryState.FAILED}


def test_a_redirect_is_not_followed(jobs, webhooks, work, receivers):
    receiver = receivers(status=307)
    webhook = webhooks.add(receiver.url, new_secret())
    ended_job(jobs)
    work()
    assert "wants us elsewhere" in delivery_of(webhooks, webhook.id).answer
    assert len(receiver.got) == 1


def test_a_slow_address_delays_nobody_else(jobs, webhooks, sender, receivers, wait_until):
    slow, quick = receivers(), receivers()
    slow.may_answer.clear()
    one, other = webhooks.add(slow.url, new_secret()), webhooks.add(quick.url, new_secret())
    ended_job(jobs)
    sender.work(threading.Event())
    wait_until(lambda: slow.got)
    ended_job(jobs)
    sender.work(threading.Event())
    wait_until(lambda: webhooks.counts()[other.id] == {"delivered": 2})
    assert webhooks.counts()[one.id] == {"waiting": 2}
    slow.may_answer.set()
    wait_until(lambda: webhooks.counts()[one.id] == {"delivered": 2})


def test_the_name_is_looked_up_and_checked_at_each_sending(jobs, webhooks, database, tmp_path, receivers):
    receiver = receivers()
    webhook = webhooks.add(receiver.url.replace("127.0.0.1", "localhost"), new_secret())
    ended_job(jobs)
    strict = WebhookSender(Settings.from_env({"DATA_DIR": str(tmp_path)}), database)
    strict.enter()
    strict._send_all(webhook.id, threading.Event())
    assert "not allowed" in delivery_of(webhooks, webhook.id).answer and receiver.got == []


def test_an_address_that_does_not_listen_is_told_without_its_secrets(jobs, webhooks, work, receivers):
    receiver = receivers()
    webhook = webhooks.add(receiver.url + "?token=hush", new_secret())
    receiver.close()
    ended_job(jobs)
    work()
    answer = delivery_of(webhooks, webhook.id).answer
    assert "could not be reached" in answer and "hush" not in answer


def test_what_was_cut_off_is_sent_again(jobs, webhooks, sender, work, receivers, clock):
    receiver = receivers()
    webhook = webhooks.add(receiver.url, new_secret())
    ended_job(jobs)
    sender.enter()
    webhooks.claim(webhook.id, clock.now, clock.now + 120)  # by a worker that dies now
    work()
    assert receiver.got == []
    clock.now += 121
    work()
    assert len(receiver.got) == 1


def test_a_worker_that_was_away_tells_what_it_missed(jobs, webhooks, database, tmp_path, receivers, clock, wait_until):
    receiver = receivers()
    webhooks.add(receiver.url, new_secret())
    ended_job(jobs)
    clock.now += 2 * 86_400
    settings = Settings.from_env({"DATA_DIR": str(tmp_path), "CAMERA_ALLOW_LOOPBACK": "true"})
    WebhookSender(settings, database, clock).work(threading.Event())
    wait_until(lambda: len(receiver.got) == 1)


def test_a_test_message(webhooks, work, receivers, clock):
    receiver, secret = receivers(), new_secret()
    webhook = webhooks.add(receiver.url, secret)
    message_id = enter_test(webhooks, webhook.id)
    clock.now += 1
    work()
    ((headers, body),) = receiver.got
    assert headers["webhook-id"] == message_id
    assert Standard(secret).verify(body, headers)["type"] == "webhook.test"
    webhooks.switch(webhook.id, False)
    with pytest.raises(SightlineError, match="switched off"):
        enter_test(webhooks, webhook.id)


@pytest.mark.parametrize(
    "url", ["", "ftp://host/", "rtsp://host/", "/etc/passwd", "demo:", "http://", "https://user:pass@host/", "7"]
)
def test_what_is_no_address_of_a_receiver_is_refused(url):
    with pytest.raises(Invalid) as refused:
        read_url(url)
    assert refused.value.facts["field"] == "url"
