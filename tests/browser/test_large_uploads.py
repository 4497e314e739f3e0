"""Large files of a new job: sent on their own, whatever happens to the connection or the page in between."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.browser.test_jobs_page import badge, send
from tests.clips import make_clip

FREE_BYTES = 24 * 1024 * 1024
SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4_000_000}
FAST = {**SLOW, "uploadThroughput": -1}
OFFLINE = {**SLOW, "offline": True}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video with room after its end that players pass over."""
    path = make_clip(tmp_path_factory.mktemp("large") / "house tour.mp4", frames=30)
    with path.open("ab") as file:
        file.write(FREE_BYTES.to_bytes(4, "big") + b"free" + bytes(FREE_BYTES - 8))
    return path


@pytest.fixture
def page(open_page: Callable[..., Page], admin: httpx.Client, wait_until: Callable[..., None]) -> Iterator[Page]:
    """The new job, ready to be filled in; its jobs are gone afterwards."""
    page = open_page("jobs/new")
    page.get_by_role("radio", name="Transcode").check()
    yield page
    page.goto("about:blank")
    for job in admin.get("/api/v1/jobs/").json()["jobs"]:
        admin.delete(f"/api/jobs/{job['job_id']}")


def network(page: Page) -> CDPSession:
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    return cdp


def bar(page: Page) -> Locator:
    return page.get_by_role("progressbar", name="Upload of house tour.mp4")


def sent_bytes(page: Page) -> int:
    return int(bar(page).evaluate("(bar) => bar.value"))


def test_a_large_film_is_paused_loses_the_line_and_arrives(page, large, problems, wait_until, admin):
    problems.may_lose_connection = True
    cdp = network(page)
    cdp.send("Network.emulateNetworkConditions", SLOW)
    page.get_by_label("Video files").set_input_files(large)
    send(page)
    wait_until(lambda: sent_bytes(page) > 0, what="the first byte")
    page.get_by_role("button", name="Pause house tour.mp4").click()
    expect(page.get_by_role("list", name="Chosen files")).to_contain_text("Paused at")
    paused_at = sent_bytes(page)
    page.get_by_role("button", name="Go on with house tour.mp4").click()
    wait_until(lambda: sent_bytes(page) > paused_at, what="more bytes")
    cdp.send("Network.emulateNetworkConditions", OFFLINE)
    page.wait_for_timeout(1500)
    cdp.send("Network.emulateNetworkConditions", FAST)
    expect(badge(page)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("heading", name="house tour.mp4")).to_be_visible()
    (job,) = admin.get("/api/v1/jobs/").json()["jobs"]
    assert job["inputs"] == ["house tour.mp4"]


def test_after_a_reload_the_same_file_goes_on(page, large, wait_until):
    cdp = network(page)
    cdp.send("Network.emulateNetworkConditions", SLOW)
    page.get_by_label("Video files").set_input_files(large)
    send(page)
    wait_until(lambda: sent_bytes(page) > 12_000_000, timeout_s=60, what="half of the file")
    page.evaluate("window.onbeforeunload = null")
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.get_by_role("radio", name="Transcode").check()
    offsets: list[int] = []
    page.on("request", lambda told: offsets.append(int(told.headers["upload-offset"])) if told.method == "PATCH" else None)
    page.get_by_label("Video files").set_input_files(large)
    cdp.send("Network.emulateNetworkConditions", FAST)
    send(page)
    expect(page.get_by_role("heading", name="house tour.mp4")).to_be_visible(timeout=60_000)
    assert offsets[0] >= 8 * 1024 * 1024


def test_a_large_file_that_is_no_film_is_refused_beside_its_name(page, tmp_path, problems):
    problems.expected_statuses.add(415)
    words = tmp_path / "notes.mp4"
    words.write_bytes(b"these are words " * 1_200_000)
    page.get_by_label("Video files").set_input_files(words)
    send(page)
    expect(page.get_by_role("list", name="Chosen files")).to_contain_text("This is not a video", timeout=60_000)
    expect(page.get_by_role("alert")).to_contain_text("This is not a video")
    page.get_by_role("button", name="Remove notes.mp4").click()
    expect(page.get_by_role("list", name="Chosen files")).not_to_contain_text("notes.mp4")


def test_an_address_and_a_preset(page, admin):
    page.get_by_label("Paste an address of a video").fill("just words")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("begins with https://")).to_be_visible()
    page.get_by_label("Paste an address of a video").fill("http://ann:very-secret@127.0.0.1:9/films/Attic.mp4?key=very-secret")
    page.get_by_role("button", name="Add", exact=True).click()
    chosen = page.get_by_role("list", name="Chosen files")
    expect(chosen).to_contain_text("127.0.0.1:9/films/Attic.mp4")
    expect(chosen).not_to_contain_text("very-secret")
    page.get_by_role("button", name="Small 480p only").click()
    expect(page.get_by_role("checkbox", name="1080p")).not_to_be_checked()
    send(page)
    expect(page.get_by_role("heading", name="Attic.mp4")).to_be_visible()
    (job,) = admin.get("/api/v1/jobs/").json()["jobs"]
    assert job["params"]["rungs"] == ["480p"]
