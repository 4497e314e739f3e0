"""The worker as a process with JOB_CARRIER=runpod: killed in mid-job, and left alone by RunPod."""

import os
import subprocess
import sys
from hashlib import sha256

import pytest

from benchmarks.tally import install_tally
from sightline.records.database import Database
from sightline.records.jobs import JobInput, Jobs, JobState, NewJob
from sightline.settings import Settings
from tests.jobs.conftest import BUCKET
from tests.stand_ins.runpod import ENDPOINT, KEY, RunPodServer
from tests.stand_ins.runpod_machine import machine

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


class Site:
    """A DATA_DIR, a bucket, a RunPod, and workers."""

    def __init__(self, environ, s3, root, tmp_path) -> None:
        s3.start()
        self.root = root
        self.log = tmp_path / "worker.log"
        shared = {**environ, "STORAGE_TYPE": "s3", "S3_BUCKET_NAME": BUCKET, **install_tally(tmp_path / "packages")}
        self.machine_dir = tmp_path / "machine"
        self.runpod = RunPodServer(machine({**os.environ, **shared, "DATA_DIR": str(self.machine_dir)}, root))
        self.environ = {
            **shared, "JOB_CARRIER": "runpod", "RUNPOD_ENDPOINT_BASE_URL": self.runpod.url, "RUNPOD_API_KEY": KEY,
            "RUNPOD_ENDPOINT_ID": ENDPOINT, "JOB_QUEUE_LIMIT": "10", "JOB_FALLBACK": "on", "JOB_LEASE": "3",
        }  # fmt: skip
        self.settings = Settings.from_env(self.environ)
        self.database = Database(self.settings.database)
        self.database.migrate()
        self.jobs = Jobs(self.database)
        self.workers: list[subprocess.Popen[bytes]] = []
        (self.settings.data_dir / "uploads").mkdir(parents=True)
        (self.settings.data_dir / "uploads" / "in.txt").write_text("footage")

    def start_worker(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "sightline.worker"]
            self.workers.append(subprocess.Popen(command, cwd=self.root, env=os.environ | self.environ, stdout=log, stderr=log))
        return self.workers[-1]

    def add(self, **params: object) -> str:
        # With its sha256 the machine does not ask whether it is a video.
        footage = JobInput("in.txt", "uploads/in.txt", sha256(b"footage").hexdigest(), 7)
        return self.jobs.add(NewJob("tally", [footage], params, None, 60.0))[0].id

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.runpod.close()
        self.database.close()


@pytest.fixture
def site(environ, s3, root, tmp_path):
    made = Site(environ, s3, root, tmp_path)
    yield made
    made.close()


def test_a_worker_is_killed_while_others_work_and_the_job_is_done_once(site, wait_until):
    first = site.start_worker()
    job_id = site.add(number=5, seconds=4.0)
    traces = site.machine_dir / "traces" / "5"
    wait_until(lambda: traces.is_file() and "begin" in traces.read_text(), 90, "the job's beginning")
    first.kill()
    first.wait()
    site.start_worker()
    site.start_worker()
    wait_until(lambda: site.jobs.get(job_id).state == JobState.SUCCEEDED, 90, "the result")
    job = site.jobs.get(job_id)
    assert (job.attempt, job.failures, traces.read_text().split()) == (1, 0, ["begin", "end"])
    assert len(site.runpod.jobs) == 1


def test_a_job_that_gets_no_machine_runs_here(site, wait_until):
    site.runpod.machines.clear()
    site.start_worker()
    job_id = site.add(number=6, seconds=0.2)
    wait_until(lambda: site.jobs.get(job_id).state == JobState.SUCCEEDED, 120, "the result")
    job = site.jobs.get(job_id)
    assert "so it runs on this one" in job.notices[0]
    assert [run.status for run in site.runpod.jobs.values()] == ["CANCELLED"]
    assert (site.settings.data_dir / "traces" / "6").read_text().split() == ["begin", "end"]
    assert not site.machine_dir.exists()
