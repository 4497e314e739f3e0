"""The carrier Celery, with a Redis and workers of its own that are killed: every job is done once."""

import os
import signal
import subprocess
import sys
import time

import pytest
import redis

from benchmarks.tally import install_tally
from sightline.errors import Invalid, StorageError
from sightline.jobs.carriers import make_carrier
from sightline.jobs.carriers.celery_app import QUEUE, JobTask
from sightline.jobs.dispatch import UNPUBLISHED_S, Dispatch
from sightline.jobs.runner import Runner
from sightline.records.jobs import JobState
from sightline.settings import Settings
from sightline.storage import make_storage
from tests.jobs.job_kinds import Office
from tests.live_fakes import wait_for
from tests.records.conftest import postgres_url  # noqa: F401 - fixture

pytestmark = pytest.mark.system


class Broker:
    """A Redis that keeps nothing."""

    def __init__(self, port: int, folder) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = redis.Redis(port=port)
        self._command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_for(self._answers, "Redis", 30)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def messages(self) -> int:
        return int(self.client.llen(QUEUE))

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def broker(require, free_port, tmp_path):
    require("redis-server")
    made = Broker(free_port, tmp_path)
    yield made
    made.kill()
    made.client.close()


on_both = pytest.mark.parametrize("environ", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def environ(request, broker) -> dict[str, str]:
    """The settings of all processes: a short lease, one job at a time, and the database that a test asks for."""
    is_postgresql = getattr(request, "param", "sqlite") == "postgresql"
    database = {"DATABASE_URL": request.getfixturevalue("postgres_url")} if is_postgresql else {}
    return {"JOB_CARRIER": "celery", "REDIS_URL": broker.url, "JOB_LEASE": "3", "JOB_SLOTS": "1", **database}


@pytest.fixture
def studio(tmp_path, environ):
    made = Office(tmp_path, environ)
    yield made
    made.database.close()


@pytest.fixture
def carrier(studio):
    made = make_carrier(studio.settings)
    assert made is not None
    return made


@pytest.fixture
def start_worker(studio, environ, root, tmp_path):
    """Starts a Celery worker; all are killed at the end."""
    whole = os.environ | install_tally(tmp_path / "packages") | environ | {"DATA_DIR": str(studio.settings.data_dir)}
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "celery.log").open("ab") as said:
            command = [sys.executable, "-m", "sightline.jobs.carriers.celery_worker"]
            started.append(subprocess.Popen(command, cwd=root, env=whole, stdout=said, stderr=said))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def traces(studio: Office, number: int) -> list[str]:
    path = studio.settings.data_dir / "traces" / str(number)
    return path.read_text().split() if path.exists() else []


@on_both
def test_a_worker_is_killed_in_mid_job_and_the_job_is_done_once(studio, broker, carrier, start_worker):
    broker.start()
    first = start_worker()
    job_id = studio.add("tally", number=7, seconds=4.0)
    carrier.publish(job_id)
    wait_for(lambda: traces(studio, 7), "the job's beginning", 60)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert studio.jobs.get(job_id).state == JobState.RUNNING
    second = start_worker()
    runner, dispatch = Runner(studio.settings, studio.database), Dispatch(studio.jobs, carrier)

    def is_back() -> bool:
        runner.reap()
        return dispatch.publish_lost() > 0

    wait_for(is_back, "the job on its way again", 60)
    carrier.publish(job_id)  # a message too many
    wait_for(lambda: studio.jobs.get(job_id).state == JobState.SUCCEEDED, "the result", 60)
    wait_for(lambda: broker.messages() == 0, "the end of all messages")
    job = studio.jobs.get(job_id)
    assert (job.attempt, job.failures, [output.name for output in job.outputs]) == (2, 1, ["square.txt"])
    assert make_storage(studio.settings).get(f"jobs/{job_id}/square.txt") == b"49\n"
    assert traces(studio, 7) == ["begin", "begin", "end"]
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0


def test_a_worker_that_is_told_to_stop_gives_its_job_back_at_once(studio, broker, carrier, start_worker):
    broker.start()
    worker = start_worker()
    job_id = studio.add("tally", number=1, seconds=600.0)
    carrier.publish(job_id)
    wait_for(lambda: traces(studio, 1), "the job's beginning", 60)
    begin_s = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    wait_for(lambda: studio.jobs.get(job_id).state == JobState.QUEUED, "the job's return", 20)
    assert worker.wait(30) == 0
    assert time.monotonic() - begin_s < 60  # it did not wait for the job's ten minutes
    assert studio.jobs.get(job_id).failures == 0


