"""One attempt at a job: stages in order, kept and taken up again, results in storage, every end in the row."""

import errno
import os
import sys

import pytest

import analyzers
from sightline.errors import AnalyzerError, JobError, StorageError
from sightline.jobs.execute import execute
from sightline.jobs.kinds import analyze
from sightline.jobs.workspace import Workspace
from sightline.records.jobs import JobState, Lost
from sightline.storage import make_storage
from sightline.storage.local import LocalStorage
from tests.clips import make_clip
from tests.jobs.job_kinds import kinds, office  # noqa: F401 - fixtures

analyzers.load(entry_points=False)


def run(office, job_id):  # noqa: F811
    job = office.claim(job_id)
    return execute(job_id, job.attempt, office.settings, office.database)


def test_stages_run_in_order_and_the_result_lies_in_storage(office, kinds):  # noqa: F811
    job_id = office.add()
    assert run(office, job_id) == JobState.SUCCEEDED
    job = office.jobs.get(job_id)
    assert kinds.done == ["a", "b", "c"]
    assert [(stage.name, stage.state, stage.progress) for stage in job.stages] == [(n, "done", 100.0) for n in "abc"]
    (output,) = job.outputs
    assert (output.name, output.key, output.content_type) == ("result.txt", f"jobs/{job_id}/result.txt", "text/plain")
    assert make_storage(office.settings).get(output.key, output.sha256) == b"abc"


@pytest.mark.parametrize("stage", ["a", "b", "c"])
def test_a_job_goes_on_where_it_was_lost(office, kinds, stage):  # noqa: F811
    job_id = office.add()
    kinds.before[stage] = lambda work: os._exit(9)
    job = office.claim(job_id)
    child = os.fork()
    if child == 0:  # the attempt dies as by kill -9, in the middle of a stage
        execute(job_id, job.attempt, office.settings, office.database)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert office.jobs.get(job_id).state == JobState.RUNNING
    office.lose_all()
    kinds.before.clear()
    assert run(office, job_id) == JobState.SUCCEEDED
    assert kinds.done == list("abc"["abc".index(stage) :])  # what the first attempt had done is not done again
    assert [s.state for s in office.jobs.get(job_id).stages] == ["skipped" if s < stage else "done" for s in "abc"]
    assert make_storage(office.settings).get(f"jobs/{job_id}/result.txt") == b"abc"


def test_what_a_stage_kept_is_there_when_it_is_run_again(office, kinds):  # noqa: F811
    made: list[str] = []

    def make_two(work):
        for name in ("1.txt", "2.txt"):
            if not work.is_kept(name):
                made.append(name)
                (work.folder / name).write_text(name)
                if name == "2.txt" and len(made) == 2:
                    raise JobError("The second is not whole.", code="busy", is_transient=True)
                work.keep(name)

    kinds.before["b"] = make_two
    job_id = office.add()
    assert run(office, job_id) == JobState.QUEUED
    office.now_s += 1000
    assert run(office, job_id) == JobState.SUCCEEDED
    assert made == ["1.txt", "2.txt", "2.txt"]
    assert {path.name for path in Workspace(office.settings, job_id).stage("b").iterdir()} == {
        "1.txt", "2.txt", "note.txt", "done.json",
    }  # fmt: skip


def test_only_what_depends_on_a_changed_parameter_runs_again(office, kinds):  # noqa: F811
    first = office.add(early=1, late=1)
    run(office, first)
    folder = Workspace(office.settings, first).folder
    second = office.add(early=1, late=2)
    folder.rename(Workspace(office.settings, second).folder)
    kinds.done.clear()
    assert run(office, second) == JobState.SUCCEEDED
    assert kinds.done == ["c"]


def test_a_job_without_a_result_has_not_succeeded(office, kinds):  # noqa: F811
    kinds.gives_result = False
    job_id = office.add()
    assert run(office, job_id) == JobState.FAILED
    assert office.jobs.get(job_id).error["code"] == "no_output"


def test_an_empty_result_is_none(office, kinds):  # noqa: F811
    kinds.gives_result = False
    kinds.before["b"] = lambda work: work.result("empty.bin", "application/octet-stream").touch()
    job_id = office.add()
    assert run(office, job_id) == JobState.FAILED
    assert office.jobs.get(job_id).error["code"] == "no_output"


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (JobError("The file is odd.", code="bad_input"), JobState.FAILED, "bad_input"),
        (AnalyzerError("No weights.", code="model_missing"), JobState.FAILED, "model_missing"),
        (JobError("Too many requests.", code="busy", is_transient=True), JobState.QUEUED, None),
        (ValueError("a fault of ours"), JobState.FAILED, "unexpected"),
        (OSError(errno.EIO, "broken disk"), JobState.FAILED, "unexpected"),
    ],
)
def test_every_error_ends_in_words(office, kinds, error, state, code):  # noqa: F811
    def fail(work):
        raise error

    kinds.before["b"] = fail
    job_id = office.add()
    assert run(office, job_id) == state
    job = office.jobs.get(job_id)
    if code:
        assert (job.error["code"], job.error["stage"]) == (code, "b")
        assert next(s for s in job.stages if s.name == "b").state == "failed"
    assert not list(Workspace(office.settings, job_id).folder.glob("stages/b"))


