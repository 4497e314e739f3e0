"""Cancel in every stage of every kind: nothing goes on, nothing is in storage, and a second try goes on where it was."""

from dataclasses import dataclass

import pytest

from sightline.records.jobs import Job, JobState
from tests.jobs.held_kinds import STAGES, Bench, Done

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A job after it was cancelled, and after it was tried again."""

    job: Job
    stored: list[str]
    again: Done


@pytest.fixture(scope="module")
def cancelled(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("cancels"))
    try:
        jobs = {place: bench.add(*place) for place in STAGES}
        every = list(jobs.values())
        bench.start()
        bench.wait_until_held(every)
        for job_id in every:
            bench.jobs.cancel(job_id)
        bench.wait_until_ended(every)
        bench.wait_until_quiet()
        ended = {place: (bench.jobs.get(job_id), bench.stored(job_id)) for place, job_id in jobs.items()}
        temporary = [path.name for path in bench.temporary.iterdir()]
        bench.let_go(every)
        for job_id in every:
            bench.jobs.retry(job_id)
        bench.wait_until_ended(every)
        yield {place: Cancelled(*ended[place], bench.done(job_id)) for place, job_id in jobs.items()}, temporary
    finally:
        bench.close()


@pytest.mark.parametrize(("kind", "stage"), STAGES)
def test_a_cancelled_job_has_no_results_and_no_error(cancelled, kind, stage):
    one = cancelled[0][kind, stage]
    assert (one.job.state, one.job.outputs, one.job.error) == (JobState.CANCELLED, (), None)
    assert one.stored == []
    assert [s.name for s in one.job.stages if s.state == "running"] == [stage]


@pytest.mark.parametrize(("kind", "stage"), STAGES)
def test_tried_again_it_goes_on_in_the_stage_where_it_was(cancelled, kind, stage):
    again = cancelled[0][kind, stage].again
    assert (again.job.state, again.job.error, again.job.attempt) == (JobState.SUCCEEDED, None, 2)
    names = [name for one, name in STAGES if one == kind]
    assert again.runs == {name: 2 if name == stage else 1 for name in names}
    states = ["skipped" if names.index(name) < names.index(stage) else "done" for name in names]
    assert [s.state for s in again.job.stages] == states
    assert again.leftovers == []
    assert all(again.contents.values())


def test_no_temporary_file_is_left(cancelled):
    assert cancelled[1] == []