def test_a_worker_outlives_its_broker(studio, broker, carrier, start_worker):
    broker.start()
    worker = start_worker()
    jobs = [studio.add("tally", number=number, seconds=0.1) for number in (5, 6)]
    carrier.publish(jobs[0])
    wait_for(lambda: studio.jobs.get(jobs[0]).state == JobState.SUCCEEDED, "the first result", 60)
    broker.kill()
    broker.start()
    carrier.publish(jobs[1])
    wait_for(lambda: studio.jobs.get(jobs[1]).state == JobState.SUCCEEDED, "the second result", 90)
    assert worker.poll() is None


def test_a_broker_that_is_restarted_while_a_job_runs_does_not_disturb_it(studio, broker, carrier, start_worker):
    broker.start()
    worker = start_worker()
    job_id = studio.add("tally", number=8, seconds=3.0)
    carrier.publish(job_id)
    wait_for(lambda: traces(studio, 8), "the job's beginning", 60)
    broker.kill()
    broker.start()
    wait_for(lambda: studio.jobs.get(job_id).state == JobState.SUCCEEDED, "the result", 90)
    assert (studio.jobs.get(job_id).attempt, traces(studio, 8)) == (1, ["begin", "end"])
    assert worker.poll() is None


@on_both
def test_two_workers_do_each_job_once_although_the_broker_forgot_all_and_heard_all_twice(studio, broker, carrier, start_worker):
    broker.start()
    jobs = {number: studio.add("tally", number=number, seconds=0.3) for number in range(20, 28)}
    for job_id in jobs.values():
        carrier.publish(job_id)
    broker.client.flushall()
    dispatch = Dispatch(studio.jobs, carrier, lambda: time.time() + UNPUBLISHED_S + 1)
    assert dispatch.publish_lost() == len(jobs)
    for job_id in jobs.values():
        carrier.publish(job_id)
    for _ in range(2):
        start_worker()
    wait_for(lambda: studio.jobs.counts() == {JobState.SUCCEEDED: len(jobs)}, "all results", 120)
    wait_for(lambda: broker.messages() == 0, "the end of all messages", 60)
    assert [studio.jobs.get(job_id).attempt for job_id in jobs.values()] == [1] * len(jobs)
    assert [traces(studio, number) for number in jobs] == [["begin", "end"]] * len(jobs)


def test_without_a_broker_the_job_waits_and_is_published_later(studio, broker, carrier):
    job_id = studio.add("tally", number=2)
    with pytest.raises(StorageError, match="Redis"):
        carrier.publish(job_id)
    with pytest.raises(StorageError, match="Redis"):
        carrier.is_empty()
    now = studio.jobs.get(job_id).created_at
    dispatch = Dispatch(studio.jobs, carrier, lambda: now)
    broker.start()
    assert dispatch.publish_lost() == 0  # the web's own message may be under way
    now += UNPUBLISHED_S + 1
    assert dispatch.publish_lost() == 1
    assert (broker.messages(), carrier.is_empty()) == (1, False)
    now += UNPUBLISHED_S + 1
    assert dispatch.publish_lost() == 0  # it only waits for its turn
    broker.client.flushall()
    assert carrier.is_empty()
    assert dispatch.publish_lost() == 1
    assert broker.messages() == 1


def test_a_second_message_finds_nothing_to_do(studio):
    job_id = studio.add("tally", number=3)
    assert studio.jobs.claim("another", 30.0, time.time(), job_id) is not None
    JobTask(Runner(studio.settings, studio.database)).run(job_id)
    assert studio.jobs.get(job_id).attempt == 1


def test_a_worker_that_stops_begins_nothing(studio):
    job_id = studio.add("tally", number=4)
    task = JobTask(Runner(studio.settings, studio.database))
    task.stop.set()
    task.run(job_id)
    assert studio.jobs.get(job_id).attempt == 0


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:6379"])
def test_what_is_no_redis_is_refused_in_words(url):
    settings = Settings.from_env({"JOB_CARRIER": "celery", "REDIS_URL": url})
    with pytest.raises(Invalid, match="REDIS_URL"):
        make_carrier(settings)


def test_the_embedded_carrier_needs_no_messages():
    assert make_carrier(Settings.from_env({})) is None
