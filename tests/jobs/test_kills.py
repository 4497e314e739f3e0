"""Kill -9 in every stage of every kind, of the job's process and then of the worker: the job is done once, no stage for nothing.

All jobs go through it at the same time: each stands still in its stage until its process is killed, and in the next attempt until
the worker is. Beside them runs one undisturbed job of each kind, whose results theirs are compared with.
"""

from dataclasses import dataclass

import pytest

from sightline.records.jobs import JobState
from tests.jobs.held_kinds import STAGES, Bench, Done

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

KINDS = sorted({kind for kind, _ in STAGES})


@dataclass(frozen=True, slots=True)
class Ordeal:
    """What became of all jobs, and what was left of their processes."""

    killed: dict[tuple[str, str], Done]
    undisturbed: dict[str, Done]
    processes: list[str]
    temporary: list[str]


@pytest.fixture(scope="module")
def ordeal(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("kills"))
    try:
        jobs = {place: bench.add(*place) for place in STAGES}
        every = list(jobs.values())
        bench.start()
        bench.wait_until_held(every)
        for job_id in every:
            bench.kill_child(job_id)
        bench.wait_until_given_back(every)
        bench.forget_held(every)
        bench.skip_pauses()
        bench.wait_until_held(every)
        bench.kill_worker()
        bench.wait_until_quiet()
        bench.let_go(every)
        undisturbed = {kind: bench.add(kind) for kind in KINDS}
        bench.start()
        bench.wait_until_given_back(every)
        bench.skip_pauses()
        bench.wait_until_ended([*every, *undisturbed.values()])
        bench.wait_until_quiet()
        yield Ordeal(
            {place: bench.done(job_id) for place, job_id in jobs.items()},
            {kind: bench.done(job_id) for kind, job_id in undisturbed.items()},
            [" ".join(process.cmdline()) for process in bench.processes()],
            [path.name for path in bench.temporary.iterdir()],
        )
    finally:
        bench.close()


@pytest.mark.parametrize(("kind", "stage"), STAGES)
def test_the_job_is_done_once_and_no_stage_that_was_done_is_run_again(ordeal, kind, stage):
    done = ordeal.killed[kind, stage]
    assert (done.job.state, done.job.error) == (JobState.SUCCEEDED, None)
    assert (done.ends, done.job.attempt, done.job.failures) == (1, 3, 2)
    names = [name for one, name in STAGES if one == kind]
    assert done.runs == {name: 3 if name == stage else 1 for name in names}


@pytest.mark.parametrize(("kind", "stage"), STAGES)
def test_its_results_are_those_of_a_job_that_nobody_disturbed(ordeal, kind, stage):
    done, undisturbed = ordeal.killed[kind, stage], ordeal.undisturbed[kind]
    assert undisturbed.job.state == JobState.SUCCEEDED, undisturbed.job.error
    assert done.contents == undisturbed.contents


@pytest.mark.parametrize(("kind", "stage"), STAGES)
def test_nothing_half_done_is_left_in_its_folder(ordeal, kind, stage):
    assert ordeal.killed[kind, stage].leftovers == []


def test_no_process_and_no_temporary_file_outlives_its_job(ordeal):
    assert ordeal.processes == []
    assert ordeal.temporary == []
