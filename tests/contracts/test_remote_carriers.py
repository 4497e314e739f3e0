"""What every carrier to machines of others keeps: the same suite over RunPod, AWS Lambda and a state machine of Step Functions.

Their stand-ins really run the handlers that are shipped, in threads of this process, with moto's S3 as storage.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from sightline.errors import JobError, StorageError
from sightline.jobs.carriers.remote import Handover, OutcomeUnknown, RemoteCarrier, RemoteState, RemoteStatus
from sightline.jobs.carriers.runpod import RunPodCarrier
from sightline.jobs.remote import worker
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.payload import Result, payload_of
from sightline.jobs.task import Task
from sightline.records.jobs import JobState
from sightline.settings import Settings
from sightline.storage import results_storage
from tests.jobs.job_kinds import Kinds, kinds  # noqa: F401 - fixture
from tests.jobs.remote.aws_world import MACHINE, aws_world
from tests.live_fakes import wait_for
from tests.stand_ins.runpod import ENDPOINT, KEY, RunPodServer
from tests.stand_ins.runpod_machine import work_here

WORKING = (RemoteState.WAITING, RemoteState.RUNNING)


@dataclass
class World:
    """A carrier and its other side."""

    carrier: RemoteCarrier
    settings: Settings
    """Of the machines."""
    turn_away: Callable[[], None]
    """The next handing over is refused: too many requests."""
    lose_answer: Callable[[], None]
    """The next handing over is taken, but not answered."""
    unknown_id: str

    def handover(self, attempt: int = 1) -> Handover:
        return Handover("a1b2", attempt, payload_of(Task("a1b2", attempt, "double", {}, ())), timeout_s=300.0, queue_s=60.0)

    def files(self, attempt: int = 1) -> AttemptFiles:
        return AttemptFiles(results_storage(self.settings), "a1b2", attempt)

    def ended(self, external_id: str) -> RemoteStatus:
        """How it is when it is over."""
        wait_for(lambda: self.carrier.look(external_id).state not in WORKING, "the end", 60)
        return self.carrier.look(external_id)

    def result(self, attempt: int = 1) -> Result:
        wait_for(lambda: self.files(attempt).result() is not None, "the result", 60)
        result = self.files(attempt).result()
        assert result is not None
        return result


@contextmanager
def runpod_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    server = RunPodServer(work_here)
    try:
        host, port = moto.get_host_and_port()
        httpx.post(f"http://{host}:{port}/moto-api/reset").raise_for_status()
        httpx.put(f"http://{host}:{port}/results").raise_for_status()
        there = {
            "STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "results", "S3_ENDPOINT_URL": f"http://{host}:{port}", "DISK_RESERVE": "0",
            "AWS_ACCESS_KEY_ID": "key-id", "AWS_SECRET_ACCESS_KEY": "very-secret", "DATA_DIR": str(folder / "there"),
        }  # fmt: skip
        for name, value in there.items():
            monkeypatch.setenv(name, value)
        ours = {"RUNPOD_ENDPOINT_BASE_URL": server.url, "RUNPOD_API_KEY": KEY, "RUNPOD_ENDPOINT_ID": ENDPOINT}
        carrier = RunPodCarrier(Settings.from_env({**there, **ours}))
        settings = Settings.from_env(there)
        yield World(carrier, settings, lambda: server.script("run", "429"), lambda: server.script("run", "lost"), "nobody-e1")
    finally:
        server.close()
        moto.stop()


@contextmanager
def amazon_world(folder: Path, monkeypatch: pytest.MonkeyPatch, unknown_id: str, **more: str) -> Iterator[World]:
    with aws_world(folder, **more) as aws:
        for name, value in aws.environ.items():
            monkeypatch.setenv(name, value)
        faults = aws.runtime.faults
        settings = Settings.from_env(aws.environ)
        yield World(aws.carrier, settings, lambda: faults.append("throttle"), lambda: faults.append("lose"), unknown_id)


@pytest.fixture(params=["runpod", "lambda", "state machine"])
def world(request, tmp_path, monkeypatch, kinds) -> Iterator[World]:  # noqa: F811
    monkeypatch.setattr(worker, "CANCEL_LOOK_S", 0.0)
    execution = f"{MACHINE.replace(':stateMachine:', ':execution:')}:c3d4-1"
    made = {
        "runpod": lambda: runpod_world(tmp_path, monkeypatch),
        "lambda": lambda: amazon_world(tmp_path, monkeypatch, f"call/c3d4/1/{time.time() - 60:.0f}"),
        "state machine": lambda: amazon_world(tmp_path, monkeypatch, execution, STATE_MACHINE_ARN=MACHINE),
    }[request.param]()
    with made as there:
        yield there


def test_it_has_names(world):
    assert world.carrier.name and world.carrier.label


def test_a_job_is_carried_out_and_its_result_lies_in_storage(world, kinds):  # noqa: F811
    external_id = world.carrier.submit(world.handover())
    assert 0 < len(external_id) <= 256
    assert world.ended(external_id).state == RemoteState.ENDED
    result = world.result()
    assert (result.state, [output.name for output in result.outputs]) == (JobState.SUCCEEDED, ["result.txt"])
    assert results_storage(world.settings).get("jobs/a1b2/result.txt") == b"abc"
    assert kinds.done == ["a", "b", "c"]


def test_progress_comes_through_and_counts_up(world, kinds):  # noqa: F811
    go_on, seen = threading.Event(), threading.Event()

    def wait(_work) -> None:
        seen.set()
        assert go_on.wait(30)

    kinds.before["b"] = wait
    external_id = world.carrier.submit(world.handover())
    assert seen.wait(30)
    wait_for(lambda: world.carrier.look(external_id).stages, "progress", 30)
    status = world.carrier.look(external_id)
    assert (status.state, [stage["name"] for stage in status.stages]) == (RemoteState.RUNNING, ["a", "b", "c"])
    assert status.sequence >= 1
    go_on.set()
    assert world.ended(external_id).state == RemoteState.ENDED


def test_a_job_that_fails_there_says_why_in_storage(world, kinds):  # noqa: F811
    def fail(_work) -> None:
        raise JobError("ffmpeg failed.", code="command_failed")

    kinds.before["b"] = fail
    external_id = world.carrier.submit(world.handover())
    assert world.ended(external_id).state in (RemoteState.ENDED, RemoteState.FAILED)
    result = world.result()
    assert (result.state, result.error["code"], result.error["stage"]) == (JobState.FAILED, "command_failed", "b")


def test_an_attempt_that_is_handed_over_twice_is_carried_out_once(world, kinds):  # noqa: F811
    first = world.carrier.submit(world.handover())
    world.ended(first)
    result = world.result()
    second = world.carrier.submit(world.handover())
    assert world.ended(second).state == RemoteState.ENDED
    assert world.result() == result
    assert kinds.done == ["a", "b", "c"]


def test_another_attempt_is_another_job(world, kinds):  # noqa: F811
    first = world.carrier.submit(world.handover())
    world.ended(first)
    second = world.carrier.submit(world.handover(attempt=2))
    assert second != first
    world.ended(second)
    assert world.result(2).state == JobState.SUCCEEDED


def test_cancelling_ends_it(world, kinds):  # noqa: F811
    go_on, seen = threading.Event(), threading.Event()

    def wait(_work) -> None:
        seen.set()
        assert go_on.wait(30)

    kinds.before["a"] = wait
    external_id = world.carrier.submit(world.handover())
    assert seen.wait(30)
    world.files().want_cancel()
    world.carrier.cancel(external_id)
    world.carrier.cancel(external_id)
    go_on.set()
    assert world.result().state == JobState.CANCELLED
    assert world.ended(external_id).state in (RemoteState.CANCELLED, RemoteState.ENDED)
    assert "c" not in kinds.done


def test_what_is_not_known_there_is_gone_and_may_be_cancelled(world):
    assert world.carrier.look(world.unknown_id).state == RemoteState.GONE
    world.carrier.cancel(world.unknown_id)


def test_what_is_turned_away_was_not_taken_and_may_be_tried_again(world, kinds):  # noqa: F811
    world.turn_away()
    with pytest.raises(StorageError) as caught:
        world.carrier.submit(world.handover())
    assert caught.value.is_transient and not isinstance(caught.value, OutcomeUnknown)
    assert kinds.done == []
    assert world.ended(world.carrier.submit(world.handover())).state == RemoteState.ENDED


def test_a_lost_answer_is_said_to_be_one_and_the_job_is_found(world, kinds):  # noqa: F811
    world.lose_answer()
    with pytest.raises(OutcomeUnknown):
        world.carrier.submit(world.handover())
    result = world.result()
    assert result.state == JobState.SUCCEEDED
    external_id = world.carrier.find(world.handover()) or world.files().started()
    assert external_id and world.ended(external_id).state == RemoteState.ENDED
    assert kinds.done == ["a", "b", "c"]


def test_how_it_is_over_there_is_told_in_words(world):
    assert world.carrier.health().endswith(".")
