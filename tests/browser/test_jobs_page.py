"""The page "Jobs": sending footage, watching it, playing and fetching what came out; refusals, cancelling; on a phone too."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.conftest import Problems
from tests.clips import make_clip

PHONE = {"width": 390, "height": 844}
DONE_MS = 120_000
LOSE_THE_FIRST_ANSWER = """() => {
  const listen = XMLHttpRequest.prototype.addEventListener;
  let isLost = false;
  XMLHttpRequest.prototype.addEventListener = function (name, listener) {
    if (name !== "load" || isLost) return listen.call(this, name, listener);
    return listen.call(this, name, () => {
      isLost = true;
      this.dispatchEvent(new ProgressEvent("error"));
    });
  };
}"""
"""The server has taken the request; the page hears of a broken connection."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("footage") / "gate at noon #2.mp4", frames=60)


@pytest.fixture
def page(open_page: Callable[..., Page], admin: httpx.Client, wait_until: Callable[..., None]) -> Iterator[Page]:
    yield open_page("jobs")

    def is_clean() -> bool:
        jobs = admin.get("/api/v1/jobs/").json()["jobs"]
        for job in jobs:
            if job["completed_at"] is None:
                admin.post(f"/api/v1/jobs/{job['job_id']}/cancel", json={})
            else:
                admin.delete(f"/api/v1/jobs/{job['job_id']}").raise_for_status()
        return not jobs

    wait_until(is_clean, timeout_s=60)


def as_file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "video/mp4", "buffer": content}


NOTES = as_file("notes.mp4", b"these are words")


def begin(page: Page, kind: str, film: Path, *others: FilePayload) -> None:
    """Open the form, choose the kind and the files."""
    page.get_by_role("link", name="New job").click()
    page.get_by_role("radio", name=re.compile(f"^{kind}")).check()
    page.get_by_label("Video files").set_input_files([as_file(film.name, film.read_bytes()), *others])


def send(page: Page) -> None:
    page.get_by_role("button", name="Send and start").click()


def badge(page: Page) -> Locator:
    return page.locator(".page-head .badge-state")


