"""The other side: an attempt is carried out from its payload alone, once, and its result lies in storage."""

import dataclasses
import hashlib
import sys
import threading
from pathlib import Path

import pytest

import analyzers
from sightline.errors import JobError, StorageError
from sightline.jobs.remote import worker
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.payload import payload_of, read_payload, read_result, result_json, result_key
from sightline.jobs.remote.sending import remote_task
from sightline.jobs.remote.worker import carry_out
from sightline.jobs.workspace import Workspace
from sightline.records.jobs import JobState
from sightline.settings import Settings
from sightline.storage import results_storage
from tests.jobs.job_kinds import Office, kinds, office  # noqa: F401 - fixtures


class Machine:
    """A machine of others with a disk of its own; storage is shared (a link to the same folder)."""

    def __init__(self, office: Office, folder: Path) -> None:  # noqa: F811
        self.settings = Settings.from_env({}, data_dir=str(folder))
        folder.mkdir()
        (office.settings.data_dir / "storage").mkdir(exist_ok=True)
        (folder / "storage").symlink_to(office.settings.data_dir / "storage")
        self.told: list[dict] = []

    def run(self, payload, name: str = "run-1"):
        return carry_out(payload, self.settings, self.told.append, name)


@pytest.fixture
def machine(office, tmp_path):  # noqa: F811
    return Machine(office, tmp_path / "machine")


@pytest.fixture
def payload(office, kinds):  # noqa: F811
    """Of a job whose input lies in storage."""
    office.add(early=2)
    task = remote_task(office.claim())
    results_storage(office.settings).put(task.inputs[0].origin.removeprefix("storage:"), b"footage", "text/plain")
    return payload_of(dataclasses.replace(task, inputs=(dataclasses.replace(task.inputs[0], sha256=SHA256),)))


SHA256 = hashlib.sha256(b"footage").hexdigest()


def files(machine, payload) -> AttemptFiles:
    return AttemptFiles(results_storage(machine.settings), payload["job_id"], payload["attempt"])


def test_an_attempt_is_carried_out_and_leaves_its_result(machine, payload, kinds):  # noqa: F811
    result = machine.run(payload)
    assert (result.state, [output.name for output in result.outputs]) == (JobState.SUCCEEDED, ["result.txt"])
    assert results_storage(machine.settings).get(result.outputs[0].key) == b"abc"
    assert files(machine, payload).result() == result
    assert files(machine, payload).started() == "run-1"
    assert [told["seq"] for told in machine.told] == list(range(1, len(machine.told) + 1))
    assert machine.told[-1]["stages"][-1]["state"] == "done"
    assert not Workspace(machine.settings, payload["job_id"]).folder.exists()


def test_a_repeated_call_runs_nothing(machine, payload, kinds):  # noqa: F811
    first = machine.run(payload)
    assert machine.run(payload) == first
    assert kinds.done == ["a", "b", "c"]


def test_two_calls_at_the_same_time_leave_one_result(machine, payload, kinds):  # noqa: F811
    results = []
    threads = [threading.Thread(target=lambda: results.append(machine.run(payload))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0].state == results[1].state == JobState.SUCCEEDED
    assert results[0].outputs == results[1].outputs == files(machine, payload).result().outputs


def test_a_failure_is_a_result_with_its_stage(machine, payload, kinds):  # noqa: F811
    def fail(work) -> None:
        raise JobError("ffmpeg failed.", code="command_failed", detail="last words")

    kinds.before["b"] = fail
    result = machine.run(payload)
    assert (result.state, result.is_transient) == (JobState.FAILED, False)
    assert result.error == {"code": "command_failed", "message": "ffmpeg failed.", "detail": "last words", "stage": "b"}
    assert [stage.state for stage in result.stages][-3:] == ["done", "failed", "waiting"]


def test_after_a_transient_failure_the_next_attempt_on_the_same_machine_goes_on(machine, payload, kinds):  # noqa: F811
    def fail(work) -> None:
        raise StorageError("The disk is full.", code="disk_full")

    kinds.before["c"] = fail
    assert machine.run(payload).is_transient
    kinds.before.clear()
    assert machine.run({**payload, "attempt": 2}).state == JobState.SUCCEEDED
    assert kinds.done == ["a", "b", "c", "c"]


def test_the_wish_to_cancel_is_seen_in_storage(machine, payload, kinds, monkeypatch):  # noqa: F811
    monkeypatch.setattr(worker, "CANCEL_LOOK_S", 0.0)
    kinds.before["b"] = lambda work: files(machine, payload).want_cancel()
    assert machine.run(payload).state == JobState.CANCELLED
    assert kinds.done == ["a", "b"]


def test_what_is_cancelled_before_it_begins_runs_nothing(machine, payload, kinds):  # noqa: F811
    files(machine, payload).want_cancel()
    assert machine.run(payload).state == JobState.CANCELLED
    assert kinds.done == []


def test_who_comes_second_with_the_same_attempt_gives_up(machine, payload, kinds, monkeypatch):  # noqa: F811
    first = dataclasses.replace(machine.run({**payload, "attempt": 9}), attempt=1)
    monkeypatch.setattr(worker, "CANCEL_LOOK_S", 0.0)
    kinds.before["a"] = lambda work: files(machine, payload).leave(first)
    assert machine.run(payload) == first
    assert results_storage(machine.settings).get(first.outputs[0].key) == b"abc"


def test_footage_that_is_gone_is_told(machine, payload):
    results_storage(machine.settings).delete(payload["inputs"][0]["origin"].removeprefix("storage:"))
    assert machine.run(payload).error["code"] == "input_missing"


@pytest.mark.parametrize("change", [{"version": 2}, {"inputs": None}, {"inputs": [{"x": 1}]}, {"attempt": "x"}, {"params": 3}])
def test_a_payload_that_is_none_is_refused(machine, payload, change):
    with pytest.raises(JobError) as caught:
        machine.run({**payload, **change})
    assert caught.value.code == "bad_payload"
    with pytest.raises(JobError):
        read_payload({})


@pytest.mark.parametrize("needs", [True, False])
def test_analyzers_are_loaded_only_where_the_kind_runs_them(machine, payload, kinds, monkeypatch, needs):  # noqa: F811
    loads = []
    monkeypatch.setattr(analyzers, "load", lambda: loads.append("all"))
    double = sys.modules["sightline.jobs.kinds.double"]
    monkeypatch.setattr(double, "KIND", dataclasses.replace(double.KIND, needs_analyzers=needs))
    assert machine.run(payload).state == JobState.SUCCEEDED
    assert len(loads) == needs


def test_a_kind_that_is_not_known_there_is_a_result(machine, payload, kinds):  # noqa: F811
    result = machine.run({**payload, "kind": "other"})
    assert (result.state, result.error["code"]) == (JobState.FAILED, "unknown_kind")


def test_documents_survive_the_way_there_and_back(machine, payload):
    result = machine.run(payload)
    assert read_result(result_json(result)) == result
    assert payload_of(read_payload(payload)) == payload
    assert result_key("j", 3) == "jobs/j/attempts/3/result.json"
