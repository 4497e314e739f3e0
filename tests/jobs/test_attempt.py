"""An attempt in a process of its own, on real films: ends, kills, limits, and a worker that stops."""

import json
import os
import signal
import subprocess
import threading
import time
import zipfile

import pytest

from sightline.errors import StorageError
from sightline.jobs import attempt as attempt_module
from sightline.jobs.attempt import run_claimed, session_memory_bytes
from sightline.jobs.runner import Runner
from sightline.jobs.workspace import Workspace
from sightline.media.ffmpeg import quiet
from sightline.records.jobs import JobState
from sightline.storage import make_storage
from tests.clips import make_clip
from tests.jobs.job_kinds import Office, office  # noqa: F401 - fixture
from tests.live_fakes import wait_for

pytestmark = pytest.mark.system


@pytest.fixture
def studio(office, monkeypatch) -> Office:  # noqa: F811
    """An office whose jobs run in processes of their own, over a film of one second."""
    monkeypatch.setenv("DATA_DIR", str(office.settings.data_dir))
    make_clip(office.settings.data_dir / "uploads" / "film.mp4", frames=25)
    return office


def begin(studio: Office, job, stop: threading.Event | None = None) -> threading.Thread:
    stop = stop or threading.Event()
    thread = threading.Thread(target=run_claimed, args=(job, studio.settings, studio.jobs, stop))
    thread.start()
    return thread


