"""Our side of jobs on machines of others: handed over once, asked for, ended once, whatever the other side does."""

import threading

import pytest

from sightline.errors import Invalid, StorageError
from sightline.jobs.carriers.remote import RemoteState
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.forsaken import FORSAKEN_S, take_back_forsaken
from sightline.jobs.remote.looking import UNKNOWN_S
from sightline.jobs.remote.payload import read_payload
from sightline.jobs.remote.sending import HERE, call_token, token_sha256
from sightline.jobs.runner import Runner
from sightline.records.jobs import JobState, Lost
from tests.jobs.job_kinds import kinds, office  # noqa: F401 - fixtures
from tests.jobs.remote.elsewhere import away, elsewhere  # noqa: F401 - fixture

STAGE = {"name": "b", "label": "B", "weight": 2.0, "state": "running", "progress": 50.0}


def test_a_job_goes_there_and_its_result_comes_back(elsewhere):  # noqa: F811
    job_id = elsewhere.begin(early=3)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.lease_owner, job.stages[0].label) == (JobState.WAITING_EXTERNAL, "", "Wait for a machine of RunPod")
    (handover,) = elsewhere.landlord.taken.values()
    task = read_payload(handover.payload)
    assert (task.job_id, task.attempt, task.kind, task.params) == (job_id, 1, "double", {"early": 3})
    assert elsewhere.storage.get(task.inputs[0].origin.removeprefix("storage:")) == b"footage"
    elsewhere.say(RemoteState.RUNNING, sequence=2, stages=(STAGE,), progress=40.0)
    elsewhere.look()
    job = elsewhere.jobs.get(job_id)
    assert [(stage.name, stage.state) for stage in job.stages] == [("machine", "done"), ("b", "running")]
    assert job.progress == 40.0
    elsewhere.finish()
    elsewhere.say(RemoteState.ENDED, used_s=12.3)
    elsewhere.look()
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.progress, [output.name for output in job.outputs]) == (JobState.SUCCEEDED, 100.0, ["result.txt"])
    assert (job.notices, job.stages[0].message) == (("It is fine.",), "RunPod, 12 s of machine time")
    assert elsewhere.look() == 0


def test_progress_that_is_older_than_what_is_known_changes_nothing(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    for sequence, percent in ((5, 50.0), (3, 10.0), (6, 45.0)):
        elsewhere.say(RemoteState.RUNNING, sequence=sequence, stages=(STAGE,), progress=percent)
        elsewhere.look(40)
    assert (elsewhere.jobs.get(job_id).progress, elsewhere.run(job_id).sequence) == (50.0, 6)


@pytest.mark.parametrize("stage", [{}, {"name": 1, "label": [], "weight": "x"}, {**STAGE, "surprise": 1}, {**STAGE, "weight": {}}])
def test_nonsense_instead_of_progress_is_passed_over(elsewhere, stage):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.say(RemoteState.RUNNING, sequence=1, stages=(stage,), progress=30.0)
    elsewhere.look(40)
    assert [s.name for s in elsewhere.jobs.get(job_id).stages] == ["machine", "a", "b", "c"]


def test_an_input_is_put_into_storage_once(elsewhere, monkeypatch):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.say(RemoteState.FAILED)
    elsewhere.look(30)
    elsewhere.look(30)
    assert elsewhere.jobs.get(job_id).state == JobState.QUEUED
    monkeypatch.setattr(type(elsewhere.storage), "put", lambda *_: pytest.fail("it is there already"))
    elsewhere.hurry()
    assert elsewhere.send()
    assert elsewhere.jobs.get(job_id).state == JobState.WAITING_EXTERNAL


def test_an_input_that_was_deleted_ends_the_job(elsewhere):  # noqa: F811
    job_id = elsewhere.office.add()
    (elsewhere.office.settings.data_dir / "uploads" / "in.txt").unlink()
    elsewhere.send()
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "input_missing")


def test_storage_that_is_away_makes_the_job_wait_without_blame(elsewhere, monkeypatch):  # noqa: F811
    job_id = elsewhere.office.add()

    def refuse(*_: object) -> None:
        raise StorageError("S3 does not answer.", code="s3_unreachable")

    monkeypatch.setattr(type(elsewhere.storage), "put", refuse)
    elsewhere.send()
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.failures) == (JobState.QUEUED, 0)
    assert job.not_before > job.created_at + 5


