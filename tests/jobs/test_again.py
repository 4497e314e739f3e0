"""A job made again with other parameters: what it takes over, what it does anew, and that the two do not hang together."""

import shutil

import pytest

from sightline.errors import Conflict, Invalid
from sightline.jobs.again import add_again
from sightline.jobs.execute import execute
from sightline.records.jobs import JobInput, JobState, NewJob
from tests.jobs.job_kinds import kinds, office  # noqa: F401 - fixtures


@pytest.fixture
def job(office, kinds):  # noqa: F811
    """A job that has succeeded, over a file in its own folder."""
    folder = office.settings.data_dir / "jobs" / "abcdef0123456789" / "inputs"
    folder.mkdir(parents=True)
    (folder / "001.txt").write_text("footage")
    one = JobInput("in.txt", "jobs/abcdef0123456789/inputs/001.txt", "0" * 64, 7)
    office.jobs.add(NewJob("double", [one], {"early": 1, "late": 1}, None, 60.0), "abcdef0123456789")
    return run(office, "abcdef0123456789")


def run(office, job_id):  # noqa: F811
    execute(job_id, office.claim(job_id).attempt, office.settings, office.database)
    return office.jobs.get(job_id)


def again(office, job, **changes):  # noqa: F811
    return add_again(job, changes, None, office.settings, office.jobs)


def folders(office):  # noqa: F811
    return {path.name for path in (office.settings.data_dir / "jobs").iterdir()}


def test_only_what_the_change_touches_is_done_again(office, kinds, job):  # noqa: F811
    assert kinds.done == ["a", "b", "c"]
    new = again(office, job, late=3)
    assert (new.state, dict(new.params)) == (JobState.QUEUED, {"early": 1, "late": 3})
    done = run(office, new.id)
    assert (done.state, kinds.done) == (JobState.SUCCEEDED, ["a", "b", "c", "c"])
    assert [stage.state for stage in done.stages] == ["skipped", "skipped", "done"]


def test_a_change_at_the_beginning_does_everything_again(office, kinds, job):  # noqa: F811
    new = again(office, job, early=2)
    assert not (office.settings.data_dir / "jobs" / new.id / "stages").exists()
    run(office, new.id)
    assert kinds.done == ["a", "b", "c"] * 2


def test_the_two_jobs_do_not_hang_together(office, kinds, job):  # noqa: F811
    new = again(office, job, late=3)
    (first, second) = (office.settings.data_dir / item.path for item in (job.inputs[0], new.inputs[0]))
    assert first.samefile(second)
    shutil.rmtree(office.settings.data_dir / "jobs" / job.id)
    assert run(office, new.id).state == JobState.SUCCEEDED
    assert kinds.done == ["a", "b", "c", "c"]


def test_what_cannot_be_made_again_leaves_nothing_behind(office, kinds, job):  # noqa: F811
    before = folders(office)
    with pytest.raises(Invalid, match="late"):
        again(office, job, late=99)
    (office.settings.data_dir / job.inputs[0].path).unlink()
    with pytest.raises(Conflict, match=r"in\.txt is no longer here"):
        again(office, job, late=2)
    assert folders(office) == before
    with pytest.raises(Conflict, match="still open"):
        again(office, office.jobs.get(office.add()))


def test_footage_that_is_fetched_is_fetched_again(office, kinds, job):  # noqa: F811
    item = JobInput("far.mp4", f"jobs/{job.id}/inputs/001.mp4", "", 0, "https://example.com/far.mp4")
    far = office.jobs.add(NewJob("double", [item], {}, None, 60.0), "0123456789abcdef")[0]
    office.jobs.cancel(far.id)
    new = again(office, office.jobs.get(far.id))
    assert (new.inputs[0].origin, new.inputs[0].path) == (item.origin, f"jobs/{new.id}/inputs/001.mp4")
