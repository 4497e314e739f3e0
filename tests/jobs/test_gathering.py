"""Inputs that lie elsewhere: fetched once, gone on with after a break, refused with words."""

import hashlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sightline.errors import Forbidden, Invalid, JobError, StorageError
from sightline.jobs import gathering
from sightline.jobs.again import add_again
from sightline.jobs.commands import Cancelled
from sightline.jobs.execute import execute
from sightline.jobs.fetching import name_in, web_address
from sightline.jobs.gathering import gather
from sightline.jobs.task import Task
from sightline.records.jobs import JobInput, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import results_storage
from tests.clips import make_clip
from tests.jobs.job_kinds import kinds, office  # noqa: F401 - fixtures


class Site(ThreadingHTTPServer):
    """A web server with one file, and faults: what each next answer does differently."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SiteRequest)
        self.content = b""
        self.tag = '"1"'
        self.faults: list[object] = []
        """For each request to come: a status, "cut:N" (break off after N bytes), an address to go to, or None."""
        self.asked: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/films/My%20film.mp4?signature=very-secret"


class SiteRequest(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, int):
            return self._say(fault, b"", {})
        if isinstance(fault, str) and not fault.startswith("cut:"):
            return self._say(302, b"", {"Location": fault})
        content, begin = self.server.content, 0
        wanted = self.headers.get("Range", "")
        if wanted and self.headers.get("If-Range") == self.server.tag:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
        headers = {"ETag": self.server.tag}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        most = int(fault.removeprefix("cut:")) if fault else None
        return self._say(206 if begin else 200, content[begin:], headers, most)

    def _say(self, status: int, body: bytes, headers: dict[str, str], most: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if most is None else body[:most])

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", frames=10).read_bytes()


@pytest.fixture
def site(film):
    server = Site()
    server.content = film
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_settings(tmp_path) -> Settings:
    return Settings.from_env({"CAMERA_ALLOW_LOOPBACK": "true", "DISK_RESERVE": "0"}, data_dir=str(tmp_path / "var"))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(gathering, "FIRST_PAUSE_S", 0.0)


def task_of(origin: str, sha256: str = "", size_bytes: int = 0) -> Task:
    return Task("a" * 24, 1, "analyze", {}, (JobInput("My film.mp4", "jobs/a/inputs/001.mp4", sha256, size_bytes, origin),))


def bring(settings: Settings, origin: str, **about):
    told: list[float] = []
    (work_input,) = gather(task_of(origin, **about), settings, lambda share, _message: told.append(share))
    return work_input, told


def beside(settings: Settings) -> set[str]:
    folder = settings.data_dir / "jobs/a/inputs"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_a_film_of_the_web_is_fetched_once(open_settings, site, film):
    work_input, told = bring(open_settings, site.url)
    assert (work_input.path.read_bytes(), work_input.sha256) == (film, hashlib.sha256(film).hexdigest())
    assert told[-1] == 1.0
    assert beside(open_settings) == {"001.mp4", "001.mp4.fetched.json"}
    assert bring(open_settings, site.url)[0] == work_input
    assert len(site.asked) == 1


def test_a_file_in_storage_is_fetched_and_checked(open_settings, film):
    stored = results_storage(open_settings).put("jobs/a/inputs/001-film.mp4", film, "video/mp4")
    work_input, _ = bring(open_settings, f"storage:{stored.key}", sha256=stored.sha256, size_bytes=stored.size_bytes)
    assert work_input.path.read_bytes() == film
    results_storage(open_settings).delete(stored.key)
    assert bring(open_settings, f"storage:{stored.key}", sha256=stored.sha256, size_bytes=stored.size_bytes)[0] == work_input


def test_a_file_in_storage_that_was_replaced_is_refused(open_settings, film):
    results_storage(open_settings).put("jobs/a/inputs/x.mp4", film, "video/mp4")
    with pytest.raises(JobError) as caught:
        bring(open_settings, "storage:jobs/a/inputs/x.mp4", sha256="0" * 64, size_bytes=len(film))
    assert (caught.value.code, caught.value.is_transient) == ("input_changed", False)
    assert "001.mp4" not in beside(open_settings)


def test_a_file_that_is_gone_from_storage_is_missing(open_settings):
    with pytest.raises(JobError) as caught:
        bring(open_settings, "storage:jobs/a/inputs/x.mp4", sha256="0" * 64, size_bytes=5)
    assert caught.value.code == "input_missing"


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(min_value=1, max_value=4000), max_size=6))
def test_wherever_the_line_breaks_the_file_is_the_same(open_settings, site, film, cuts):
    for path in (open_settings.data_dir / "jobs/a/inputs").glob("*"):
        path.unlink()
    site.faults = [f"cut:{count}" for count in cuts]
    assert bring(open_settings, site.url)[0].path.read_bytes() == film
    assert beside(open_settings) == {"001.mp4", "001.mp4.fetched.json"}


def test_a_later_attempt_goes_on_where_the_line_broke(open_settings, site, film):
    site.faults = ["cut:1000", 503, 503, 503, 503]
    with pytest.raises(JobError) as caught:
        bring(open_settings, site.url)
    assert (caught.value.code, caught.value.is_transient) == ("url_unreachable", True)
    site.faults, site.asked = [], []
    assert bring(open_settings, site.url)[0].path.read_bytes() == film
    assert [request.get("Range") for request in site.asked] == ["bytes=1000-"]


def test_a_film_that_was_replaced_meanwhile_is_fetched_anew(open_settings, site, film):
    site.faults = ["cut:1000", 503, 503, 503, 503]
    with pytest.raises(JobError):
        bring(open_settings, site.url)
    site.faults, site.tag, site.content = [], '"2"', film + b"\0" * 100
    assert bring(open_settings, site.url)[0].path.read_bytes() == film + b"\0" * 100


@pytest.mark.parametrize(
    ("status", "code", "is_transient"),
    [(404, "url_not_found", False), (410, "url_not_found", False), (403, "url_refused", False), (401, "url_refused", False),
     (400, "url_refused", False), (304, "url_refused", False), (500, "url_unreachable", True), (429, "url_unreachable", True)],
)  # fmt: skip
def test_refusals_are_told_without_the_address(open_settings, site, status, code, is_transient):
    site.faults = [status] * 10
    with pytest.raises(JobError) as caught:
        bring(open_settings, site.url)
    assert (caught.value.code, caught.value.is_transient) == (code, is_transient)
    assert "secret" not in json.dumps([caught.value.message, caught.value.facts])
    assert "My film.mp4" in caught.value.message


def test_a_page_is_no_video(open_settings, site):
    site.content = b"<html>Watch our film!</html>"
    with pytest.raises(JobError) as caught:
        bring(open_settings, site.url)
    assert (caught.value.code, caught.value.is_transient) == ("bad_video", False)
    assert "001.mp4" not in beside(open_settings)


def test_addresses_of_this_machine_are_refused(open_settings, site):
    closed = open_settings.model_copy(update={"camera_allow_loopback": False})
    with pytest.raises(Forbidden):
        bring(closed, site.url)
    assert site.asked == []


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("http://169.254.169.254/latest/meta-data", Forbidden),
        ("file:///etc/passwd", JobError),
        ("ftp://10.0.0.1/a", JobError),
        ("http://[1:2", JobError),
    ],
)
def test_every_redirect_is_checked(open_settings, site, target, error):
    site.faults = [target]
    with pytest.raises(error):
        bring(open_settings, site.url)
    assert len(site.asked) == 1


def test_redirects_are_followed_but_not_for_ever(open_settings, site, film):
    site.faults = ["/other.mp4"] * 5
    assert bring(open_settings, site.url)[0].path.read_bytes() == film
    (open_settings.data_dir / "jobs/a/inputs/001.mp4").unlink()
    site.faults = ["/other.mp4"] * 6
    with pytest.raises(JobError, match="without end"):
        bring(open_settings, site.url)


def test_a_password_goes_to_its_own_host_only(open_settings, site, film):
    other = Site()
    other.content = film
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        site.faults = [other.url]
        bring(open_settings, site.url.replace("http://", "http://ann:pass@"))
    finally:
        other.shutdown()
        thread.join()
        other.server_close()
    assert ["Authorization" in request for request in (*site.asked, *other.asked)] == [True, False]


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"max_upload_bytes": 1000}, JobError), ({"disk_reserve_bytes": 10**18}, StorageError)],
)
def test_too_large_and_too_full(open_settings, site, changes, error):
    with pytest.raises(error) as caught:
        bring(open_settings.model_copy(update=changes), site.url)
    assert caught.value.code in ("too_large", "disk_full")
    assert "001.mp4" not in beside(open_settings)


def test_cancel_ends_the_fetching(open_settings, site):
    def refuse(share: float, message: str) -> None:
        raise Cancelled("The job is cancelled.")

    with pytest.raises(Cancelled):
        gather(task_of(site.url), open_settings, refuse)


def test_an_input_of_this_machine_must_be_there(open_settings):
    task = task_of("")
    with pytest.raises(JobError) as caught:
        gather(task, open_settings, lambda *_: None)
    assert caught.value.code == "input_missing"
    path = open_settings.data_dir / task.inputs[0].path
    path.parent.mkdir(parents=True)
    path.touch()
    known = replace(task, inputs=(replace(task.inputs[0], sha256="1" * 64),))
    assert gather(known, open_settings, lambda *_: None)[0].sha256 == "1" * 64


@pytest.mark.parametrize(
    ("url", "name"),
    [("https://a.example/b/My%20film.mp4?x=1", "My film.mp4"), ("https://a.example/", "a.example"), ("http://a.example/x/", "x")],
)
def test_a_film_is_called_after_its_address(url, name):
    assert name_in(web_address(url)) == name


@pytest.mark.parametrize("url", ["rtsp://10.0.0.1/x", "film.mp4", "file:///etc/passwd", "", "demo:"])
def test_only_addresses_of_the_web(url):
    with pytest.raises(Invalid):
        web_address(url)


def test_a_job_shows_the_fetching_as_its_first_stage(office, kinds):  # noqa: F811
    stored = results_storage(office.settings).put("jobs/x/inputs/001-in.txt", b"footage", "text/plain")
    one = JobInput("in.txt", "jobs/x/inputs/001.mp4", stored.sha256, stored.size_bytes, f"storage:{stored.key}")
    job_id = office.jobs.add(NewJob("double", [one], {}, None, 60.0))[0].id
    job = office.claim(job_id)
    assert execute(job_id, job.attempt, office.settings, office.database) == JobState.SUCCEEDED
    told = office.jobs.get(job_id).stages
    assert [(stage.name, stage.state) for stage in told] == [(name, "done") for name in ("fetch", "a", "b", "c")]


def test_a_job_made_again_fetches_nothing_twice(office, kinds):  # noqa: F811
    stored = results_storage(office.settings).put("jobs/x/inputs/001-in.txt", b"footage", "text/plain")
    job_id = "b" * 24
    one = JobInput("in.txt", f"jobs/{job_id}/inputs/001.mp4", stored.sha256, stored.size_bytes, f"storage:{stored.key}")
    office.jobs.add(NewJob("double", [one], {}, None, 60.0), job_id)
    execute(job_id, office.claim(job_id).attempt, office.settings, office.database)
    results_storage(office.settings).delete(stored.key)
    again = add_again(office.jobs.get(job_id), {"late": 2}, None, office.settings, office.jobs)
    assert execute(again.id, office.claim(again.id).attempt, office.settings, office.database) == JobState.SUCCEEDED
    assert kinds.done == ["a", "b", "c", "c"]