def process_of(job_id: str) -> int:
    """Pid of the process that runs that job."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if b"sightline.jobs.child" in words and job_id.encode() in words:
                return int(name)
    return 0


def long_film(studio: Office, timeout_s: float = 600.0) -> str:
    """A job over a film of an hour, which takes minutes: the short one again and again, copied."""
    uploads = studio.settings.data_dir / "uploads"
    repeat = ["-stream_loop", "3600", "-i", str(uploads / "film.mp4"), "-c", "copy", str(uploads / "long.mp4")]
    subprocess.run(quiet(*repeat), check=True, stdout=subprocess.DEVNULL)
    return studio.add("transcode", "long.mp4", timeout_s=timeout_s)


def test_a_film_becomes_a_ladder_and_an_mp4(studio):
    job_id = studio.add("transcode", "film.mp4", rungs=["480p", "720p"])
    assert Runner(studio.settings, studio.database).work(threading.Event())
    job = studio.jobs.get(job_id)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    assert {output.name for output in job.outputs} == {"hls.zip", "film.mp4"}
    storage = make_storage(studio.settings)
    with storage.open(f"jobs/{job_id}/hls.zip") as file, zipfile.ZipFile(file) as bundle:
        names = bundle.namelist()
    assert "master.m3u8" in names
    assert any(name.endswith(".m4s") for name in names)
    assert not Runner(studio.settings, studio.database).work(threading.Event())


def test_a_film_is_analyzed_with_every_picture(studio):
    job_id = studio.add("analyze", "film.mp4", look_for=["motion_detection"])
    Runner(studio.settings, studio.database).work(threading.Event())
    job = studio.jobs.get(job_id)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    storage = make_storage(studio.settings)
    lines = storage.get(f"jobs/{job_id}/film_findings.jsonl").decode().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(1, 26))
    assert {o.name for o in job.outputs} == {
        "film_findings.jsonl", "film_findings.csv", "film_summary.json", "film_annotated.mp4",
    }  # fmt: skip


def test_what_is_no_film_is_said_to_be_none(studio):
    job_id = studio.add("transcode", "in.txt")
    Runner(studio.settings, studio.database).work(threading.Event())
    job = studio.jobs.get(job_id)
    assert (job.state, job.error["code"], job.error["stage"]) == (JobState.FAILED, "unreadable_video", "ladder")


def test_a_killed_process_is_a_lost_attempt_and_the_job_is_done_by_the_next(studio):
    job_id = long_film(studio)
    thread = begin(studio, studio.claim(job_id))
    wait_for(lambda: studio.jobs.get(job_id).progress > 0, "progress", 60)
    os.kill(process_of(job_id), signal.SIGKILL)
    thread.join(20)
    job = studio.jobs.get(job_id)
    assert (job.state, job.failures) == (JobState.QUEUED, 1)
    (studio.settings.data_dir / "uploads" / "film.mp4").replace(studio.settings.data_dir / "uploads" / "long.mp4")
    studio.now_s += 1000  # the pause before the next try is over
    begin(studio, studio.claim(job_id)).join(60)
    assert studio.jobs.get(job_id).state == JobState.SUCCEEDED


def test_cancel_ends_the_process_and_what_it_started(studio):
    job_id = long_film(studio)
    thread = begin(studio, studio.claim(job_id))
    wait_for(lambda: studio.jobs.get(job_id).progress > 0, "progress", 60)
    session = process_of(job_id)
    assert session_memory_bytes(session) > 10_000_000
    studio.jobs.cancel(job_id)
    thread.join(20)
    assert studio.jobs.get(job_id).state == JobState.CANCELLED
    assert session_memory_bytes(session) == 0
    assert not list(Workspace(studio.settings, job_id).folder.glob("stages/ladder"))


def test_a_process_that_does_not_listen_is_killed(studio, monkeypatch):
    monkeypatch.setattr(attempt_module, "CANCEL_TERM_S", 0.2)
    monkeypatch.setattr(attempt_module, "CANCEL_KILL_S", 0.5)
    job_id = long_film(studio)
    thread = begin(studio, studio.claim(job_id))
    wait_for(lambda: studio.jobs.get(job_id).progress > 0, "progress", 60)
    session = process_of(job_id)
    os.kill(session, signal.SIGSTOP)
    studio.jobs.cancel(job_id)
    thread.join(20)
    assert studio.jobs.get(job_id).state == JobState.CANCELLED
    assert session_memory_bytes(session) == 0


def test_a_job_that_takes_too_long_is_ended(studio):
    job_id = long_film(studio, timeout_s=1.5)
    begin(studio, studio.claim(job_id)).join(30)
    job = studio.jobs.get(job_id)
    assert (job.state, job.error["code"]) == (JobState.TIMED_OUT, "timeout")


@pytest.mark.parametrize(("limit", "code"), [("job_memory_bytes", "memory_exceeded"), ("job_disk_bytes", "disk_exceeded")])
def test_a_job_that_takes_too_much_is_ended(studio, monkeypatch, limit, code):
    monkeypatch.setattr(attempt_module, "DISK_CHECK_S", 0.2)
    lowest = {"job_memory_bytes": 100_000_000, "job_disk_bytes": 1_000_000}[limit]
    studio.settings = type(studio.settings).from_env({}, data_dir=str(studio.settings.data_dir), **{limit: lowest})
    job_id = long_film(studio)
    begin(studio, studio.claim(job_id)).join(60)
    job = studio.jobs.get(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, code)


def test_a_worker_that_stops_gives_the_job_back_at_once(studio):
    stop = threading.Event()
    job_id = long_film(studio)
    thread = begin(studio, studio.claim(job_id), stop)
    wait_for(lambda: studio.jobs.get(job_id).progress > 0, "progress", 60)
    session = process_of(job_id)
    stop.set()
    thread.join(20)
    job = studio.jobs.get(job_id)
    assert (job.state, job.failures) == (JobState.QUEUED, 0)
    assert session_memory_bytes(session) == 0


def test_a_lease_is_kept_while_the_job_runs(studio):
    stop = threading.Event()
    job_id = long_film(studio)
    job = studio.claim(job_id)
    thread = begin(studio, job, stop)
    wait_for(lambda: abs(studio.jobs.get(job_id).lease_until - time.time() - studio.settings.job_lease_s) < 10, "a heartbeat")
    assert studio.jobs.reap(time.time()) == ()
    stop.set()
    thread.join(20)


def test_a_database_that_is_away_for_a_moment_costs_no_attempt(studio, monkeypatch):
    monkeypatch.setattr(attempt_module, "HEARTBEAT_S", 0.0)
    extend, away = studio.jobs.extend, [StorageError("The database does not answer.", code="database_unavailable")] * 2

    def extend_later(*arguments):
        if away:
            raise away.pop()
        return extend(*arguments)

    monkeypatch.setattr(studio.jobs, "extend", extend_later)
    job_id = studio.add("transcode", "film.mp4", rungs=["480p"])
    begin(studio, studio.claim(job_id)).join(60)
    job = studio.jobs.get(job_id)
    assert (job.state, job.attempt, job.failures, away) == (JobState.SUCCEEDED, 1, 0, [])
