"""The client of RunPod's API, against the stand-in: every status, every refusal, every broken answer."""

import socket

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import Invalid, NotFound, StorageError
from sightline.jobs.carriers import make_carrier, make_remote_carrier
from sightline.jobs.carriers.remote import Handover, OutcomeUnknown, RemoteState
from sightline.jobs.carriers.runpod import RunPodCarrier, _status
from sightline.settings import Settings
from tests.stand_ins.runpod import ENDPOINT, KEY, RunPodServer

HANDOVER = Handover("job1", 2, {"job_id": "job1"}, timeout_s=300.0, queue_s=60.0, webhook_url="http://127.0.0.1:9/hook")


def settings_for(url: str, **more: str) -> Settings:
    given = {"RUNPOD_ENDPOINT_BASE_URL": url, "RUNPOD_API_KEY": KEY, "RUNPOD_ENDPOINT_ID": ENDPOINT, "JOB_CARRIER": "runpod"}
    return Settings.from_env({**given, "STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "results", **more})


@pytest.fixture
def server():
    made = RunPodServer(lambda job, tell: {"state": "succeeded"})
    made.machines.clear()
    yield made
    made.close()


@pytest.fixture
def carrier(server):
    return RunPodCarrier(settings_for(server.url))


def test_what_is_sent_has_both_limits_and_the_webhook(server, carrier):
    external_id = carrier.submit(HANDOVER)
    body = server.jobs[external_id].body
    assert body["input"] == {"job_id": "job1"}
    assert body["policy"] == {"executionTimeout": 300_000, "ttl": 960_000}
    assert body["webhook"] == HANDOVER.webhook_url


@pytest.mark.parametrize(
    ("timeout_s", "execution_ms"), [(0.5, 5_000), (5.0, 5_000), (7 * 86_400.0, 604_800_000), (1e9, 604_800_000)]
)  # fmt: skip
def test_limits_stay_within_what_runpod_takes(server, carrier, timeout_s, execution_ms):
    job_id = carrier.submit(Handover("j", 1, {}, timeout_s, 60.0))
    assert server.jobs[job_id].body["policy"]["executionTimeout"] == execution_ms
    assert "webhook" not in server.jobs[job_id].body


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("IN_QUEUE", RemoteState.WAITING), ("IN_PROGRESS", RemoteState.RUNNING), ("RUNNING", RemoteState.RUNNING),
        ("COMPLETED", RemoteState.ENDED), ("FAILED", RemoteState.FAILED), ("CANCELLED", RemoteState.CANCELLED),
        ("TIMED_OUT", RemoteState.TIMED_OUT), ("HIBERNATING", RemoteState.RUNNING),
    ],
)  # fmt: skip
def test_every_status(server, carrier, status, state):
    external_id = carrier.submit(HANDOVER)
    server.jobs[external_id].status = status
    told = carrier.look(external_id)
    assert (told.state, told.word) == (state, status)


def test_progress_cost_and_error_are_told(server, carrier):
    external_id = carrier.submit(HANDOVER)
    job = server.jobs[external_id]
    job.status, job.begun_s, job.ended_s = "IN_PROGRESS", 10.0, 12.5
    job.output = {"seq": 7, "progress": 41.5, "stages": [{"name": "look"}, "nonsense"]}
    told = carrier.look(external_id)
    assert (told.sequence, told.progress, told.stages, told.used_s) == (7, 41.5, ({"name": "look"},), 2.5)
    job.status, job.error = "FAILED", "no room at s3://key:secret@host/x"
    assert carrier.look(external_id).error == "no room at s3://***@host/x"


@pytest.mark.parametrize(
    ("fault", "code"),
    [("429", "runpod_throttled"), ("500", "runpod_fault"), ("garbage", "runpod_garbage"), ("lost", "runpod_unreachable")],
)  # fmt: skip
def test_a_look_that_fails_may_be_made_again(server, carrier, fault, code):
    external_id = carrier.submit(HANDOVER)
    server.script("status", fault, **({"retry_after": 12} if fault == "429" else {}))
    with pytest.raises(StorageError) as caught:
        carrier.look(external_id)
    assert (caught.value.is_transient, caught.value.code) == (True, code)
    assert caught.value.facts.get("retry_after_s") == (12.0 if fault == "429" else None)
    assert carrier.look(external_id).state == RemoteState.WAITING


