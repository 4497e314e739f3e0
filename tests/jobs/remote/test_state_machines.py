"""The shipped state machines, executed: jobs in functions and containers, and every way in which those fail."""

import time

import pytest

from sightline.errors import Invalid, StorageError
from sightline.jobs.carriers.lambda_ import STATES, LambdaCarrier
from sightline.jobs.carriers.remote import OutcomeUnknown, RemoteState
from sightline.jobs.remote import serverless
from sightline.records.jobs import JobState
from sightline.settings import Settings
from tests.clips import make_clip
from tests.jobs.job_kinds import kinds  # noqa: F401 - fixture
from tests.jobs.remote.aws_world import MACHINE, aws_world
from tests.live_fakes import wait_for
from tests.stand_ins.lambda_runtime import FunctionFailed


@pytest.fixture
def aws(tmp_path, monkeypatch):
    with aws_world(tmp_path, STATE_MACHINE_ARN=MACHINE) as world:
        for name, value in world.environ.items():
            monkeypatch.setenv(name, value)
        yield world


def run(aws, **params):
    """The execution of a job, ended."""
    return finished(aws, aws.carrier.submit(aws.handover(**params)))


def finished(aws, name):
    execution = aws.server.machines.executions[name]
    execution.thread.join(60)
    assert execution.status != "RUNNING"
    return execution


def test_a_job_runs_in_a_function(aws, kinds):  # noqa: F811
    execution = run(aws)
    assert (execution.status, execution.interpreter.visited) == ("SUCCEEDED", ["Probe", "IsBig", "InFunction", "Done"])
    status = aws.carrier.look(execution.arn)
    assert status.state == RemoteState.ENDED and status.progress > 60
    assert aws.files().result().state == JobState.SUCCEEDED
    assert [name for name, _ in aws.runtime.calls] == ["probe", "run_job"]


def test_a_big_job_runs_in_a_container(aws, kinds, tmp_path, monkeypatch):  # noqa: F811
    handover = aws.handover(files=(make_clip(tmp_path / "a.mp4", 3),))
    monkeypatch.setattr(serverless, "ROOM", 0.0)
    handover.payload["inputs"][0]["size_bytes"] = 600_000_000
    monkeypatch.setattr("sightline.jobs.gathering.check_space", lambda *_: None)
    execution = finished(aws, aws.carrier.submit(handover))
    assert (execution.status, execution.interpreter.visited) == ("SUCCEEDED", ["Probe", "IsBig", "InContainer", "Done"])
    assert aws.files().result().state == JobState.SUCCEEDED
    assert [name for name, _ in aws.runtime.calls] == ["probe"]


def test_a_job_that_takes_too_long_for_a_function_goes_on_in_a_container(aws, kinds, monkeypatch):  # noqa: F811
    monkeypatch.setattr("sightline.jobs.remote.worker.TELL_INTERVAL_S", 0.0)
    monkeypatch.setattr(serverless, "ALIVE_S", 0.0)  # the machine's pause is virtual
    kinds.before["b"] = lambda work: monkeypatch.setattr(serverless, "MARGIN_S", 1e6)
    execution = run(aws)
    assert execution.interpreter.visited == ["Probe", "IsBig", "InFunction", "Rest", "InContainer", "Done"]
    assert execution.interpreter.clock.waits == [90.0]
    assert aws.files().result().state == JobState.SUCCEEDED
    assert kinds.done == ["a", "b", "c"]  # on the same disk here; elsewhere it begins anew


def test_a_job_for_which_there_is_no_room_goes_into_a_container(aws, kinds, monkeypatch):  # noqa: F811
    asked = iter([{"code": "no_room", "message": "no room", "stage": ""}, None])
    monkeypatch.setattr(serverless, "_lack_of_room", lambda *_: next(asked))
    execution = run(aws)
    assert execution.interpreter.visited[-3:] == ["Rest", "InContainer", "Done"]
    assert aws.files().result().state == JobState.SUCCEEDED


def test_a_function_that_is_ended_for_its_memory_is_followed_by_a_container(aws, kinds):  # noqa: F811
    aws.runtime.sync_faults = ["", "crash"]
    execution = run(aws)
    assert execution.interpreter.visited[-3:] == ["Rest", "InContainer", "Done"]
    assert aws.files().result().state == JobState.SUCCEEDED


def test_throttled_functions_are_called_again_with_growing_pauses(aws, kinds):  # noqa: F811
    aws.runtime.sync_faults = ["throttle", "throttle", "", "throttle"]
    execution = run(aws)
    assert (execution.status, execution.interpreter.clock.waits) == ("SUCCEEDED", [5.0, 10.0, 5.0])


