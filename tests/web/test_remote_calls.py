"""Calls of machines of others: a token per attempt, a hint to look and no more."""

import time

import pytest

from sightline.jobs.remote.sending import call_token, token_sha256
from sightline.media.redaction import redact
from sightline.records.external_runs import ExternalRuns
from sightline.records.jobs import JobInput, JobState, NewJob
from sightline.web.remote_calls import MOST_MISSES
from sightline.web.services import EXTENSION
from tests.web.callers import Caller, assert_problem

LATER_S = 500.0


class Office:
    """An app with one job that another machine has."""

    def __init__(self, app) -> None:
        self.parts = app.extensions[EXTENSION]
        self.caller = Caller(app.test_client())
        self.jobs = self.parts.jobs.jobs
        self.runs = ExternalRuns(self.parts.database)
        self.job_id = self.jobs.add(NewJob("transcode", [JobInput("a.mp4", "a.mp4", "", 1)], {}, None, 60.0))[0].id
        job = self.jobs.claim("test", 30.0, time.time())
        self.token = call_token(self.parts.settings, self.job_id, job.attempt)
        self.jobs.hand_over(self.job_id, job.attempt, "runpod", token_sha256(self.token), time.time() + LATER_S)

    @property
    def run(self):
        return self.runs.get(self.job_id, 1)

    def call(self, token: str = "", **more):
        return self.caller.client.post(f"/api/v1/webhook/runpod/{token or self.token}", **more)


@pytest.fixture
def office(lonely_app):
    return Office(lonely_app())


def test_a_call_has_the_job_looked_at_now_and_ends_nothing(office):
    answer = office.call(json={"id": "abc-e1", "status": "COMPLETED", "output": {"state": "succeeded"}})
    assert answer.status_code == 200
    assert office.run.look_at <= time.time()
    assert office.run.external_id == "abc-e1"
    assert office.jobs.get(office.job_id).state == JobState.WAITING_EXTERNAL


def test_a_name_that_is_known_is_not_replaced_by_a_call(office):
    office.runs.write(office.run, external_id="the-right-one")
    assert office.call(json={"id": "another"}).status_code == 200
    assert office.run.external_id == "the-right-one"


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b'{"id": 7}', b'{"id": "../../status"}', b"[" * 60_000])
def test_a_call_needs_no_sense_to_be_heard(office, body):
    assert office.call(data=body).status_code == 200
    assert (office.run.external_id, office.run.look_at <= time.time()) == ("", True)


def test_a_call_may_come_twice_and_late(office):
    office.jobs.end(office.job_id, 1, JobState.CANCELLED)
    assert [office.call(json={"id": "a"}).status_code for _ in range(3)] == [200] * 3
    assert office.jobs.get(office.job_id).state == JobState.CANCELLED


def test_a_large_body_is_refused(office):
    assert_problem(office.call(data=b"x" * 70_000), 413, "too_large")
    assert office.run.look_at > time.time()


def test_wrong_tokens_are_unknown_addresses_and_soon_refused(office):
    for number in range(MOST_MISSES):
        assert_problem(office.call(f"{number:064x}", json={}), 404, "not_found")
    answer = office.call(json={})
    assert_problem(answer, 429, "too_many_calls")
    assert int(answer.headers["Retry-After"]) >= 1


def test_the_token_of_another_attempt_or_installation_is_no_token(office):
    assert office.call(call_token(office.parts.settings, office.job_id, 2)).status_code == 404
    assert office.call(token_sha256(office.token)).status_code == 404


def test_a_token_stands_in_no_log_line(office):
    line = f"POST /api/v1/webhook/runpod/{office.token} 500"
    assert redact(line) == "POST /api/v1/webhook/runpod/*** 500"