@pytest.mark.parametrize("stage", ["a", "b", "c"])
def test_a_cancelled_job_ends_at_its_next_word(office, kinds, stage):  # noqa: F811
    job_id = office.add()
    kinds.before[stage] = lambda work: office.jobs.cancel(job_id)
    assert run(office, job_id) == JobState.CANCELLED
    job = office.jobs.get(job_id)
    assert (job.outputs, job.error) == ((), None)
    assert kinds.done == list("abc"[: "abc".index(stage) + 1])


@pytest.mark.parametrize("end", ["cancelled", "the bucket is gone", "given up"])
def test_a_job_that_ends_while_its_results_are_stored_leaves_none_there(office, kinds, monkeypatch, end):  # noqa: F811
    storage, real_put = make_storage(office.settings), LocalStorage.put
    job_id = office.add()
    kinds.before["a"] = lambda work: work.result("first.txt", "text/plain").write_text("first")

    def put(self, key, data, content_type):
        stored = real_put(self, key, data, content_type)
        if end == "cancelled":
            office.jobs.cancel(job_id)
        elif end == "given up":
            office.lose_all()
            office.claim(job_id)
        elif key.endswith("result.txt"):
            raise StorageError("The bucket is gone.", code="no_bucket", is_transient=False)
        return stored

    monkeypatch.setattr(LocalStorage, "put", put)
    if end == "given up":
        with pytest.raises(Lost):
            run(office, job_id)
        assert [item.key for item in storage.list()] == [f"jobs/{job_id}/first.txt"]  # the next attempt puts the same
        return
    assert run(office, job_id) == {"cancelled": JobState.CANCELLED, "the bucket is gone": JobState.FAILED}[end]
    assert "first.txt" not in str(storage.list())


def test_a_given_up_attempt_stops_at_its_next_word_and_writes_nothing(office, kinds):  # noqa: F811
    job_id = office.add()

    def lose(work):
        office.lose_all()
        office.claim(job_id)

    kinds.before["b"] = lose
    with pytest.raises(Lost):
        run(office, job_id)
    job = office.jobs.get(job_id)
    assert (job.state, job.attempt) == (JobState.RUNNING, 2)


def test_progress_never_falls_and_notices_are_kept_once(office, kinds):  # noqa: F811
    seen = []

    def wander(work):
        for share in (0.2, 0.8, 0.5, 2.0):
            work.progress(share)
            seen.append(office.jobs.get(job_id).stages[1].progress)
        work.notice("One file was left out.")
        work.notice("One file was left out.")

    kinds.before["b"] = wander
    job_id = office.add()
    run(office, job_id)
    assert seen == sorted(seen)
    assert max(seen) <= 100
    assert office.jobs.get(job_id).notices == ("One file was left out.",)


def test_an_input_that_is_gone_is_said(office, kinds):  # noqa: F811
    job_id = office.add()
    (office.settings.data_dir / "uploads" / "in.txt").unlink()
    assert run(office, job_id) == JobState.FAILED
    assert office.jobs.get(job_id).error["code"] == "input_missing"
    assert kinds.done == []


def test_files_that_go_while_they_are_counted_count_nothing(office, monkeypatch):  # noqa: F811
    workspace = Workspace(office.settings, "counted")
    stage = workspace.folder / "stages" / "a.part"
    stage.mkdir(parents=True)
    (stage / "stays").write_bytes(b"12345")
    (stage / "goes").write_bytes(b"12345")
    real = os.lstat

    def lstat(path, **options):
        if str(path).endswith("goes"):
            os.unlink(path)
        return real(path, **options)

    monkeypatch.setattr(os, "lstat", lstat)
    assert workspace.size_bytes() == 5


def test_an_encoder_that_complains_much_does_not_stop_the_job(office, monkeypatch):  # noqa: F811
    """More than a pipe holds, before it takes the first picture."""
    make_clip(office.settings.data_dir / "uploads" / "film.mp4", frames=5)
    encoder = "import sys; sys.stderr.write('x' * 1_000_000); open(sys.argv[-1], 'wb').write(sys.stdin.buffer.read())"
    monkeypatch.setattr(analyze, "quiet", lambda *arguments: [sys.executable, "-c", encoder, *arguments])
    job_id = office.add("analyze", "film.mp4", look_for=["motion_detection"])
    assert run(office, job_id) == JobState.SUCCEEDED, office.jobs.get(job_id).error


def test_what_the_encoder_said_stands_in_the_error(office, monkeypatch):  # noqa: F811
    make_clip(office.settings.data_dir / "uploads" / "film.mp4", frames=5)
    encoder = "import sys; sys.stdin.buffer.read(); sys.exit('no such codec')"
    monkeypatch.setattr(analyze, "quiet", lambda *arguments: [sys.executable, "-c", encoder, *arguments])
    job_id = office.add("analyze", "film.mp4", look_for=["motion_detection"])
    assert run(office, job_id) == JobState.FAILED
    error = office.jobs.get(job_id).error
    assert (error["code"], error["detail"]) == ("command_failed", "no such codec")
