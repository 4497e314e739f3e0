"""The table of jobs: one owner at a time, writes fenced by the attempt, repeated requests, states that people may change."""

import threading
import time

import pytest

from sightline.errors import Conflict, NotFound
from sightline.records.jobs import (
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

NOW = 1_000.0
OUTPUT = JobOutput("a.mp4", "jobs/x/a.mp4", 5, "0" * 64, "video/mp4")


@pytest.fixture
def jobs(database) -> Jobs:
    return Jobs(database)


def new(kind: str = "transcode", **more) -> NewJob:
    return NewJob(kind, [JobInput("a.mp4", "uploads/a.mp4", "0" * 64, 10)], {"mp4": True}, None, 60.0, **more)


def claimed(jobs: Jobs, now: float = NOW):
    jobs.add(new())
    job = jobs.claim("me", 30.0, now)
    assert job is not None
    return job


def test_a_new_job_waits_and_keeps_what_it_was_given(jobs):
    job, is_new = jobs.add(new())
    assert is_new
    assert (job.state, job.attempt, job.progress, job.params) == (JobState.QUEUED, 0, 0.0, {"mp4": True})
    assert jobs.get(job.id) == job
    with pytest.raises(NotFound):
        jobs.get("nothing")


def test_what_an_earlier_attempt_has_done_says_nothing_of_the_speed_of_this_one(jobs):
    job = claimed(jobs, time.time() - 10)
    assert job.eta_s is None
    stages = [StageProgress("look", "Look", 3.0, "skipped", 100.0), StageProgress("render", "Render", 1.0, "running", 20.0)]
    jobs.report(job.id, job.attempt, stages, 80.0)
    eta_s = jobs.get(job.id).eta_s
    assert eta_s is not None and 39 < eta_s < 60


def test_the_oldest_is_claimed_first_and_only_once(jobs):
    first, _ = jobs.add(new())
    second, _ = jobs.add(new())
    taken = [jobs.claim("a", 30.0, NOW), jobs.claim("b", 30.0, NOW), jobs.claim("c", 30.0, NOW)]
    assert [job.id if job else None for job in taken] == [first.id, second.id, None]
    assert (taken[0].state, taken[0].attempt, taken[0].lease_owner, taken[0].lease_until) == (JobState.RUNNING, 1, "a", NOW + 30)


def test_many_claimers_at_once_get_each_job_once(jobs):
    wanted = {jobs.add(new())[0].id for _ in range(12)}
    taken: list[str] = []

    def claim_all() -> None:
        while (job := jobs.claim(threading.current_thread().name, 30.0, NOW)) is not None:
            taken.append(job.id)

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # PostgreSQL passes over rows that are being claimed: a claimer may see none although one comes free a moment later.
    claim_all()
    assert sorted(taken) == sorted(wanted)


def test_a_given_up_attempt_changes_nothing(jobs):
    old = claimed(jobs)
    jobs.requeue(old.id, old.attempt, "gone", NOW, is_fault=False)
    again = jobs.claim("other", 30.0, NOW + 1)
    assert again.attempt == 2
    for write in (
        lambda: jobs.extend(old.id, old.attempt, 9e9),
        lambda: jobs.report(old.id, old.attempt, [], 50.0),
        lambda: jobs.notice(old.id, old.attempt, "late"),
        lambda: jobs.succeed(old.id, old.attempt, [OUTPUT]),
        lambda: jobs.end(old.id, old.attempt, JobState.FAILED),
        lambda: jobs.requeue(old.id, old.attempt, "late", NOW),
    ):
        with pytest.raises(Lost):
            write()
    assert jobs.get(old.id) == again


def test_progress_and_the_wish_to_cancel(jobs):
    job = claimed(jobs)
    stage = StageProgress("cut", "Cut", 1.0, "running", 40.0)
    assert jobs.report(job.id, job.attempt, [stage], 40.0) is False
    assert (jobs.get(job.id).stages, jobs.get(job.id).progress) == ((stage,), 40.0)
    assert jobs.cancel(job.id).state == JobState.RUNNING
    assert jobs.report(job.id, job.attempt, [stage], 41.0) is True
    assert jobs.extend(job.id, job.attempt, 9e9) is True


def test_success_keeps_the_results(jobs):
    job = claimed(jobs)
    done = jobs.succeed(job.id, job.attempt, [OUTPUT])
    assert (done.state, done.outputs, done.progress, done.lease_owner) == (JobState.SUCCEEDED, (OUTPUT,), 100.0, "")
    assert done.ended_at is not None


def test_a_lost_worker_is_tried_again_and_not_for_ever(jobs):
    jobs.add(new())
    now = NOW
    for failure in range(1, MOST_FAILURES + 1):
        job = jobs.claim("w", 30.0, now)
        assert job is not None
        assert jobs.reap(now + 29) == ()
        (reaped,) = jobs.reap(now + 31)
        assert reaped.failures == failure
        now += 31
        if failure < MOST_FAILURES:
            assert reaped.state == JobState.QUEUED
            assert jobs.claim("w", 30.0, now) is None  # not at once
            now += FIRST_RETRY_S * 2**failure
    assert (reaped.state, reaped.error["code"]) == (JobState.FAILED, "worker_lost")


def test_a_worker_that_stops_is_no_fault_of_the_job(jobs):
    job = claimed(jobs)
    for _ in range(MOST_FAILURES + 2):
        back = jobs.requeue(job.id, job.attempt, "the worker was stopped", NOW, is_fault=False)
        assert (back.state, back.failures) == (JobState.QUEUED, 0)
        job = jobs.claim("w", 30.0, NOW)


def test_a_lost_job_that_nobody_wants_any_more_is_cancelled(jobs):
    job = claimed(jobs)
    jobs.cancel(job.id)
    (reaped,) = jobs.reap(NOW + 31)
    assert reaped.state == JobState.CANCELLED


def test_a_waiting_job_is_cancelled_at_once_and_an_ended_one_cannot_be(jobs):
    job, _ = jobs.add(new())
    assert jobs.cancel(job.id).state == JobState.CANCELLED
    assert jobs.claim("w", 30.0, NOW) is None
    with pytest.raises(Conflict, match="cancelled"):
        jobs.cancel(job.id)


def test_trying_again_is_for_jobs_that_came_to_nothing(jobs):
    job = claimed(jobs)
    with pytest.raises(Conflict):
        jobs.retry(job.id)
    jobs.end(job.id, job.attempt, JobState.FAILED, {"code": "x", "message": "broken", "stage": ""})
    again = jobs.retry(job.id)
    assert (again.state, again.error, again.failures, again.ended_at) == (JobState.QUEUED, None, 0, None)
    job = jobs.claim("w", 30.0, NOW)
    jobs.succeed(job.id, job.attempt, [OUTPUT])
    with pytest.raises(Conflict):
        jobs.retry(job.id)


def test_a_repeated_request_is_the_same_job_and_another_one_is_refused(jobs):
    job, _ = jobs.add(new(idempotency_key="1:k", request_sha256="a"))
    assert jobs.add(new(idempotency_key="1:k", request_sha256="a")) == (job, False)
    with pytest.raises(Conflict) as refused:
        jobs.add(new(idempotency_key="1:k", request_sha256="b"))
    assert (refused.value.code, refused.value.facts["job_id"]) == ("idempotency_key_reused", job.id)
    assert jobs.add(new(idempotency_key="2:k", request_sha256="b"))[1]
    assert jobs.by_idempotency_key("1:k") == job


def test_an_open_job_is_not_deleted(jobs):
    job, _ = jobs.add(new())
    with pytest.raises(Conflict):
        jobs.delete(job.id)
    jobs.cancel(job.id)
    assert jobs.delete(job.id).id == job.id
    with pytest.raises(NotFound):
        jobs.get(job.id)


def test_old_jobs_are_outdated_unless_pinned(jobs):
    old, pinned, running = (jobs.add(new())[0] for _ in range(3))
    jobs.cancel(old.id)
    jobs.cancel(pinned.id)
    jobs.pin(pinned.id, True)
    assert [job.id for job in jobs.outdated(time.time() + 1)] == [old.id]
    assert jobs.outdated(time.time() - 3600) == ()
    jobs.purge([old.id, running.id])
    assert {job.id for job in jobs.page()} == {pinned.id, running.id}


def test_pages_and_filters(jobs):
    made = [jobs.add(new("transcode" if n % 2 else "analyze"))[0] for n in range(5)]
    jobs.cancel(made[0].id)
    newest = jobs.page(limit=2)
    assert [job.id for job in newest] == [made[4].id, made[3].id]
    assert [job.id for job in jobs.page(before=newest[-1].created_at)] == [made[2].id, made[1].id, made[0].id]
    assert [job.id for job in jobs.page(states=[JobState.CANCELLED])] == [made[0].id]
    assert len(jobs.page(kind="analyze")) == 3
    assert jobs.counts() == {"queued": 4, "cancelled": 1}
