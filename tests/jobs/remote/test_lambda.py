"""JOB_CARRIER=lambda with asynchronous calls: the function runs the job once, and storage says how it goes."""

import json
import time

import pytest

from sightline.errors import Invalid, StorageError
from sightline.jobs.carriers.aws import AwsCalls
from sightline.jobs.carriers.lambda_ import RETRIES_S, LambdaCarrier
from sightline.jobs.carriers.remote import OutcomeUnknown, RemoteState
from sightline.jobs.remote import serverless
from sightline.jobs.remote.serverless import Machine, StillRunning
from sightline.records.jobs import JobState
from sightline.settings import Settings
from tests.clips import make_clip
from tests.jobs.job_kinds import kinds  # noqa: F401 - fixture
from tests.jobs.remote.aws_world import aws_world
from tests.live_fakes import wait_for
from tests.stand_ins.lambda_runtime import Context, FunctionFailed


@pytest.fixture
def aws(tmp_path, monkeypatch):
    with aws_world(tmp_path) as world:
        for name, value in world.environ.items():
            monkeypatch.setenv(name, value)
        yield world


def test_a_job_runs_there_and_its_result_lies_in_storage(aws, kinds, tmp_path):  # noqa: F811
    carrier = aws.carrier
    name = carrier.submit(aws.handover(files=(make_clip(tmp_path / "a.mp4", 3),)))
    aws.runtime.join()
    assert carrier.look(name).state == RemoteState.ENDED
    result = aws.files().result()
    assert (result.state, [output.name for output in result.outputs]) == (JobState.SUCCEEDED, ["result.txt"])
    assert aws.storage.get("jobs/a1b2/result.txt") == b"abc"
    assert aws.runtime.calls == [("run_job", {"job_id": "a1b2", "attempt": 1})]
    assert [stage["state"] for stage in carrier.look(name).stages] == ["done"] * 4


def test_how_far_it_is_and_the_wish_to_cancel_go_through_storage(aws, kinds, monkeypatch):  # noqa: F811
    monkeypatch.setattr("sightline.jobs.remote.worker.CANCEL_LOOK_S", 0.0)
    carrier, seen = aws.carrier, []
    names = []

    def look_and_cancel(work):
        wait_for(lambda: names, "the name of the call")
        seen.append(carrier.look(names[0]))
        carrier.cancel(names[0])

    kinds.before["b"] = look_and_cancel
    names.append(carrier.submit(aws.handover()))
    aws.runtime.join()
    (status,) = seen
    assert (status.state, [s["state"] for s in status.stages]) == (RemoteState.RUNNING, ["done", "running", "waiting"])
    assert status.sequence > 1
    assert aws.files().result().state == JobState.CANCELLED
    assert kinds.done == ["a", "b"]


def test_a_call_that_is_delivered_twice_is_carried_out_once(aws, kinds):  # noqa: F811
    kinds.before["a"] = lambda work: time.sleep(0.3)
    aws.runtime.faults = ["double"]
    aws.runtime.retry_pause_s = 0.5
    carrier = aws.carrier
    name = carrier.submit(aws.handover())
    aws.runtime.join()
    assert carrier.look(name).state == RemoteState.ENDED
    carrier.submit(aws.handover())  # and a third time, long after its end
    aws.runtime.join()
    assert aws.files().result().state == JobState.SUCCEEDED
    assert kinds.done.count("c") == 1


def test_an_attempt_that_is_being_worked_on_is_left_alone(aws, kinds):  # noqa: F811
    aws.files().describe(aws.handover().payload)
    aws.files().tell({"seq": 1, "stages": [], "progress": 1.0, "at": time.time()})
    with pytest.raises(StillRunning):
        serverless.carry_out_described("a1b2", 1, Settings.from_env(), Machine("m", None))
    aws.files().tell({"seq": 1, "stages": [], "progress": 1.0, "at": time.time() - serverless.ALIVE_S})
    assert serverless.carry_out_described("a1b2", 1, Settings.from_env(), Machine("m", None)).state == JobState.SUCCEEDED


def test_a_function_that_dies_is_called_again(aws, kinds):  # noqa: F811
    aws.runtime.faults = ["crash"]
    aws.carrier.submit(aws.handover())
    aws.runtime.join()
    assert aws.files().result().state == JobState.SUCCEEDED


def test_a_job_ends_in_words_before_the_function_is_ended(aws, kinds, monkeypatch):  # noqa: F811
    monkeypatch.setattr("sightline.jobs.remote.worker.TELL_INTERVAL_S", 0.0)
    monkeypatch.setattr("sightline.jobs.execute.REPORT_INTERVAL_S", 0.0)
    kinds.before["b"] = lambda work: monkeypatch.setattr(serverless, "MARGIN_S", 1e6)
    aws.carrier.submit(aws.handover())
    aws.runtime.join()
    result = aws.files().result()
    assert (result.state, result.error["code"], result.is_transient) == (JobState.FAILED, "lambda_timeout", False)
    assert "STATE_MACHINE_ARN" in result.error["message"]
    assert len(aws.runtime.calls) == 1


