"""A worker that hands jobs to other machines is killed at every step, and those fail in every way: each job ends once."""

import atexit
import contextlib
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from sightline.jobs.carriers.remote import RemoteState
from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.sending import call_token, token_sha256
from sightline.records.database import Database
from sightline.records.jobs import ENDED, JobState
from tests.jobs.job_kinds import Kinds, Office, kinds, office  # noqa: F401 - fixtures
from tests.jobs.remote.elsewhere import Elsewhere, away, elsewhere  # noqa: F401 - fixture

MOST_STEPS = 50
MEMORY = Path("/dev/shm")
"""Where writing is quick: each example has a database of its own."""


class Killed(BaseException):
    """The worker is gone."""


class Fate:
    """Kills the worker before or after the call that is `left` steps away."""

    def __init__(self) -> None:
        self.left: int | None = None

    def step(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.left = None
            raise Killed


class Mortal:
    """Passes calls on, while Fate allows it."""

    def __init__(self, target: object, fate: Fate) -> None:
        self._target = target
        self._fate = fate

    def __getattr__(self, name: str) -> object:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*args: object, **more: object) -> object:
            self._fate.step()
            given = found(*args, **more)
            self._fate.step()
            return given

        return call


def make_mortal(elsewhere: Elsewhere, fate: Fate) -> None:  # noqa: F811
    """Whatever the worker calls may be the last that it does."""
    elsewhere.use()
    elsewhere.sender._jobs = Mortal(elsewhere.sender._jobs, fate)
    elsewhere.looks._settling._jobs = elsewhere.looks._jobs = Mortal(elsewhere.looks._jobs, fate)
    elsewhere.looks._runs = Mortal(elsewhere.looks._runs, fate)
    elsewhere.looks._carrier = Mortal(elsewhere.looks._carrier, fate)


def work(elsewhere: Elsewhere, job_id: str) -> None:  # noqa: F811
    """All that a worker does for a job which the other side carries out."""
    elsewhere.send()
    elsewhere.look(0)
    if elsewhere.landlord.taken:
        elsewhere.say(RemoteState.RUNNING, sequence=1, progress=50.0)
        elsewhere.look(70)
        elsewhere.finish()
        elsewhere.say(RemoteState.ENDED)
    elsewhere.look(200)


@pytest.mark.parametrize("step", range(1, MOST_STEPS, 3))
def test_a_worker_that_is_killed_at_any_step_leaves_a_job_that_ends_once(elsewhere, step):  # noqa: F811
    fate = Fate()
    make_mortal(elsewhere, fate)
    job_id = elsewhere.office.add()
    fate.left = step
    with contextlib.suppress(Killed):
        work(elsewhere, job_id)
    was_killed = fate.left is None
    fate.left = None
    elsewhere.use()
    for _ in range(4):  # the worker that comes after it
        elsewhere.hurry()
        work(elsewhere, job_id)
    job = elsewhere.jobs.get(job_id)
    assert (job.state, [output.name for output in job.outputs]) == (JobState.SUCCEEDED, ["result.txt"])
    attempts = [handover.attempt for handover in elsewhere.landlord.taken.values()]
    assert len(attempts) == 1, "it was handed over again although it had a result"
    assert job.attempt == attempts[0]
    assert was_killed or step > 20, "there are more steps than these"


