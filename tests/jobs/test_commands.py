"""Outside programs of a job: how they end, and that they end with whoever runs them."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from sightline.errors import JobError
from sightline.jobs.commands import Cancelled, run_command
from sightline.jobs.execute import execute
from sightline.records.jobs import JobState
from tests.jobs.job_kinds import kinds, office  # noqa: F401 - fixtures


def python(code, *arguments):
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]


def test_progress_of_ffmpeg_is_told():
    told = []
    code = "import time\nfor n in range(3): print(f'out_time_us={n}000000', flush=True); time.sleep(0.05)"
    run_command(python(code), told.append, duration_s=4.0)
    assert told[-1] == 0.5


def test_a_program_that_fails_says_why():
    with pytest.raises(JobError) as failed:
        run_command(python("import sys; sys.exit('cannot do that')"), lambda _: None)
    assert (failed.value.code, failed.value.facts["detail"]) == ("command_failed", "cannot do that")
    assert "sys.exit" in failed.value.facts["command"]
    with pytest.raises(JobError) as missing:
        run_command(["/no/such/program"], lambda _: None)
    assert missing.value.code == "command_missing"


def test_a_program_that_is_killed_says_what_may_have_done_it():
    with pytest.raises(JobError, match="no memory left") as failed:
        run_command(["/bin/sh", "-c", "kill -9 $$"], lambda _: None)
    assert failed.value.code == "command_failed"


def test_a_program_without_room_on_the_disk_is_tried_again_later():
    with pytest.raises(JobError) as failed:
        run_command(["/bin/sh", "-c", "head -c 9 /dev/zero > /dev/full"], lambda _: None)
    assert (failed.value.code, failed.value.is_transient) == ("disk_full", True)


def test_who_is_cancelled_leaves_no_program():
    def cancel(_share):
        raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        run_command(python("import time; print(flush=True); time.sleep(600)"), cancel)
    assert psutil.Process().children() == []


def test_a_program_does_not_outlive_a_process_that_is_killed(tmp_path):
    """Nobody is left who could end it: the kernel does."""
    told = tmp_path / "pid"
    endless = f"import os, time, pathlib; pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(600)"
    code = "import sys; from sightline.jobs.commands import run_command; run_command(sys.argv[1:], lambda share: None)"
    runner = subprocess.Popen(python(code, *python(endless)), cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while not (told.is_file() and told.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    program = psutil.Process(int(told.read_text()))
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    psutil.wait_procs([program], timeout=30)
    assert not program.is_running() or program.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_python_without_room_on_the_disk_waits_and_goes_on_when_there_is(office, kinds, number):  # noqa: F811
    def fail(work):
        raise OSError(number, os.strerror(number))

    kinds.before["b"] = fail
    job_id = office.add()
    for _ in range(2):
        job = office.claim(job_id)
        assert execute(job_id, job.attempt, office.settings, office.database) == JobState.QUEUED
        office.now_s += 1000
    kinds.before.clear()
    assert execute(job_id, office.claim(job_id).attempt, office.settings, office.database) == JobState.SUCCEEDED
    assert kinds.done == ["a", "b", "b", "b", "c"]


def test_a_disk_that_stays_full_is_said(office, kinds):  # noqa: F811
    def fail(work):
        with Path("/dev/full").open("w") as full:
            full.write("x")

    kinds.before["b"] = fail
    job_id = office.add()
    for _ in range(3):
        execute(job_id, office.claim(job_id).attempt, office.settings, office.database)
        office.now_s += 1000
    job = office.jobs.get(job_id)
    assert (job.state, job.error["code"]) == (JobState.FAILED, "disk_full")
    assert "disk is full" in job.error["message"]
    assert not list((office.settings.data_dir / "jobs" / job_id / "stages").glob("b"))
