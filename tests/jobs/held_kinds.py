"""Every kind of job once more, as `held_<name>`: its stages can be stopped in the middle, and each run of one leaves a trace.

The kinds are in a package of their own, which processes find as they find other people's. `Bench` has a worker process and jobs.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psutil

from sightline.jobs.contract import kinds
from sightline.records.database import Database
from sightline.records.jobs import ENDED, Job, JobInput, Jobs, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import make_storage
from tests.clips import make_clip
from tests.conftest import ROOT
from tests.live_fakes import wait_for

MODULE = '''
import time
from dataclasses import replace
from pathlib import Path

from sightline.jobs.commands import run_command
from sightline.jobs.contract import BUILTIN, kind


class HeldWork:
    """A `Work` that stands still in its first word of progress, or after the stage's last, while it is told to."""

    def __init__(self, work, stage):
        self._work, self._stage = work, stage
        job = work.folder.parents[1]
        self._hold, self._held = job / "hold", job / "held"

    def __getattr__(self, name):
        return getattr(self._work, name)

    def progress(self, share, message=""):
        self._work.progress(share, message)
        self.stand_still()

    def command(self, command, *, duration_s=None, message=""):
        run_command(command, lambda share: self.progress(share, message), duration_s=duration_s)

    def stand_still(self):
        while self._hold.is_file() and self._hold.read_text() == self._stage:
            self._held.write_text(self._stage)
            self._work.progress(0.0)
            time.sleep(0.05)


def held(stage):
    def run(work):
        with (work.folder.parents[1] / "runs").open("a") as runs:
            runs.write(f"{stage.name}\\n")
        held_work = HeldWork(work, stage.name)
        stage.run(held_work)
        held_work.stand_still()

    return replace(stage, run=run)


def __getattr__(name):
    whole = kind(name.removeprefix("held_"))
    return replace(whole, name=name, stages=tuple(held(stage) for stage in whole.stages))
