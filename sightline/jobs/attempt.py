"""One attempt at a job, from outside: starts its process, keeps the lease, and sees that it ends.

Used by every carrier that runs jobs on this machine (the embedded runner, a Celery worker), from a thread of its own.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import SightlineError, StorageError
from sightline.jobs.workspace import Workspace
from sightline.records.jobs import Job, Jobs, JobState, Lost
from sightline.settings import Settings

log = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
"""Also how soon the wish to cancel is seen."""
TICK_S = 0.2
CANCEL_TERM_S, CANCEL_KILL_S = 10.0, 15.0
"""From the wish to cancel: the job's own code has this long, then SIGTERM and SIGKILL come."""
DISK_CHECK_S = 5.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class _Watch:
    """What the runner has seen of the attempt so far. Monotonic seconds."""

    started_s: float
    heartbeat_s: float = 0.0
    looked_s: float = 0.0
    cancel_since_s: float | None = None
    has_termed: bool = False


class Attempt:
    """A claimed job on its way through a process of its own."""

    def __init__(self, job: Job, settings: Settings, jobs: Jobs) -> None:
        self._job = job
        self._settings = settings
        self._jobs = jobs
        self._workspace = Workspace(settings, job.id)

    def run(self, stop: threading.Event) -> None:
        """Return when the attempt is over and the row says so. `stop`: give the job back at once, without blame."""
        self._workspace.folder.mkdir(parents=True, exist_ok=True)
        with self._workspace.log.open("ab") as said:
            said.write(f"--- attempt {self._job.attempt}\n".encode())
            said.flush()
            process = self._start(said.fileno())
        log.info("Job %s (%s), attempt %d: process %d", self._job.id, self._job.kind, self._job.attempt, process.pid)
        try:
            self._watch(process, stop)
        except Lost:
            # Its process may have ended the row just now; only another attempt's claim is news.
            if self._jobs.get(self._job.id).attempt != self._job.attempt:
                log.warning("Job %s: attempt %d was given up", self._job.id, self._job.attempt)
        finally:
            _kill_group(process)

    def _start(self, said: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "sightline.jobs.child", self._job.id, str(self._job.attempt), str(os.getpid())]
        # A session of its own: programs that it starts are ended with it.
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True,
            cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip

    def _watch(self, process: "subprocess.Popen[bytes]", stop: threading.Event) -> None:
        watch = _Watch(time.monotonic())
        while process.poll() is None:
            if stop.wait(TICK_S):
                _kill_group(process)
                self._jobs.requeue(self._job.id, self._job.attempt, "the worker was stopped", time.time(), is_fault=False)
                return
            now_s = time.monotonic()
            if now_s - watch.heartbeat_s >= HEARTBEAT_S:
                self._beat(watch, now_s)
            if self._enforce(process, watch, now_s):
                return
        self._bury(process.returncode)

    def _beat(self, watch: _Watch, now_s: float) -> None:
        watch.heartbeat_s = now_s
        try:
            is_cancel_wanted = self._jobs.extend(self._job.id, self._job.attempt, time.time() + self._settings.job_lease_s)
        except StorageError as err:
            # Nobody else can claim the job while the database is away; if somebody does afterwards, the fence tells us.
            log.warning("Job %s: the lease could not be prolonged: %s", self._job.id, err.message)
            return
        if is_cancel_wanted and watch.cancel_since_s is None:
            watch.cancel_since_s = now_s

    def _enforce(self, process: "subprocess.Popen[bytes]", watch: _Watch, now_s: float) -> bool:
        """Keep the limits; True when the attempt was ended for one of them."""
        if watch.cancel_since_s is not None and now_s - watch.cancel_since_s >= CANCEL_KILL_S:
            return self._end(process, JobState.CANCELLED, None)
        if watch.cancel_since_s is not None and now_s - watch.cancel_since_s >= CANCEL_TERM_S and not watch.has_termed:
            watch.has_termed = True
            _signal_group(process, signal.SIGTERM)
        if now_s - watch.started_s > self._job.timeout_s:
            words = f"It took longer than {self._job.timeout_s:.0f} s and was ended."
            return self._end(process, JobState.TIMED_OUT, {"code": "timeout", "message": words})
        if now_s - watch.looked_s < DISK_CHECK_S:
            return False
        watch.looked_s = now_s
        problem = self._exceeded(process)
        return problem is not None and self._end(process, JobState.FAILED, problem)

    def _exceeded(self, process: "subprocess.Popen[bytes]") -> dict[str, str] | None:
        used_bytes = session_memory_bytes(process.pid)
        if used_bytes > self._settings.job_memory_bytes:
            limit_gb = self._settings.job_memory_bytes / 1e9
            words = f"It needed more than {limit_gb:.1f} GB of memory (JOB_MEMORY). Use smaller or fewer files."
            return {"code": "memory_exceeded", "message": words}
        if self._workspace.size_bytes() > self._settings.job_disk_bytes:
            words = f"It wrote more than {self._settings.job_disk_bytes / 1e9:.1f} GB of working files (JOB_DISK)."
            return {"code": "disk_exceeded", "message": words}
        return None

    def _end(self, process: "subprocess.Popen[bytes]", state: JobState, error: dict[str, str] | None) -> bool:
        _kill_group(process)
        stages = self._jobs.get(self._job.id).stages
        stage = next((s.name for s in stages if s.state == "running"), "")
        self._jobs.end(self._job.id, self._job.attempt, state, None if error is None else {**error, "stage": stage})
        return True

    def _bury(self, code: int) -> None:
        """The process is gone; when the row does not know how it ended, it is a lost attempt."""
        job = self._jobs.get(self._job.id)
        if job.attempt != self._job.attempt or job.state != JobState.RUNNING:
            return
        reason = f"its process ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"
        log.error("Job %s: %s", self._job.id, reason)
        self._jobs.requeue(self._job.id, self._job.attempt, reason, time.time())


def session_memory_bytes(session_id: int) -> int:
    """Resident memory of all processes of a session; 0 when it is gone."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "stat").read_text(encoding="latin-1").rpartition(")")[2].split()
            if int(told[3]) == session_id:
                total += int((folder / "statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
        except (OSError, ValueError, IndexError):  # it ended meanwhile
            continue
    return total


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End the process and all that it started."""
    _signal_group(process, signal.SIGKILL)
    process.wait()


def run_claimed(job: Job, settings: Settings, jobs: Jobs, stop: threading.Event) -> None:
    """Run an attempt whose claim is ours; whatever goes wrong on our side gives the job back."""
    try:
        Attempt(job, settings, jobs).run(stop)
    except (SightlineError, OSError) as err:
        log.error("Job %s: attempt %d could not be run: %s", job.id, job.attempt, err)
        try:
            jobs.requeue(job.id, job.attempt, f"the worker could not run it: {err}", time.time())
        except SightlineError:
            log.warning("Job %s: its lease will run out by itself", job.id)