def test_a_job_that_does_not_fit_on_the_disk_is_not_begun(aws, kinds, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(serverless, "ROOM", 1e15)
    aws.carrier.submit(aws.handover(files=(make_clip(tmp_path / "a.mp4", 3),)))
    aws.runtime.join()
    assert (aws.files().result().error["code"], kinds.done) == ("no_room", [])


def test_other_jobs_files_are_deleted_there(aws, kinds):  # noqa: F811
    old = Settings.from_env().data_dir / "jobs/old/stages"
    old.mkdir(parents=True)
    aws.carrier.submit(aws.handover())
    aws.runtime.join()
    assert not old.parent.exists()


def test_silence_is_waiting_then_gone(aws, monkeypatch):
    aws.runtime.faults = ["drop"]
    carrier, now_s = aws.carrier, time.time()
    name = carrier.submit(aws.handover())
    assert carrier.look(name).state == RemoteState.WAITING
    aws.files().tell({"seq": 3, "stages": [], "progress": 20.0, "at": now_s, "until": now_s + 900})
    assert carrier.look(name).state == RemoteState.RUNNING
    monkeypatch.setattr("sightline.jobs.carriers.lambda_.time.time", lambda: now_s + 901 + RETRIES_S)
    assert carrier.look(name).state == RemoteState.GONE


def test_a_call_that_never_began_is_gone_when_its_time_is_over(aws, monkeypatch):
    aws.runtime.faults = ["drop"]
    carrier, handover = aws.carrier, aws.handover()
    name = carrier.submit(handover)
    late_s = time.time() + handover.queue_s + handover.timeout_s + RETRIES_S + 2
    monkeypatch.setattr("sightline.jobs.carriers.lambda_.time.time", lambda: late_s)
    assert carrier.look(name).state == RemoteState.GONE


def test_an_answer_that_was_lost_is_found_by_what_the_function_wrote(aws, kinds):  # noqa: F811
    aws.runtime.faults = ["lose"]
    carrier, handover = aws.carrier, aws.handover()
    with pytest.raises(OutcomeUnknown):
        carrier.submit(handover)
    aws.runtime.join()
    assert carrier.look(carrier.find(handover)).state == RemoteState.ENDED


def test_what_was_never_taken_is_not_found(aws):
    aws.runtime.faults = ["fail"]
    carrier, handover = aws.carrier, aws.handover()
    with pytest.raises(StorageError):
        carrier.submit(handover)
    assert carrier.find(handover) is None


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [("throttle", StorageError, "aws_busy"), ("fail", StorageError, "aws_busy"), ("deny", Invalid, "aws_denied")],
)
def test_refusals_say_what_to_do(aws, fault, kind, code):
    aws.runtime.faults = [fault]
    with pytest.raises(kind) as caught:
        aws.carrier.submit(aws.handover())
    assert caught.value.code == code and not isinstance(caught.value, OutcomeUnknown)
    assert "very-secret" not in str(caught.value)


def test_a_function_that_is_not_there(aws):
    carrier = LambdaCarrier(Settings.from_env({**aws.here, "LAMBDA_FUNCTION": "elsewhere"}))
    for call in (lambda: carrier.submit(aws.handover()), carrier.health):
        with pytest.raises(Invalid, match="LAMBDA_FUNCTION") as caught:
            call()
        assert caught.value.code == "aws_no_such_thing"
    assert "run_job" in aws.carrier.health()


def test_nobody_answers(aws):
    carrier = LambdaCarrier(Settings.from_env({**aws.here, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}))
    with pytest.raises(StorageError) as caught:
        carrier.submit(aws.handover())
    assert caught.value.code == "aws_unreachable" and not isinstance(caught.value, OutcomeUnknown)


def test_an_event_that_is_too_large_is_not_sent(aws):
    with pytest.raises(Invalid) as caught:
        AwsCalls(aws.settings).invoke_later("run_job", {"text": "x" * 256_000})
    assert (caught.value.code, aws.runtime.calls) == ("too_large", [])


def test_a_payload_that_cannot_be_read_fails_the_call(aws):
    with pytest.raises(FunctionFailed, match="JobError"):
        aws.runtime.call("run_job", {"job_id": "unknown", "attempt": 1})
    aws.files().describe({"version": 99})
    with pytest.raises(FunctionFailed, match="another version"):
        aws.runtime.call("run_job", {"job_id": "a1b2", "attempt": 1})


def test_the_clock_of_a_call_runs_down():
    context = Context(limit_s=900.0, begun_s=time.monotonic() - 899.0)
    assert 0 < context.get_remaining_time_in_millis() <= 1000
    assert json.loads(json.dumps(context.aws_request_id))


@pytest.mark.parametrize("settings", [{}, {"LAMBDA_FUNCTION": ""}])
def test_settings_that_are_missing_are_told(settings):
    with pytest.raises(Invalid, match="LAMBDA_FUNCTION"):
        LambdaCarrier(Settings.from_env(settings))