@pytest.mark.parametrize("fault", [away(), away(retry_after_s=500.0)], ids=["away", "throttled"])
def test_a_landlord_who_is_away_gets_the_job_later(elsewhere, fault):  # noqa: F811
    job_id = elsewhere.office.add()
    elsewhere.send()
    elsewhere.landlord.faults = [fault]
    elsewhere.look(0)
    assert elsewhere.jobs.get(job_id).state == JobState.WAITING_EXTERNAL
    assert elsewhere.look(100) == (0 if fault.facts else 1)
    elsewhere.look(500)
    assert len(elsewhere.landlord.taken) == 1


def test_a_refused_key_ends_a_job_that_is_handed_over_with_words(elsewhere):  # noqa: F811
    job_id = elsewhere.office.add()
    elsewhere.send()
    elsewhere.landlord.faults = [Invalid("RunPod refuses the API key: correct RUNPOD_API_KEY.", code="bad_setting")]
    elsewhere.look(0)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "bad_setting")
    assert "RUNPOD_API_KEY" in job.error["message"]


def test_a_key_that_is_refused_later_is_told_and_the_job_goes_on(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.landlord.faults = [Invalid("RunPod refuses the API key.", code="bad_setting")]
    elsewhere.look(30)
    assert elsewhere.jobs.get(job_id).notices == ("RunPod refuses the API key.",)
    elsewhere.finish()
    elsewhere.say(RemoteState.ENDED)
    elsewhere.look(40)
    assert elsewhere.jobs.get(job_id).state == JobState.SUCCEEDED


# The answer to the handing over is lost


def lose_answer(elsewhere) -> str:  # noqa: F811
    job_id = elsewhere.office.add()
    elsewhere.send()
    elsewhere.landlord.is_answer_lost = True
    elsewhere.look(0)
    assert elsewhere.run(job_id).external_id == ""
    return job_id


def test_a_lost_answer_is_found_by_its_name(elsewhere):  # noqa: F811
    job_id = lose_answer(elsewhere)
    elsewhere.landlord.finds = True
    elsewhere.look(5)
    assert elsewhere.run(job_id).external_id == "run-1"
    assert len(elsewhere.landlord.taken) == 1


def test_a_lost_answer_is_known_once_the_machine_begins(elsewhere):  # noqa: F811
    job_id = lose_answer(elsewhere)
    AttemptFiles(elsewhere.storage, job_id, 1).begin("run-1")
    elsewhere.look(5)
    assert elsewhere.run(job_id).external_id == "run-1"


def test_a_lost_answer_is_known_by_the_call_of_the_other_side(elsewhere):  # noqa: F811
    job_id = lose_answer(elsewhere)
    token = token_sha256(call_token(elsewhere.settings, job_id, 1))
    assert elsewhere.runs.call("runpod", token, "run-1", 0.0)
    elsewhere.finish()
    elsewhere.say(RemoteState.ENDED)
    assert elsewhere.look(0) == 1
    assert elsewhere.jobs.get(job_id).state == JobState.SUCCEEDED


def test_a_lost_answer_and_a_result_are_enough(elsewhere):  # noqa: F811
    job_id = lose_answer(elsewhere)
    elsewhere.finish()
    elsewhere.look(5)
    assert elsewhere.jobs.get(job_id).state == JobState.SUCCEEDED


def test_what_was_never_heard_of_again_is_handed_over_again_as_the_same_attempt(elsewhere):  # noqa: F811
    job_id = lose_answer(elsewhere)
    elsewhere.look(UNKNOWN_S - 10)
    assert len(elsewhere.landlord.taken) == 1
    elsewhere.look(40)
    first, second = elsewhere.landlord.taken.values()
    assert (first.job_id, first.attempt) == (second.job_id, second.attempt) == (job_id, 1)


def test_a_job_that_nobody_takes_ends(elsewhere):  # noqa: F811
    job_id = elsewhere.office.add()
    elsewhere.send()
    for _ in range(40):
        elsewhere.landlord.is_answer_lost = True
        elsewhere.look(60)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "no_machine")


# Ends


def test_done_without_a_result_is_tried_again_and_counted(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.say(RemoteState.ENDED)
    elsewhere.look(30)
    assert elsewhere.jobs.get(job_id).state == JobState.WAITING_EXTERNAL  # it may be seen a moment later
    elsewhere.look(30)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.failures) == (JobState.QUEUED, 1)