@pytest.mark.parametrize("fault", ["500", "garbage", "lost"])
def test_nobody_knows_whether_a_handing_over_without_an_answer_arrived(server, carrier, fault):
    server.script("run", fault)
    with pytest.raises(OutcomeUnknown):
        carrier.submit(HANDOVER)


@pytest.mark.parametrize("fault", ["429", "503"])
def test_what_was_turned_away_was_not_taken(server, carrier, fault):
    server.script("run", fault)
    with pytest.raises(StorageError) as caught:
        carrier.submit(HANDOVER)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert caught.value.is_transient


def test_nobody_listening_is_transient_and_took_nothing(free_port):
    carrier = RunPodCarrier(settings_for(f"http://127.0.0.1:{free_port}/v2"))
    with pytest.raises(StorageError) as caught:
        carrier.submit(HANDOVER)
    assert (caught.value.code, caught.value.is_transient) == ("runpod_unreachable", True)
    assert not isinstance(caught.value, OutcomeUnknown)


def test_a_service_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr("sightline.jobs.carriers.runpod.ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        carrier = RunPodCarrier(settings_for(f"http://127.0.0.1:{silent.getsockname()[1]}/v2"))
        with pytest.raises(OutcomeUnknown):
            carrier.submit(HANDOVER)


def test_a_wrong_key_is_a_wrong_setting(server):
    carrier = RunPodCarrier(settings_for(server.url, RUNPOD_API_KEY="another-key"))
    with pytest.raises(Invalid, match="RUNPOD_API_KEY") as caught:
        carrier.look("any")
    assert "another-key" not in caught.value.message


def test_a_wrong_endpoint_is_told(server):
    carrier = RunPodCarrier(settings_for(server.url, RUNPOD_ENDPOINT_ID="another"))
    with pytest.raises(NotFound, match="RUNPOD_ENDPOINT_ID"):
        carrier.submit(HANDOVER)


def test_cancelling_and_forgetting(server, carrier):
    external_id = carrier.submit(HANDOVER)
    carrier.cancel(external_id)
    assert carrier.look(external_id).state == RemoteState.CANCELLED
    server.script("status", "expire")
    assert carrier.look(external_id).state == RemoteState.GONE
    carrier.cancel(external_id)


def test_health(server, carrier):
    carrier.submit(HANDOVER)
    assert carrier.health() == "RunPod has 1 idle and 0 busy machines; 1 jobs wait, 0 run."


def test_faults_can_be_scripted_over_http(server, carrier):
    httpx.post(server.url.replace("/v2", "/_script"), json=[{"on": "run", "do": "429"}]).raise_for_status()
    with pytest.raises(StorageError):
        carrier.submit(HANDOVER)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["status", "output", "error", "executionTime", "id"]), json_values),
    st.sampled_from(["IN_PROGRESS", "COMPLETED", None]),
)
def test_any_answer_is_some_status(told, word):
    status = _status({**told, "status": word} if word else told)
    assert status.progress >= 0 and status.sequence >= 0 and len(status.word) <= 32
    assert status.used_s is None or status.used_s >= 0


@pytest.mark.parametrize("missing", ["RUNPOD_API_KEY", "RUNPOD_ENDPOINT_ID", "STORAGE_TYPE", "S3_BUCKET_NAME"])
def test_what_is_missing_is_told_at_the_start(missing):
    with pytest.raises(Exception, match=missing):
        make_carrier(settings_for("http://127.0.0.1:9/v2", **{missing: ""}))


def test_settings_choose_the_carrier():
    assert isinstance(make_remote_carrier(settings_for("http://127.0.0.1:9/v2")), RunPodCarrier)
    assert make_carrier(settings_for("http://127.0.0.1:9/v2")) is None
    assert make_remote_carrier(Settings.from_env({})) is None
