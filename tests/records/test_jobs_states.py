"""The table of jobs under any order of what workers, people and the clock do: one owner at a time, and each try ends once."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from sightline.errors import Conflict
from sightline.records.database import Database
from sightline.records.jobs import (
    ENDED,
    FIRST_RETRY_S,
    MOST_FAILURES,
    JobInput,
    JobOutput,
    Jobs,
    JobState,
    Lost,
    NewJob,
    StageProgress,
)

OUTPUT = JobOutput("a.mp4", "jobs/x/a.mp4", 5, "0" * 64, "video/mp4")
LEASE_S = 30.0
OWNERS = ("ann", "bob", "cid")


@dataclass
class Expected:
    """What a job's row must say."""

    state: JobState = JobState.QUEUED
    attempt: int = 0
    failures: int = 0
    owner: str = ""
    lease_until: float = 0.0
    not_before: float = 0.0
    is_cancel_wanted: bool = False
    progress: float = 0.0


@dataclass(frozen=True)
class Claim:
    """An attempt, as its worker remembers it: perhaps long given up."""

    job_id: str
    attempt: int


@cache
def empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        database = Database(f"sqlite:///{path}")
        database.migrate()
        database.close()
        return path.read_bytes()


class JobTable(RuleBasedStateMachine):
    """Three workers and some people over a few jobs, and a clock of their own."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "jobs.db"
        path.write_bytes(empty_database())
        self.database = Database(f"sqlite:///{path}")
        self.jobs = Jobs(self.database)
        self.now = 1_000.0
        self.expected: dict[str, Expected] = {}
        self.ends: Counter[str] = Counter()
        self.tries: Counter[str] = Counter()

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    # What happens

    @precondition(lambda self: len(self.expected) < 3)
    @rule()
    def add(self):
        job, _ = self.jobs.add(NewJob("transcode", [JobInput("a", "uploads/a", "0" * 64, 1)], {}, None, 60.0))
        self.expected[job.id] = Expected()
        self.tries[job.id] += 1

    @rule(seconds=st.sampled_from([0.5, FIRST_RETRY_S, LEASE_S / 2, LEASE_S + 1]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(target=claims, owner=st.sampled_from(OWNERS), data=st.data())
    def claim(self, owner, data):
        wanted = data.draw(st.sampled_from(["", *self.expected]))
        job = self.jobs.claim(owner, LEASE_S, self.now, wanted)
        due = [i for i, e in self.expected.items() if e.state == JobState.QUEUED and e.not_before <= self.now]
        allowed = [i for i in due if wanted in ("", i)]
        if not allowed:
            assert job is None
            return Claim("nothing", 0)
        assert job is not None
        assert job.id in allowed
        expected = self.expected[job.id]
        expected.state, expected.attempt, expected.progress = JobState.RUNNING, expected.attempt + 1, 0.0
        expected.owner, expected.lease_until = owner, self.now + LEASE_S
        return Claim(job.id, expected.attempt)

    @rule(claim=claims)
    def extend(self, claim):
        expected = self.owned(claim)
        wanted = self.try_write(expected, lambda: self.jobs.extend(claim.job_id, claim.attempt, self.now + LEASE_S))
        if expected:
            assert wanted == expected.is_cancel_wanted
            expected.lease_until = self.now + LEASE_S

    @rule(claim=claims, progress=st.floats(0, 99))
    def report(self, claim, progress):
        expected = self.owned(claim)
        stages = [StageProgress("ladder", "Encode", 1.0, "running", progress)]
        wanted = self.try_write(expected, lambda: self.jobs.report(claim.job_id, claim.attempt, stages, progress))
        if expected:
            assert wanted == expected.is_cancel_wanted
            expected.progress = progress

    @rule(claim=claims)
    def fail_for_a_moment(self, claim):
        expected = self.owned(claim)
        self.try_write(expected, lambda: self.jobs.requeue(claim.job_id, claim.attempt, "gone", self.now))
        if expected:
            self.lose(claim.job_id)

    @rule(claim=claims)
    def stop(self, claim):
        expected = self.owned(claim)
        self.try_write(expected, lambda: self.jobs.requeue(claim.job_id, claim.attempt, "stopped", self.now, is_fault=False))
        if expected and expected.is_cancel_wanted:
            self.end(claim.job_id, JobState.CANCELLED)
        elif expected:
            expected.state, expected.owner, expected.lease_until, expected.not_before = JobState.QUEUED, "", 0.0, self.now

    @rule(
        claim=consumes(claims), state=st.sampled_from([JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.TIMED_OUT])
    )
    def come_to_an_end(self, claim, state):
        def write():
            if state == JobState.SUCCEEDED:
                return self.jobs.succeed(claim.job_id, claim.attempt, [OUTPUT])
            return self.jobs.end(claim.job_id, claim.attempt, state, {"code": "x"} if state == JobState.FAILED else None)

        expected = self.owned(claim)
        self.try_write(expected, write)
        if expected:
            expected.progress = 100.0 if state == JobState.SUCCEEDED else expected.progress
            self.end(claim.job_id, state)

    @rule()
    def reap(self):
        lapsed = {i for i, e in self.expected.items() if e.state == JobState.RUNNING and e.lease_until < self.now}
        assert {job.id for job in self.jobs.reap(self.now)} == lapsed
        for job_id in lapsed:
            self.lose(job_id)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def cancel(self, data):
        job_id = data.draw(st.sampled_from(list(self.expected)))
        expected = self.expected[job_id]
        if expected.state in ENDED:
            self.refused(lambda: self.jobs.cancel(job_id))
            return
        self.jobs.cancel(job_id)
        expected.is_cancel_wanted = True
        if expected.state == JobState.QUEUED:
            self.end(job_id, JobState.CANCELLED)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def retry(self, data):
        job_id = data.draw(st.sampled_from(list(self.expected)))
        expected = self.expected[job_id]
        if expected.state not in ENDED or expected.state == JobState.SUCCEEDED:
            self.refused(lambda: self.jobs.retry(job_id))
            return
        self.jobs.retry(job_id)
        self.tries[job_id] += 1
        self.expected[job_id] = Expected(attempt=expected.attempt)

    # What must hold

    @invariant()
    def rows_say_what_happened(self):
        for job_id, expected in self.expected.items():
            job = self.jobs.get(job_id)
            told = Expected(
                job.state, job.attempt, job.failures, job.lease_owner, job.lease_until, job.not_before, job.is_cancel_wanted,
                job.progress,
            )  # fmt: skip
            assert told == expected
            assert (job.outputs != ()) == (job.state == JobState.SUCCEEDED)
            assert (job.ended_at is not None) == (job.state in ENDED)
            assert job.failures <= MOST_FAILURES

    @invariant()
    def a_try_ends_at_most_once(self):
        for job_id, expected in self.expected.items():
            assert self.ends[job_id] == self.tries[job_id] - (expected.state not in ENDED)

    # Bookkeeping

    def owned(self, claim: Claim) -> Expected | None:
        """The row that the claim may write to; None when it was given up."""
        expected = self.expected.get(claim.job_id)
        is_owner = expected is not None and expected.state == JobState.RUNNING and expected.attempt == claim.attempt
        return expected if is_owner else None

    def try_write(self, expected, write):
        try:
            result = write()
        except Lost:
            assert expected is None
            return None
        assert expected is not None
        return result

    def refused(self, call):
        try:
            call()
        except Conflict:
            return
        raise AssertionError("it was not refused")

    def lose(self, job_id):
        expected = self.expected[job_id]
        expected.owner, expected.lease_until = "", 0.0
        if expected.is_cancel_wanted:
            self.end(job_id, JobState.CANCELLED)
            return
        expected.failures += 1
        if expected.failures >= MOST_FAILURES:
            self.end(job_id, JobState.FAILED)
            return
        expected.state, expected.not_before = JobState.QUEUED, self.now + FIRST_RETRY_S * 2 ** (expected.failures - 1)

    def end(self, job_id, state):
        expected = self.expected[job_id]
        expected.state, expected.owner, expected.lease_until = state, "", 0.0
        self.ends[job_id] += 1


TestJobTable = JobTable.TestCase
TestJobTable.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_the_reaper_leaves_a_job_alone_that_was_handed_over_or_prolonged_while_it_looked(tmp_path, monkeypatch):
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    database.migrate()
    jobs = Jobs(database)
    slow, given = (jobs.add(NewJob("transcode", [], {}, None, 60.0))[0].id for _ in range(2))
    for job_id in (slow, given):
        jobs.claim("ann", LEASE_S, 0.0, job_id)
    change = jobs._change

    def change_late(job_id, attempt, act):
        if job_id == slow:
            jobs.extend(slow, 1, 1_000.0)
        else:
            jobs.hand_over(given, 1, "runpod", "0" * 64, 100.0)
        return change(job_id, attempt, act)

    monkeypatch.setattr(jobs, "_change", change_late)
    assert jobs.reap(100.0) == ()
    assert [(jobs.get(i).state, jobs.get(i).failures) for i in (slow, given)] == [
        (JobState.RUNNING, 0), (JobState.WAITING_EXTERNAL, 0),
    ]  # fmt: skip
    database.close()