@pytest.mark.parametrize("fault", ["gone", "cut", "foreign", "none"])
def test_a_result_whose_output_is_missing_is_no_success(elsewhere, fault):  # noqa: F811
    job_id = elsewhere.begin()
    result = elsewhere.finish(**({"outputs": ()} if fault == "none" else {}))
    if fault == "gone":
        elsewhere.storage.delete(result.outputs[0].key)
    if fault == "cut":
        elsewhere.storage.put(result.outputs[0].key, b"res", "text/plain")
    if fault == "foreign":
        stored = elsewhere.storage.put("frames/secret.jpg", b"result", "image/jpeg")
        elsewhere.finish(outputs=(type(result.outputs[0])("x", stored.key, stored.size_bytes, stored.sha256, "image/jpeg"),))
    elsewhere.say(RemoteState.ENDED)
    elsewhere.look(30)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.failures, job.outputs) == (JobState.QUEUED, 1, ())


def test_the_third_missing_result_ends_the_job(elsewhere):  # noqa: F811
    job_id = elsewhere.office.add()
    for _ in range(3):
        elsewhere.hurry()
        assert elsewhere.send()
        elsewhere.look()
        elsewhere.say(RemoteState.ENDED)
        elsewhere.look()
        elsewhere.look()
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.error["code"], job.attempt) == (JobState.FAILED, "result_missing", 3)


@pytest.mark.parametrize(
    ("state", "ends_as", "code"),
    [
        (RemoteState.GONE, JobState.EXPIRED, "expired"),
        (RemoteState.TIMED_OUT, JobState.TIMED_OUT, "timeout"),
        (RemoteState.CANCELLED, JobState.CANCELLED, "cancelled_there"),
    ],
)
def test_an_end_without_a_result_is_said(elsewhere, state, ends_as, code):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.say(state)
    elsewhere.look(30)
    elsewhere.look(30)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.error["code"]) == (ends_as, code)


@pytest.mark.parametrize("state", [RemoteState.GONE, RemoteState.TIMED_OUT, RemoteState.FAILED, RemoteState.CANCELLED])
def test_the_result_counts_whatever_the_landlord_says(elsewhere, state):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.finish()
    elsewhere.say(state)
    elsewhere.look(30)
    assert elsewhere.jobs.get(job_id).state == JobState.SUCCEEDED


def test_an_error_over_there_is_the_jobs_error(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.finish(state=JobState.FAILED, outputs=(), error={"code": "command_failed", "message": "ffmpeg failed.", "stage": "b"})
    elsewhere.say(RemoteState.FAILED)
    elsewhere.look(30)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.error) == (JobState.FAILED, {"code": "command_failed", "message": "ffmpeg failed.", "stage": "b"})


