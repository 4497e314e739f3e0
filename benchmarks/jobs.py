"""400 small jobs, four workers, and a hand that kills workers and their jobs' processes at random.

`python -m benchmarks.jobs [JOBS] [DATABASE_URL]`; without an address on SQLite. A PostgreSQL database must be empty.

Counted by others than the engine: a trigger in the database writes down every end of a job, every run leaves its trace in a file
under a lock (two runs at once would show), and the results are read back from storage.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import create_engine, make_url

from benchmarks.product import ROOT
from benchmarks.report import Figure, report
from benchmarks.tally import install_tally
from sightline.errors import NotFound
from sightline.records.database import Database
from sightline.records.jobs import ENDED, MOST_FAILURES, Job, JobInput, Jobs, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import make_storage

JOBS, WORKERS = 400, 4
LEASE_S = 3.0
PAUSE_S = LEASE_S + 8.0
"""Long enough for the lease to run out, the pause before the next try to pass, and another worker to begin."""
KILLS_PER_JOB = 0.25
TABLE = "create table ends (job_id text, attempt integer, state text)"
HAS_ENDED = "new.state in ('succeeded', 'failed', 'cancelled', 'timed_out', 'expired')"
TELL = "insert into ends values (new.id, new.attempt, new.state)"
SQLITE = (TABLE, f"create trigger tell_end after update of state on jobs when {HAS_ENDED} begin {TELL}; end")
POSTGRESQL = (
    TABLE,
    f"create function tell_end() returns trigger language plpgsql as $$ begin {TELL}; return new; end $$",
    f"create trigger tell_end after update of state on jobs for each row when ({HAS_ENDED}) execute function tell_end()",
)


@dataclass
class Outcome:
    """What became of the jobs."""

    jobs: list[Job]
    ends: Counter[str]
    """By job: how often it ended."""
    wrong_results: list[int]
    overlaps: int
    """Runs that met another run of the same job."""
    runs: int
    seconds: float
    kills: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> int:
        return sum(job.state != JobState.SUCCEEDED for job in self.jobs)

    @property
    def not_once(self) -> int:
        return sum(self.ends[job.id] != 1 for job in self.jobs)


class Shop:
    """A database with jobs in it, and workers."""

    def __init__(self, folder: Path, database_url: str) -> None:
        database = {"DATABASE_URL": database_url} if database_url else {}
        self.settings = Settings.from_env(database, data_dir=str(folder / "var"))
        self._environ = os.environ | install_tally(folder / "packages") | database | {
            "DATA_DIR": str(self.settings.data_dir), "JOB_LEASE": str(LEASE_S), "JOB_SLOTS": "1", "LOG_LEVEL": "WARNING",
        }  # fmt: skip
        self._said = folder / "workers.log"
        (self.settings.data_dir / "uploads").mkdir(parents=True)
        self.database = Database(self.settings.database)
        self.database.migrate()
        self.jobs = Jobs(self.database)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.paused: dict[int, float] = {}
        """Stopped workers, and when they may go on."""
        driver = "sqlite" if self.database.is_sqlite else "postgresql+psycopg"
        self._rows = create_engine(make_url(self.settings.database).set(drivername=driver))
        with self._rows.begin() as rows:
            for statement in SQLITE if self.database.is_sqlite else POSTGRESQL:
                rows.exec_driver_sql(statement)

    def add(self, number: int, seconds: float) -> str:
        path = self.settings.data_dir / "uploads" / "in.txt"
        path.write_text("footage")
        one = JobInput("in.txt", "uploads/in.txt", "0" * 64, 7)
        return self.jobs.add(NewJob("tally", [one], {"number": number, "seconds": seconds}, None, 300.0))[0].id

    def hire(self, count: int) -> None:
        """Start workers until there are `count`."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        for _ in range(count - len(self.workers)):
            with self._said.open("ab") as said:
                command = [sys.executable, "-m", "sightline.worker"]
                self.workers.append(subprocess.Popen(command, cwd=ROOT, env=self._environ, stdout=said, stderr=said))

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self._rows.dispose()
        self.database.close()

    def kill_worker(self, chance: random.Random) -> bool:
        """Kill a worker, unless its job has lost too many already: that one would be given up, rightly."""
        worker = chance.choice(self.workers)
        worker.send_signal(signal.SIGSTOP)
        if not self._may_lose(f":{worker.pid}:"):
            worker.send_signal(signal.SIGCONT)
            return False
        worker.kill()
        worker.wait()
        return True

    def pause_worker(self, chance: random.Random) -> bool:
        """Stop a worker and its job's process: the job goes to another, and then the first ones go on as if nothing had been."""
        worker = chance.choice(self.workers)
        if worker.pid in self.paused:
            return False
        worker.send_signal(signal.SIGSTOP)
        if not self._may_lose(f":{worker.pid}:"):
            worker.send_signal(signal.SIGCONT)
            return False
        children = psutil.Process(worker.pid).children()
        for child in children:
            child.suspend()
        if not self._can_write():
            # Stopped in the middle of a transaction, it would keep everybody from SQLite.
            for process in (*children, psutil.Process(worker.pid)):
                process.resume()
            return False
        self.paused[worker.pid] = time.monotonic() + PAUSE_S
        return True

    def kill_child(self, chance: random.Random) -> bool:
        """Kill the process of a job."""
        found = []
        for worker in self.workers:
            with suppress(psutil.NoSuchProcess):
                found += [
                    (p.pid, p.cmdline()) for p in psutil.Process(worker.pid).children() if "sightline.jobs.child" in p.cmdline()
                ]
        if not found:
            return False
        pid, words = chance.choice(found)
        with suppress(NotFound, ProcessLookupError):
            if self.jobs.get(words[-2]).failures < MOST_FAILURES - 1:
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def wake(self) -> None:
        """Let stopped workers go on whose time has come."""
        for worker in self.workers:
            if self.paused.get(worker.pid, float("inf")) < time.monotonic():
                del self.paused[worker.pid]
                for process in (psutil.Process(worker.pid), *psutil.Process(worker.pid).children()):
                    process.resume()

    def _may_lose(self, owner: str) -> bool:
        running = self.jobs.page(limit=1000, states=[JobState.RUNNING])
        return all(job.failures < MOST_FAILURES - 1 for job in running if owner in job.lease_owner)

    def outcome(self, numbers: dict[str, int], seconds: float) -> Outcome:
        with self._rows.connect() as rows:
            ends = Counter(job_id for (job_id,) in rows.exec_driver_sql("select job_id from ends"))
        wrong = [number for job_id, number in numbers.items() if self._result(job_id) != f"{number * number}\n".encode()]
        paths = [self.settings.data_dir / "traces" / str(number) for number in numbers.values()]
        words = [word for path in paths if path.exists() for word in path.read_text().split()]
        jobs = [self.jobs.get(job_id) for job_id in numbers]
        return Outcome(jobs, ends, wrong, words.count("overlap"), words.count("begin"), seconds)

    def _can_write(self) -> bool:
        if not self.database.is_sqlite:
            return True
        with closing(sqlite3.connect(self.settings.data_dir / "sightline.db", timeout=0.5)) as rows:
            try:
                rows.execute("begin immediate")
                rows.rollback()
            except sqlite3.OperationalError:
                return False
        return True

    def _result(self, job_id: str) -> bytes:
        try:
            return make_storage(self.settings).get(f"jobs/{job_id}/square.txt")
        except NotFound:
            return b""