'''
METADATA = "Metadata-Version: 2.1\nName: held-kinds\nVersion: 1.0\n"

QUICK: dict[str, dict[str, object]] = {
    "showcase": {"shapes": ["16:9"], "short_side_px": 144, "model": "none", "least_score": 0.0},
    "annotation": {"width_px": 320, "height_px": 240, "clip_s": 1.0, "model": "hog", "also": ["manifest", "tracking"]},
    "analyze": {"look_for": ["motion_detection"]},
    "transcode": {"rungs": ["480p"]},
}
"""Parameters with which a kind is done soon; a kind that is not here gets its own defaults."""
STAGES = [(known.name, stage.name) for known in kinds() for stage in known.stages]
TRIGGER = """
create table ends (job_id text, state text);
create trigger tell_end after update of state on jobs when new.state in ({states}) and old.state != new.state
begin insert into ends values (new.id, new.state); end;
"""
LEASE_S = 10.0
WAIT_S = 240.0


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job."""

    job: Job
    ends: int
    """How often it ended."""
    runs: Counter[str]
    """How often each stage was begun."""
    contents: dict[str, str]
    """sha256 of each result, read back from storage."""
    leftovers: list[str]
    """Files of its folder that no whole stage has."""


class Bench:
    """One worker with a place for every job, a database that writes down each end, and a film of two seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings.from_env({"DATA_DIR": str(folder / "var"), "JOB_LEASE": str(LEASE_S)})
        self.database = Database(self.settings.database)
        self.database.migrate()
        self.jobs = Jobs(self.database)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        packages = _install(folder / "packages")
        self._environ = os.environ | {
            "PYTHONPATH": f"{packages}:{ROOT}", "DATA_DIR": str(self.settings.data_dir), "JOB_LEASE": str(LEASE_S),
            "JOB_SLOTS": str(len(STAGES)), "TMPDIR": str(self.temporary), "INFERENCE_THREADS": "1",
        }  # fmt: skip
        self._worker: subprocess.Popen[bytes] | None = None
        self._uploads = self.settings.data_dir / "uploads"
        self._uploads.mkdir(parents=True)
        make_clip(self._uploads / "film.mp4", 50)
        states = ", ".join(f"'{state}'" for state in ENDED)
        with self._rows() as rows:
            rows.executescript(TRIGGER.format(states=states))

    def add(self, kind: str, hold: str = "") -> str:
        """A job that stands still in stage `hold`."""
        one = JobInput("film.mp4", "uploads/film.mp4", "0" * 64, 1)
        new = NewJob(f"held_{kind}", [one], QUICK.get(kind, {}), None, 600.0)
        job_id = os.urandom(12).hex()
        self.path(job_id).mkdir(parents=True)
        (self.path(job_id) / "hold").write_text(hold)
        return self.jobs.add(new, job_id)[0].id

    def path(self, job_id: str) -> Path:
        return self.settings.data_dir / "jobs" / job_id

    def start(self) -> None:
        with (self.folder / "worker.log").open("ab") as said:
            command = [sys.executable, "-m", "sightline.worker"]
            self._worker = subprocess.Popen(command, cwd=ROOT, env=self._environ, stdout=said, stderr=said)

    def kill_worker(self) -> None:
        assert self._worker is not None
        self._worker.kill()
        self._worker.wait()

    def kill_child(self, job_id: str) -> None:
        (process,) = self.processes(job_id)[:1]
        process.send_signal(signal.SIGKILL)

    def processes(self, job_id: str = "") -> list[psutil.Process]:
        """What runs for a job, or for any job of this bench: all that has its folder in the environment, but the worker."""
        return [process for process in psutil.process_iter() if self._is_for(process, job_id)]

    def wait_until_held(self, job_ids: list[str]) -> None:
        """Until each of them stands still in its stage."""

        def is_held(job_id: str) -> bool:
            job = self.jobs.get(job_id)
            assert job.state not in ENDED, (job.kind, job.state, job.error)
            return (self.path(job_id) / "held").is_file()

        wait_for(lambda: all(map(is_held, job_ids)), "all jobs to be held", WAIT_S)

    def let_go(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            (self.path(job_id) / "hold").unlink()

    def forget_held(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            (self.path(job_id) / "held").unlink()

    def wait_until_given_back(self, job_ids: list[str]) -> None:
        """Until each of them waits for its next attempt."""
        wait_for(lambda: all(self.jobs.get(job_id).state == JobState.QUEUED for job_id in job_ids), "the jobs' return", WAIT_S)

    def skip_pauses(self) -> None:
        """The pauses before the next attempts are over."""
        with self._rows() as rows:
            rows.execute("update jobs set not_before = 0 where state = 'queued'")

    def wait_until_quiet(self) -> None:
        """Until no process of any job is left."""
        wait_for(lambda: not self.processes(), "the end of all processes", WAIT_S)

    def wait_until_ended(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            wait_for(lambda job_id=job_id: self._has_ended(job_id), f"the end of job {job_id}", WAIT_S)

    def done(self, job_id: str) -> Done:
        job = self.jobs.get(job_id)
        with self._rows() as rows:
            (ends,) = rows.execute("select count(*) from ends where job_id = ?", (job_id,)).fetchone()
        storage = make_storage(self.settings)
        contents = {output.name: sha256(storage.get(output.key)).hexdigest() for output in job.outputs}
        folder = self.path(job_id)
        known = {"hold", "held", "runs", "lock", "log.txt", "stages"}
        leftovers = [path.name for path in folder.iterdir() if path.name not in known]
        leftovers += [path.name for path in (folder / "stages").glob("*") if path.suffix]
        return Done(job, ends, Counter((folder / "runs").read_text().split()), contents, leftovers)

    def stored(self, job_id: str) -> list[str]:
        """Keys in storage that belong to a job."""
        return [stored.key for stored in make_storage(self.settings).list(f"jobs/{job_id}/")]

    def close(self) -> None:
        if self._worker is not None:
            self.kill_worker()
        self.database.close()

    def _is_for(self, process: psutil.Process, job_id: str) -> bool:
        try:
            is_ours = process.environ().get("DATA_DIR") == str(self.settings.data_dir)
            is_alive = process.status() != psutil.STATUS_ZOMBIE
            return is_ours and is_alive and job_id in " ".join(process.cmdline()) and process.pid != self._worker_pid
        except psutil.Error:
            return False

    @property
    def _worker_pid(self) -> int:
        return self._worker.pid if self._worker is not None else 0

    def _has_ended(self, job_id: str) -> bool:
        return self.jobs.get(job_id).state in ENDED

    @contextmanager
    def _rows(self) -> Iterator[sqlite3.Connection]:
        rows = sqlite3.connect(self.settings.data_dir / "sightline.db", timeout=30)
        try:
            yield rows
            rows.commit()
        finally:
            rows.close()


def _install(folder: Path) -> Path:
    info = folder / "held_kinds-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "held_job_kinds.py").write_text(MODULE)
    (info / "METADATA").write_text(METADATA)
    points = "".join(f"held_{known.name} = held_job_kinds:held_{known.name}\n" for known in kinds())
    (info / "entry_points.txt").write_text(f"[sightline.job_kinds]\n{points}")
    return folder