def enter(admin: httpx.Client, film: Path, kind: str = "transcode", **params: object) -> str:
    files = {"files": (film.name, film.read_bytes(), "video/mp4")}
    answer = admin.post("/api/v1/jobs/", files=files, data={"kind": kind, "params": json.dumps(params)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def test_footage_goes_in_and_a_film_comes_out(page: Page, film: Path, wait_until: Callable[..., None]) -> None:
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    begin(page, "Transcode", film)
    expect(page.get_by_role("list", name="Chosen files")).to_contain_text("gate at noon #2.mp4")
    page.get_by_role("checkbox", name="1080p").uncheck()
    send(page)
    expect(page.get_by_role("heading", name="gate at noon #2.mp4")).to_be_visible()
    expect(page.locator(".job-stage")).to_have_count(2)
    expect(badge(page)).to_have_text("Done", timeout=DONE_MS)
    expect(page.locator(".job-stage").first).to_contain_text("Done")
    expect(page.get_by_role("region", name="About this job")).to_contain_text("480p, 720p")
    page.locator("video").evaluate("(film) => { film.muted = true; return film.play(); }")
    wait_until(lambda: page.locator("video").evaluate("(film) => film.currentTime") > 0.2)
    movie = page.locator('.job-output[data-output="film.mp4"]')
    expect(movie).to_contain_text(re.compile(r"SHA-256 [0-9a-f]{64}"))
    with page.expect_download() as download:
        movie.get_by_role("link", name="Download film.mp4").click()
    assert download.value.suggested_filename == "film.mp4"
    assert download.value.path().read_bytes()[4:8] == b"ftyp"
    page.get_by_role("button", name="Show the log").click()
    expect(page.locator("pre[aria-label=Log]")).to_contain_text("Stage ladder begins")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete this job?").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()


def test_findings_are_previewed_as_a_table(page: Page, admin: httpx.Client, film: Path) -> None:
    job_id = enter(admin, film, "analyze", look_for=["motion_detection"], annotated=False)
    row = page.locator(f'.job[data-job="{job_id}"]')
    expect(row.locator(".badge-state")).to_have_text("Done", timeout=DONE_MS)
    expect(row).to_contain_text("Analyze · 1 file · just now")
    row.click()
    page.get_by_role("button", name=re.compile("Preview .*csv")).click()
    expect(page.locator(".job-table th").first).to_have_text("frame")
    page.get_by_role("button", name=re.compile("Preview .*summary.json")).click()
    summary = page.locator('.job-output[data-output$="summary.json"]')
    expect(summary.get_by_role("row", name=re.compile("^Frames"))).to_contain_text("60")


def test_a_text_file_is_refused_in_words_and_can_be_taken_out(page: Page, film: Path, problems: Problems) -> None:
    problems.expected_statuses.add(415)
    page.get_by_role("link", name="New job").click()
    page.get_by_label("Video files").set_input_files(NOTES)
    send(page)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("video", re.IGNORECASE))
    expect(page.get_by_role("button", name="Send and start")).to_be_enabled()
    page.get_by_label("Video files").set_input_files(film)
    page.get_by_role("button", name="Remove notes.mp4").click()
    send(page)
    expect(page.get_by_role("heading", name=film.name)).to_be_visible()
    expect(page.locator(".job-notice")).to_have_count(0)


def test_a_file_left_out_is_told(page: Page, film: Path) -> None:
    begin(page, "Analyze", film, NOTES)
    send(page)
    expect(page.locator(".job-notice")).to_contain_text("notes.mp4 was left out")


def test_two_films_for_a_kind_that_takes_one_are_not_even_sent(page: Page, film: Path) -> None:
    begin(page, "Analyze", film, as_file("second.mp4", film.read_bytes()))
    page.get_by_role("radio", name=re.compile("^Transcode")).check()
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("Transcode takes one video; 2 are chosen")


def test_sending_again_after_a_lost_connection_makes_one_job(page: Page, admin: httpx.Client, film: Path) -> None:
    page.evaluate(LOSE_THE_FIRST_ANSWER)
    begin(page, "Transcode", film)
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("The connection was lost")
    assert len(admin.get("/api/v1/jobs/").json()["jobs"]) == 1
    send(page)
    expect(badge(page)).to_be_visible()
    assert len(admin.get("/api/v1/jobs/").json()["jobs"]) == 1


def test_an_upload_is_cancelled(page: Page, admin: httpx.Client) -> None:
    page.get_by_role("link", name="New job").click()
    page.get_by_label("Video files").set_input_files(as_file("large.mp4", bytes(8_000_000)))
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2_000}
    cdp.send("Network.emulateNetworkConditions", slow)
    send(page)
    expect(page.get_by_role("status").filter(has_text="sent")).to_be_visible()
    page.get_by_role("button", name="Cancel the upload").click()
    expect(page.get_by_role("alert")).to_contain_text("The upload was cancelled")
    cdp.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    assert admin.get("/api/v1/jobs/").json()["jobs"] == []


def test_a_job_is_cancelled_tried_again_and_kept(page: Page, admin: httpx.Client, tmp_path: Path) -> None:
    long = make_clip(tmp_path / "long.mp4", frames=1500, size=(640, 480))
    job_id = enter(admin, long, "analyze", look_for=["motion_detection"])
    page.locator(f'.job[data-job="{job_id}"]').click()
    expect(badge(page)).to_have_text("Running", timeout=DONE_MS)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog", name="Cancel this job?").get_by_role("button", name="Cancel the job").click()
    expect(badge(page)).to_have_text("Cancelled", timeout=DONE_MS)
    expect(page.locator(".job-stage").first).not_to_contain_text("Running")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("button", name="Keep")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Try again").click()
    expect(badge(page)).to_have_text(re.compile("Waiting|Running"))