def test_a_transient_error_over_there_is_tried_again(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    error = {"code": "disk_full", "message": "The disk is full.", "stage": "b"}
    elsewhere.finish(state=JobState.FAILED, outputs=(), error=error, is_transient=True)
    elsewhere.say(RemoteState.ENDED)
    elsewhere.look(30)
    assert (elsewhere.jobs.get(job_id).state, elsewhere.jobs.get(job_id).failures) == (JobState.QUEUED, 1)


@pytest.mark.parametrize("left", [b"no json", b"[]", b'{"version": 9}', b'{"version": 1, "job_id": "other"}'])
def test_a_result_that_is_none_is_a_fault_of_the_attempt(elsewhere, left):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.storage.put(f"jobs/{job_id}/attempts/1/result.json", left, "application/json")
    elsewhere.say(RemoteState.ENDED)
    elsewhere.look(30)
    assert (elsewhere.jobs.get(job_id).state, elsewhere.jobs.get(job_id).failures) == (JobState.QUEUED, 1)


# Limits and cancelling


def test_who_waits_too_long_for_a_machine_ends_with_words(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.look(1900)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "no_machine")
    assert elsewhere.landlord.cancelled == ["run-1"]


def test_who_waits_too_long_runs_here_when_that_is_wished(elsewhere, kinds):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.use(job_fallback="on")
    elsewhere.look(1900)
    job = elsewhere.jobs.get(job_id)
    assert job.state == JobState.QUEUED
    assert "runs on this one" in job.notices[0]
    assert not elsewhere.send()  # it is not handed over again
    claimed = elsewhere.jobs.claim("test", 30.0, elsewhere.office.now_s + 9, kept_for=HERE)
    assert claimed is not None and claimed.attempt == 2
    assert not Runner(elsewhere.settings, elsewhere.office.database, HERE).work(threading.Event())


def test_who_began_while_nobody_looked_has_not_waited_too_long(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.say(RemoteState.RUNNING)
    elsewhere.look(5000)
    assert elsewhere.jobs.get(job_id).state == JobState.WAITING_EXTERNAL
    assert elsewhere.landlord.cancelled == []


def test_a_result_that_nobody_told_of_counts_at_the_end_of_the_time(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.finish()
    elsewhere.look(1900)
    assert elsewhere.jobs.get(job_id).state == JobState.SUCCEEDED


def test_a_bucket_that_refuses_us_is_told_and_the_job_goes_on(elsewhere, monkeypatch):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.finish()
    elsewhere.say(RemoteState.ENDED)

    def refuse(*_: object) -> None:
        raise StorageError("S3 refuses our credentials.", code="s3_denied", is_transient=False)

    with monkeypatch.context() as patch:
        patch.setattr(type(elsewhere.storage), "get", refuse)
        elsewhere.look(30)
    assert elsewhere.jobs.get(job_id).notices == ("S3 refuses our credentials.",)
    elsewhere.look(40)
    assert elsewhere.jobs.get(job_id).state == JobState.SUCCEEDED


def test_who_runs_too_long_is_ended(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.say(RemoteState.RUNNING)
    elsewhere.look(30)
    elsewhere.look(200)
    assert elsewhere.jobs.get(job_id).state == JobState.TIMED_OUT
    assert elsewhere.landlord.cancelled == ["run-1"]


def test_limits_hold_while_nobody_answers(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.landlord.faults = [away()] * 99
    for _ in range(30):
        elsewhere.look(100)
    assert elsewhere.jobs.get(job_id).state == JobState.FAILED


def test_a_wish_to_cancel_is_passed_on_at_once(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.jobs.cancel(job_id)
    assert elsewhere.look(0) == 1
    assert elsewhere.jobs.get(job_id).state == JobState.CANCELLED
    assert elsewhere.landlord.cancelled == ["run-1"]
    assert AttemptFiles(elsewhere.storage, job_id, 1).is_cancel_wanted()


def test_a_landlord_who_is_away_does_not_keep_a_job_from_being_cancelled(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    elsewhere.landlord.faults = [away()]
    elsewhere.jobs.cancel(job_id)
    elsewhere.look(0)
    assert elsewhere.jobs.get(job_id).state == JobState.CANCELLED
    assert AttemptFiles(elsewhere.storage, job_id, 1).is_cancel_wanted()  # its machine sees this


def test_what_is_cancelled_before_it_is_handed_over_never_gets_there(elsewhere):  # noqa: F811
    job_id = elsewhere.office.add()
    elsewhere.send()
    elsewhere.jobs.cancel(job_id)
    elsewhere.look(0)
    assert (elsewhere.jobs.get(job_id).state, elsewhere.landlord.taken) == (JobState.CANCELLED, {})


def test_what_is_cancelled_while_it_is_handed_over_is_called_off(elsewhere, monkeypatch):  # noqa: F811
    job_id = elsewhere.office.add()
    elsewhere.send()
    submit = elsewhere.landlord.submit

    def slow(handover):
        elsewhere.jobs.cancel(job_id)
        elsewhere.jobs.end(job_id, 1, JobState.CANCELLED)  # as another worker's look does
        return submit(handover)

    monkeypatch.setattr(elsewhere.landlord, "submit", slow)
    elsewhere.look(0)
    assert elsewhere.landlord.cancelled == ["run-1"]


def test_two_workers_share_the_looks(elsewhere):  # noqa: F811
    for _ in range(6):
        elsewhere.office.add()
        elsewhere.send()
    threads = [threading.Thread(target=lambda: [elsewhere.looks.look() for _ in range(6)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(elsewhere.landlord.taken) == 6
    assert len({handover.job_id for handover in elsewhere.landlord.taken.values()}) == 6


def test_an_attempt_that_is_over_cannot_be_handed_over(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    with pytest.raises(Lost):
        elsewhere.jobs.hand_over(job_id, 7, "runpod", "0" * 64, 0.0)


def test_a_job_whose_carrier_nobody_uses_any_more_is_queued_again(elsewhere):  # noqa: F811
    job_id = elsewhere.begin()
    database = elsewhere.office.database
    due_at = elsewhere.run(job_id).look_at
    assert take_back_forsaken(database, "runpod", due_at + FORSAKEN_S + 1) == 0
    assert take_back_forsaken(database, "embedded", due_at + FORSAKEN_S - 1) == 0
    assert take_back_forsaken(database, "embedded", due_at + FORSAKEN_S + 1) == 1
    assert elsewhere.jobs.get(job_id).state == JobState.QUEUED