@cache
def migrated() -> Path:
    """An empty database, made once."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    path = Path(folder) / "empty.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


class Faults(RuleBasedStateMachine):
    """Jobs, a worker that dies, and a landlord of whom nothing is certain."""

    jobs = Bundle("jobs")

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        (self.folder / "var").mkdir()
        shutil.copy(migrated(), self.folder / "var" / "sightline.db")
        self.patch = pytest.MonkeyPatch()
        Kinds(self.patch)
        self.office = Office(self.folder)
        self.elsewhere = Elsewhere(self.office)
        self.fate = Fate()
        make_mortal(self.elsewhere, self.fate)
        self.ids: list[str] = []
        self.ends: dict[str, tuple[object, ...]] = {}

    @rule(target=jobs)
    def add(self) -> str:
        self.ids.append(self.office.add())
        return self.ids[-1]

    @rule(later_s=st.sampled_from([0.0, 3.0, 40.0, 130.0]), steps=st.sampled_from([None, None, None, 1, 2, 3, 5, 8]))
    def go_on(self, later_s: float, steps: int | None) -> None:
        self.fate.left = steps
        try:
            self.elsewhere.send()
            self.elsewhere.look(later_s)
        except Killed:
            make_mortal(self.elsewhere, self.fate)
            self.elsewhere.hurry()
        self.fate.left = None

    @rule(count=st.integers(1, 3))
    def lose_answers(self, count: int) -> None:
        self.elsewhere.landlord.faults += [away()] * count

    @rule()
    def lose_the_next_handing_over(self) -> None:
        self.elsewhere.landlord.is_answer_lost = True

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        if self.elsewhere.jobs.get(job_id).state not in ENDED:
            self.elsewhere.jobs.cancel(job_id)

    @rule(job_id=jobs, attempt=st.integers(1, 3), name=st.sampled_from(["", "run-1", "no-such-run"]))
    def call(self, job_id: str, attempt: int, name: str) -> None:
        token = token_sha256(call_token(self.elsewhere.settings, job_id, attempt))
        self.elsewhere.runs.call("runpod", token, name, 0.0)

    @rule(data=st.data(), state=st.sampled_from(list(RemoteState)))
    def say(self, data: st.DataObject, state: RemoteState) -> None:
        if self.elsewhere.landlord.taken:
            self.elsewhere.say(state, name=data.draw(st.sampled_from(sorted(self.elsewhere.landlord.taken))), sequence=1)

    @rule(data=st.data(), ends_as=st.sampled_from(["succeeded", "succeeded", "failed", "transient"]))
    def finish(self, data: st.DataObject, ends_as: str) -> None:
        if not self.elsewhere.landlord.taken:
            return
        name = data.draw(st.sampled_from(sorted(self.elsewhere.landlord.taken)))
        if self._files(name).result() is not None:
            return  # a result stays what it is
        error = {"code": "command_failed", "message": "ffmpeg failed.", "stage": "b"}
        failed = {"state": JobState.FAILED, "outputs": (), "error": error, "is_transient": ends_as == "transient"}
        self.elsewhere.finish(name, **({} if ends_as == "succeeded" else failed))

    @invariant()
    def ends_stay(self) -> None:
        for job_id in self.ids:
            job = self.elsewhere.jobs.get(job_id)
            if job.state in ENDED:
                end = job.state, job.attempt, job.outputs, job.ended_at
                assert self.ends.setdefault(job_id, end) == end
            if job.state == JobState.SUCCEEDED:
                result = AttemptFiles(self.elsewhere.storage, job_id, job.attempt).result()
                assert result is not None and result.outputs == job.outputs

    def teardown(self) -> None:
        """The other side keeps what it promises from now on: every job comes to its end."""
        self.elsewhere.landlord.faults.clear()
        self.elsewhere.landlord.is_answer_lost = False
        self.elsewhere.use()
        for _ in range(12):
            if all(self.elsewhere.jobs.get(job_id).state in ENDED for job_id in self.ids):
                break
            self.elsewhere.hurry()
            while self.elsewhere.send():
                continue
            for name in self.elsewhere.landlord.taken:
                if self._files(name).result() is None:
                    self.elsewhere.finish(name)
                self.elsewhere.say(RemoteState.ENDED, name=name)
            self.elsewhere.look(130)
            self.ends_stay()
        states = {job_id: self.elsewhere.jobs.get(job_id).state for job_id in self.ids}
        assert [job_id for job_id, state in states.items() if state not in ENDED] == []
        self.office.database.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    def _files(self, name: str) -> AttemptFiles:
        handover = self.elsewhere.landlord.taken[name]
        return AttemptFiles(self.elsewhere.storage, handover.job_id, handover.attempt)


TestFaults = Faults.TestCase
TestFaults.settings = hypothesis_settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip
