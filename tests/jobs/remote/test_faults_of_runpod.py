"""Jobs through RunPod's API with every fault that the stand-in knows: each ends once, as it should, and its work is done once."""

import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sightline.errors import NotFound
from sightline.jobs.carriers.runpod import RunPodCarrier
from sightline.jobs.remote.worker import carry_out
from sightline.records.jobs import ENDED, JobInput, JobState, NewJob
from sightline.settings import Settings
from sightline.web.remote_calls import RemoteCalls
from tests.jobs.job_kinds import kinds, office  # noqa: F401 - fixtures
from tests.jobs.remote.elsewhere import Elsewhere
from tests.stand_ins.runpod import ENDPOINT, KEY, RunPodServer

MOST_LOOKS = 40


class CallBox(ThreadingHTTPServer):
    """Takes RunPod's calls as the web does."""

    def __init__(self, calls: RemoteCalls) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.calls = calls
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class _Call(BaseHTTPRequestHandler):
    server: CallBox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.server.calls.take("runpod", self.path.rpartition("/")[2], body, "127.0.0.1")
            self.send_response(200)
        except NotFound:
            self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests need no log of it."""


class Place:
    """Our side with a clock of its own, and a RunPod whose machines share our storage."""

    def __init__(self, office, folder) -> None:  # noqa: F811
        there = Settings.from_env({}, data_dir=str(folder / "machine"))
        there.data_dir.mkdir()
        (office.settings.data_dir / "storage").mkdir()
        (there.data_dir / "storage").symlink_to(office.settings.data_dir / "storage")
        self.server = RunPodServer(lambda job, tell: self._work(job, tell, there))
        self.box = CallBox(RemoteCalls(office.database))
        self.ours = Elsewhere(office)
        ours = {"RUNPOD_ENDPOINT_BASE_URL": self.server.url, "RUNPOD_API_KEY": KEY, "RUNPOD_ENDPOINT_ID": ENDPOINT}
        self.ours.landlord = RunPodCarrier(Settings.from_env(ours))
        self.ours.use(public_url=self.box.url)
        self.jobs = office.jobs
        footage = JobInput("in.txt", "uploads/in.txt", sha256(b"footage").hexdigest(), 7)
        self.job_id = self.jobs.add(NewJob("double", [footage], {}, None, 600.0))[0].id

    def _work(self, job, tell, there) -> dict:
        result = carry_out(job["input"], there, tell, job["id"])
        return {"error": str(result.error)} if result.state == JobState.FAILED else {"state": str(result.state)}

    def run(self):
        """The job, when it is over."""
        for _ in range(MOST_LOOKS):
            self.ours.hurry()
            while self.ours.send():
                continue
            self.ours.look(31)
            self.wait_for_machines()
            job = self.jobs.get(self.job_id)
            if job.state in ENDED:
                break
        return job

    def wait_for_machines(self) -> None:
        """Until whoever works over there is done: their work takes real time, our looks do not."""
        if self.server.machines.is_set():
            self.server.join()

    def close(self) -> None:
        self.server.close()
        self.box.shutdown()
        self.box.server_close()


@pytest.fixture
def place(office, kinds, tmp_path):  # noqa: F811
    made = Place(office, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("on", "do"),
    [
        ("run", "429"), ("run", "500"), ("run", "503"), ("run", "garbage"), ("run", "lost"), ("status", "429"), ("status", "500"),
        ("status", "garbage"), ("status", "lost"), ("status", "strange"), ("work", "fail"), ("work", "no_output"),
        ("webhook", "drop"), ("webhook", "duplicate"), ("webhook", "late"),
    ],
)  # fmt: skip
def test_a_fault_delays_a_job_and_does_not_double_it(place, kinds, on, do):  # noqa: F811
    place.server.script(on, do, retry_after=20)
    job = place.run()
    assert (job.state, [output.name for output in job.outputs]) == (JobState.SUCCEEDED, ["result.txt"])
    assert kinds.done == ["a", "b", "c"]
    assert job.failures == (on == "work")


@pytest.mark.parametrize(("do", "state"), [("time_out", JobState.TIMED_OUT), ("vanish", JobState.TIMED_OUT)])
def test_a_job_that_does_not_end_there_ends_here(place, kinds, do, state):  # noqa: F811
    place.server.script("work", do)
    job = place.run()
    assert (job.state, job.error["code"], kinds.done) == (state, "timeout", [])


def test_a_job_that_runpod_forgot_is_expired(place, kinds):  # noqa: F811
    place.server.machines.clear()
    place.server.script("status", "expire")
    job = place.run()
    assert (job.state, job.error["code"], kinds.done) == (JobState.EXPIRED, "expired", [])


def test_a_job_that_runpod_forgot_after_its_end_has_its_result(place, kinds):  # noqa: F811
    place.ours.send()
    place.ours.look(0)
    place.wait_for_machines()
    place.server.script("status", "expire")
    assert place.run().state == JobState.SUCCEEDED


def test_a_call_spares_the_wait_for_the_next_look(place):
    place.ours.send()
    place.ours.look(0)
    place.wait_for_machines()
    assert place.server.calls == [200]
    assert place.ours.look(0) >= 1
    assert place.jobs.get(place.job_id).state == JobState.SUCCEEDED