def ordeal(folder: Path, jobs: int, workers: int, kills: int, seed: int, limit_s: float, database_url: str = "") -> Outcome:
    """Run `jobs` jobs with `workers` workers, of whom and of whose jobs about `kills` are killed."""
    chance, shop = random.Random(seed), Shop(folder, database_url)
    try:
        numbers = {shop.add(number, chance.uniform(0.0, 1.0)): number for number in range(1, jobs + 1)}
        begin_s, killed = time.monotonic(), Counter[str]()
        acts = {"workers killed": shop.kill_worker, "processes killed": shop.kill_child, "workers paused": shop.pause_worker}
        pace = (jobs - workers) / max(1, kills)
        while (done := sum(shop.jobs.counts().get(state, 0) for state in ENDED)) < jobs:
            if time.monotonic() - begin_s > limit_s:
                break
            shop.hire(workers)
            shop.wake()
            if killed.total() < kills and done >= killed.total() * pace:
                name = chance.choice(list(acts))
                killed[name] += acts[name](chance)
            time.sleep(chance.uniform(0.0, 0.2))
        outcome = shop.outcome(numbers, time.monotonic() - begin_s)
        outcome.kills = killed
        return outcome
    finally:
        shop.close()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    database_url = sys.argv[2] if len(sys.argv) > 2 else ""
    seed = int(time.time())
    with tempfile.TemporaryDirectory() as name:
        outcome = ordeal(Path(name), count, WORKERS, int(count * KILLS_PER_JOB), seed, 60 + 5.0 * count, database_url)
    none = "none (1 in the ratio)"
    report(
        "jobs_postgresql" if database_url else "jobs",
        [
            Figure("jobs that did not succeed", outcome.lost, "jobs", none, 1.0, "lower", 0.0),
            Figure("jobs that did not end exactly once", outcome.not_once, "jobs", none, 1.0, "lower", 0.0),
            Figure("results that are missing or wrong", len(outcome.wrong_results), "results", none, 1.0, "lower", 0.0),
            Figure("runs that met another run of their job", outcome.overlaps, "runs", none, 1.0, "lower", 0.0),
            Figure("jobs done", count / outcome.seconds, "jobs/s", "0.2 jobs/s wanted", 0.2, "higher", 1.0),
        ],
        {
            "jobs": count, "workers": WORKERS, "seed": seed, "seconds": round(outcome.seconds), "runs begun": outcome.runs,
            **outcome.kills, "most attempts of a job": max(job.attempt for job in outcome.jobs),
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
