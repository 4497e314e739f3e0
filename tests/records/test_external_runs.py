"""Attempts on machines of others: each look is made by one, a call brings it forward, nothing is left without anybody."""

import threading

import pytest

from sightline.errors import Conflict
from sightline.records.external_runs import ExternalRuns
from sightline.records.jobs import JobInput, Jobs, JobState, Lost, NewJob

NOW = 1_000.0


@pytest.fixture
def jobs(database) -> Jobs:
    return Jobs(database)


@pytest.fixture
def runs(database) -> ExternalRuns:
    return ExternalRuns(database)


def handed_over(jobs: Jobs, token: str = "a" * 64, carrier: str = "runpod"):
    jobs.add(NewJob("transcode", [JobInput("a.mp4", "a.mp4", "0" * 64, 10)], {}, None, 60.0))
    job = jobs.claim("me", 30.0, NOW)
    return jobs.hand_over(job.id, job.attempt, carrier, token, NOW)


def test_a_job_that_is_handed_over_needs_no_lease(jobs, runs):
    job = handed_over(jobs)
    assert (job.state, job.lease_owner, job.started_at) == (JobState.WAITING_EXTERNAL, "", NOW)
    assert jobs.reap(NOW + 10_000) == ()
    run = runs.get(job.id, 1)
    assert (run.external_id, run.state, run.look_at) == ("", "", NOW)
    with pytest.raises((Conflict, Lost)):
        jobs.hand_over(job.id, 1, "runpod", "b" * 64, NOW)
    assert runs.get(job.id, 2) is None


def test_each_look_is_made_by_one_and_again_when_that_one_dies(jobs, runs):
    handed_over(jobs)
    assert runs.take_due("runpod", NOW - 1, NOW + 60) is None
    assert runs.take_due("lambda", NOW, NOW + 60) is None
    taken = runs.take_due("runpod", NOW, NOW + 60)
    assert taken is not None and taken.look_at == NOW + 60
    assert runs.take_due("runpod", NOW + 59, NOW + 120) is None
    assert runs.take_due("runpod", NOW + 61, NOW + 120) is not None


def test_many_who_look_take_each_run_once(jobs, runs):
    ids = {handed_over(jobs, f"{number:064}").id for number in range(12)}
    taken: list[str] = []

    def look() -> None:
        while (run := runs.take_due("runpod", NOW, NOW + 60)) is not None:
            taken.append(run.job_id)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(ids)


def test_the_next_look_is_not_put_off_when_somebody_called_meanwhile(jobs, runs):
    job = handed_over(jobs)
    taken = runs.take_due("runpod", NOW, NOW + 60)
    assert runs.call("runpod", "a" * 64, "abc", NOW + 5)
    runs.look_again(taken, NOW + 30)
    run = runs.get(job.id, 1)
    assert (run.look_at, run.external_id) == (NOW + 5, "abc")
    runs.look_again(run, NOW + 40)
    assert runs.get(job.id, 1).look_at == NOW + 40


def test_a_call_needs_the_token_and_the_carrier(jobs, runs):
    handed_over(jobs)
    assert not runs.call("runpod", "b" * 64, "abc", NOW)
    assert not runs.call("lambda", "a" * 64, "abc", NOW)


def test_the_wish_to_cancel_is_looked_at_at_once(jobs, runs):
    job = handed_over(jobs)
    runs.write(runs.get(job.id, 1), look_at=9e9)
    jobs.cancel(job.id)
    assert runs.get(job.id, 1).look_at < 9e9
    assert jobs.get(job.id).state == JobState.WAITING_EXTERNAL


def test_an_ended_job_is_not_looked_at_and_takes_its_run_along(jobs, runs):
    job = handed_over(jobs)
    jobs.end(job.id, 1, JobState.CANCELLED)
    assert runs.take_due("runpod", NOW, NOW + 60) is None
    jobs.delete(job.id)
    assert runs.get(job.id, 1) is None


def test_who_is_taken_back_is_claimed_only_by_those_whom_it_is_kept_for(jobs):
    job = handed_over(jobs)
    jobs.take_back(job.id, 1, "here", "It runs on this machine.")
    assert jobs.claim("me", 30.0, NOW, kept_for="") is None
    claimed = jobs.claim("me", 30.0, NOW, kept_for="here")
    assert (claimed.attempt, claimed.notices) == (2, ("It runs on this machine.",))
    jobs.requeue(job.id, 2, "lost", NOW, is_fault=False, pause_s=20.0)
    assert jobs.claim("me", 30.0, NOW + 19) is None
    assert jobs.claim("me", 30.0, NOW + 20).attempt == 3


def test_runs_of_another_carrier_that_nobody_looks_after_are_found(jobs, runs):
    job = handed_over(jobs)
    assert runs.forsaken("embedded", NOW) == ()
    assert [run.job_id for run in runs.forsaken("embedded", NOW + 1)] == [job.id]
    assert runs.forsaken("runpod", NOW + 1) == ()