def test_an_attempt_that_another_function_has_is_waited_for(aws, kinds):  # noqa: F811
    aws.files().tell({"seq": 1, "stages": [], "progress": 1.0, "at": time.time()})
    calls = []
    original = aws.runtime.functions["run_job"]

    def run_job(event, context):
        calls.append(event)
        if len(calls) == 3:
            aws.files().tell({"seq": 1, "stages": [], "progress": 1.0, "at": 0.0})
        return original(event, context)

    aws.runtime.functions["run_job"] = run_job
    execution = run(aws)
    assert (execution.status, execution.interpreter.clock.waits, len(calls)) == ("SUCCEEDED", [60.0, 60.0], 3)


def test_a_job_that_fails_comes_back_with_its_own_words(aws, kinds):  # noqa: F811
    kinds.gives_result = False
    execution = run(aws)
    assert execution.status == "SUCCEEDED"  # the machine did its work
    assert aws.carrier.look(execution.arn).state == RemoteState.ENDED
    assert aws.files().result().error["code"] == "no_output"


def test_a_machine_that_fails_says_why(aws, kinds):  # noqa: F811
    def broken(event, context):
        raise FunctionFailed("Runtime.ImportModuleError", "No module named 'cv2'")

    aws.runtime.functions["probe"] = broken
    execution = run(aws)
    status = aws.carrier.look(execution.arn)
    assert (status.state, status.word) == (RemoteState.FAILED, "FAILED")
    assert status.error == "Runtime.ImportModuleError: No module named 'cv2'"


def test_a_container_that_fails_is_started_twice_again(tmp_path, monkeypatch, kinds):  # noqa: F811
    started = []
    with aws_world(tmp_path, lambda arguments, _: started.append(arguments) or 1, STATE_MACHINE_ARN=MACHINE) as world:
        for name, value in world.environ.items():
            monkeypatch.setenv(name, value)
        world.runtime.sync_faults = ["", "crash"]
        execution = run(world)
        assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
        assert execution.interpreter.clock.waits == [90.0, 90.0, 90.0]
        assert started == [["a1b2", "1"]] * 3


def test_handing_over_twice_starts_nothing_twice(aws, kinds):  # noqa: F811
    first, second = aws.carrier.submit(aws.handover()), aws.carrier.submit(aws.handover())
    finished(aws, first)
    assert aws.carrier.submit(aws.handover()) == first == second
    assert len(aws.server.machines.executions) == 1
    assert kinds.done == ["a", "b", "c"]


def test_an_answer_that_was_lost_is_found_by_name(aws, kinds):  # noqa: F811
    aws.runtime.faults = ["lose"]
    handover = aws.handover()
    with pytest.raises(OutcomeUnknown):
        aws.carrier.submit(handover)
    name = aws.carrier.find(handover)
    finished(aws, name)
    assert aws.carrier.look(name).state == RemoteState.ENDED


@pytest.mark.parametrize(("fault", "kind"), [("throttle", StorageError), ("fail", StorageError), ("deny", Invalid)])
def test_refusals(aws, fault, kind):
    aws.runtime.faults = [fault]
    handover = aws.handover()
    with pytest.raises(kind):
        aws.carrier.submit(handover)
    assert aws.carrier.find(handover) is None


def test_cancel_stops_the_machine_and_what_it_has_called(aws, kinds, monkeypatch):  # noqa: F811
    monkeypatch.setattr("sightline.jobs.remote.worker.CANCEL_LOOK_S", 0.0)
    names = []

    def cancel(work):
        wait_for(lambda: names, "the name of the execution")
        aws.carrier.cancel(names[0])

    kinds.before["a"] = cancel
    names.append(aws.carrier.submit(aws.handover()))
    execution = finished(aws, names[0])
    execution.thread.join(60)
    assert (execution.status, kinds.done) == ("ABORTED", ["a"])
    assert aws.files().result().state == JobState.CANCELLED


@pytest.mark.parametrize(("word", "state"), [*STATES.items(), ("SOMETHING_NEW", RemoteState.RUNNING)])
def test_every_word_of_aws(aws, kinds, word, state):  # noqa: F811
    aws.runtime.functions["probe"] = lambda event, context: {"clips": [], "size_bytes": 0}
    aws.runtime.functions["run_job"] = lambda event, context: {}  # leaves no result
    execution = run(aws)
    execution.status = word
    assert aws.carrier.look(execution.arn).state == state


def test_an_execution_that_nobody_knows_is_gone_unless_it_left_its_result(aws, kinds):  # noqa: F811
    execution = run(aws)
    aws.server.machines.executions.clear()
    assert aws.carrier.look(execution.arn).state == RemoteState.ENDED
    aws.storage.delete("jobs/a1b2/attempts/1/result.json")
    assert aws.carrier.look(execution.arn).state == RemoteState.GONE
    aws.carrier.cancel(execution.arn)


def test_a_machine_that_is_not_there(aws):
    carrier = LambdaCarrier(Settings.from_env({**aws.here, "STATE_MACHINE_ARN": MACHINE + "-not"}))
    for call in (lambda: carrier.submit(aws.handover()), carrier.health):
        with pytest.raises(Invalid, match="STATE_MACHINE_ARN"):
            call()
    assert "State machines" in aws.carrier.health()