def test_a_dropped_film_and_one_uploaded_before(page: Page, admin: httpx.Client, film: Path) -> None:
    admin.post("/api/upload_video", files={"video": ("yard.mp4", film.read_bytes(), "video/mp4")}).raise_for_status()
    page.get_by_role("link", name="New job").click()
    make = "() => { const data = new DataTransfer(); data.items.add(new File(['x'], 'dropped.mp4')); return data; }"
    dropped = page.evaluate_handle(make)
    page.dispatch_event(".job-drop", "drop", {"dataTransfer": dropped})
    expect(page.get_by_role("list", name="Chosen files")).to_contain_text("dropped.mp4")
    page.get_by_role("button", name="Remove dropped.mp4").click()
    page.get_by_role("button", name="Uploaded before").click()
    page.get_by_role("radio", name=re.compile("^Transcode")).check()
    page.get_by_role("checkbox", name=re.compile("yard.mp4")).first.check()
    send(page)
    expect(page.get_by_role("heading", name="yard.mp4")).to_be_visible()


def test_a_failed_job_says_where_why_and_with_which_command(page: Page) -> None:
    error = {
        "code": "command_failed", "message": "ffmpeg failed (exit code 1).", "stage": "ladder",
        "command": "ffmpeg -i film.mp4", "detail": "Invalid data found",
    }  # fmt: skip
    stage = {"name": "ladder", "label": "Encode all qualities", "weight": 1, "state": "failed", "progress": 3, "message": ""}
    job = {
        "job_id": "f00", "kind": "transcode", "status": "failed", "progress": 3, "stage": None, "eta_s": None, "error": error,
        "stages": [{**stage, "started_at": 1, "ended_at": 3}], "outputs": [], "notices": [], "inputs": ["film.mp4"], "params": {},
        "attempt": 1, "is_pinned": False, "is_cancel_wanted": False, "created_at": 1, "started_at": 1, "completed_at": 3,
    }  # fmt: skip
    page.route("**/api/v1/jobs/f00", lambda route: route.fulfill(json=job))
    page.evaluate("location.hash = '#/jobs/f00'")
    failure = page.get_by_role("alert")
    expect(failure).to_contain_text("It failed at “Encode all qualities”")
    expect(failure).to_contain_text("ffmpeg failed (exit code 1).")
    failure.get_by_text("The command").click()
    expect(failure).to_contain_text("ffmpeg -i film.mp4")
    failure.get_by_text("What it said").click()
    expect(failure).to_contain_text("Invalid data found")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_filters_and_a_job_that_is_not_there(page: Page, admin: httpx.Client, film: Path, problems: Problems) -> None:
    problems.expected_statuses.add(404)
    job_id = enter(admin, film, rungs=["480p"])
    row = page.locator(f'.job[data-job="{job_id}"]')
    expect(row.locator(".badge-state")).to_have_text("Done", timeout=DONE_MS)
    expect(page.get_by_label("Status").locator("option")).to_have_text(["Any status (1)", "Done (1)"])
    page.get_by_label("Status").select_option("succeeded")
    page.get_by_label("Kind").select_option("analyze")
    expect(page.get_by_role("heading", name="No such jobs")).to_be_visible()
    page.get_by_label("Kind").select_option("transcode")
    expect(row).to_be_visible()
    page.evaluate("location.hash = '#/jobs/000000000000000000000000'")
    expect(page.get_by_role("heading", name="There is no such job")).to_be_visible()


def test_it_fits_a_phone(page: Page, admin: httpx.Client, film: Path) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    job_id = enter(admin, film, rungs=["480p"])
    for address, what in (("jobs", ".job"), ("jobs/new", ".job-kind"), (f"jobs/{job_id}", ".job-stage")):
        page.evaluate(f"location.hash = '#/{address}'")
        expect(page.locator(what).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        last = page.locator(".nav-bar .nav-item").last.bounding_box()
        assert last and last["x"] + last["width"] <= PHONE["width"]


@pytest.mark.parametrize("width", [768, 900, 1120])
def test_every_page_is_in_reach_on_a_tablet(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    expect(page.get_by_role("link", name="Models")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
