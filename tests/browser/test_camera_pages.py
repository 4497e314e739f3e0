"""Cameras in the dashboard: add, test, start, stop, delete, import and export, problems in words."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect


@pytest.fixture
def cameras(admin: httpx.Client) -> Iterator[httpx.Client]:
    """Every camera but the default one is deleted after the test."""
    yield admin
    for camera in admin.get("/api/cameras").json()["cameras"]:
        if not camera["is_default"]:
            admin.delete(f"/api/cameras/{camera['id']}").raise_for_status()


@pytest.fixture
def page(open_page: Callable[..., Page], cameras: httpx.Client) -> Page:
    return open_page("cameras")


def _fill(page: Page, name: str, kind: str, address: str) -> Locator:
    page.get_by_role("button", name="Add camera").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill(name)
    form.get_by_role("button", name=kind, exact=True).click()
    form.get_by_label("Address").fill(address)
    return form


def test_a_camera_is_added_watched_stopped_started_and_deleted(page: Page, cameras: httpx.Client) -> None:
    form = _fill(page, "Market square", "Demo", "demo:?size=640x360&fps=15")
    form.get_by_role("button", name="Add camera").click()
    row = page.locator('tr[data-camera="market-square"]')
    expect(row.locator(".badge-state")).to_have_text("Live")
    expect(row).to_contain_text("640×360")
    row.get_by_role("button", name="Stop").click()
    expect(row.locator(".badge-state")).to_have_text("Stopped")
    row.get_by_role("link", name="Market square").click()
    expect(page.locator(".viewer__cover")).to_contain_text("switched off")
    page.get_by_role("button", name="Start camera").click()
    expect(page.locator(".viewer__cover")).to_be_hidden()
    expect(page.locator(".badge-state")).to_have_text("Live")
    page.goto(page.url.split("#")[0] + "#/cameras")
    row.get_by_role("button", name="Delete").click()
    question = page.get_by_role("dialog", name="Delete Market square?")
    question.get_by_role("button", name="Keep").click()
    expect(row).to_be_visible()
    row.get_by_role("button", name="Delete").click()
    question.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    assert [camera["id"] for camera in cameras.get("/api/cameras").json()["cameras"]] == ["default"]


def test_a_forbidden_address_is_refused_in_words_and_nothing_is_added(page: Page, problems, cameras: httpx.Client) -> None:
    problems.expected_statuses.add(422)
    form = _fill(page, "Bad one", "IP camera", "exec:rm -rf /")
    form.get_by_role("button", name="Add camera").click()
    expect(form.get_by_role("alert")).to_contain_text("exec: are not accepted")
    expect(form.get_by_label("Address")).to_be_focused()
    assert len(cameras.get("/api/cameras").json()["cameras"]) == 1


def test_an_empty_form_says_what_is_missing(page: Page) -> None:
    page.get_by_role("button", name="Add camera").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Add camera").click()
    expect(form.get_by_role("alert")).to_have_text("Give the camera a name.")
    form.get_by_label("Name").fill("Hall")
    form.get_by_role("button", name="Add camera").click()
    expect(form.get_by_role("alert")).to_have_text("Enter the address of the camera.")


def test_the_doctor_explains_what_is_wrong_before_the_camera_is_added(page: Page, free_port: int) -> None:
    form = _fill(page, "Nobody there", "IP camera", f"rtsp://user:secret@127.0.0.1:{free_port}/live")
    form.get_by_role("button", name="Test", exact=True).click()
    expect(form.locator(".doctor__verdict")).to_have_text("This camera does not work yet.")
    expect(form.locator('.check[data-tone="bad"]')).to_have_count(1)
    assert "secret" not in form.locator(".doctor").inner_text()


def test_the_doctor_examines_a_camera_that_works(page: Page) -> None:
    page.locator('tr[data-camera="default"]').get_by_role("button", name="Test").click()
    report = page.get_by_role("dialog", name="Test of Default camera")
    expect(report.locator(".doctor__verdict")).to_have_text("This camera works.")
    expect(report.locator(".doctor__facts")).to_contain_text("1280×720")


def test_a_camera_that_does_not_answer_shows_the_reason(page: Page, free_port: int) -> None:
    form = _fill(page, "Far away", "IP camera", f"rtsp://127.0.0.1:{free_port}/live")
    form.get_by_role("button", name="Add camera").click()
    row = page.locator('tr[data-camera="far-away"]')
    expect(row.locator(".row-problem")).to_be_visible()
    words = row.locator(".row-problem").inner_text()
    assert len(words.split()) > 3, words
    row.get_by_role("link", name="Far away").click()
    expect(page.locator(".viewer__note")).to_contain_text("Reconnecting")


def test_editing_keeps_the_address_and_changes_the_name(page: Page, cameras: httpx.Client) -> None:
    camera = {"id": "gate", "name": "Gate", "source": "rtsp://user:p/@ss@127.0.0.1:9/ch1", "is_running": False}
    cameras.post("/api/cameras", json=camera).raise_for_status()
    page.reload()
    row = page.locator('tr[data-camera="gate"]')
    row.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("North gate")
    form.get_by_label("Transport").select_option("udp")
    form.get_by_role("button", name="Save").click()
    expect(row.get_by_role("link")).to_have_text("North gate")
    kept = cameras.get("/api/cameras/export", params={"secrets": 1}).json()["cameras"]
    (gate,) = [entry for entry in kept if entry["id"] == "gate"]
    assert gate["source"] == camera["source"]
    assert gate["source_options"]["rtsp_transport"] == "udp"


def test_cameras_travel_by_export_and_import(page: Page, cameras: httpx.Client, tmp_path: Path) -> None:
    page.get_by_role("button", name="Import / export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export cameras").click()
    path = tmp_path / "cameras.json"
    download.value.save_as(path)
    document = json.loads(path.read_text())
    document["cameras"].append({**document["cameras"][0], "id": "second", "name": "Second"})
    path.write_text(json.dumps(document))
    page.get_by_label("File with cameras").set_input_files(path)
    page.get_by_role("dialog", name="Replace cameras").get_by_role("button", name="Keep").click()
    expect(page.locator('tr[data-camera="second"]')).to_be_visible()
    expect(page.locator(".notice")).to_contain_text("1 added")


def test_a_video_is_uploaded_and_becomes_a_camera(page: Page, asset: Callable[[str], Path]) -> None:
    video = asset("video/surveillance_people_69f.mp4")
    page.get_by_role("button", name="Add camera").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="File", exact=True).click()
    form.get_by_label("Video file").set_input_files(video)
    expect(page.locator(".notice")).to_contain_text("Video uploaded")
    expect(form.get_by_label("Name")).to_have_value("surveillance_people_69f")
    form.get_by_role("button", name="Add camera").click()
    row = page.locator('tr[data-camera^="surveillance"]')
    expect(row.locator(".badge-state")).to_have_text("Live")


def test_the_grid_holds_at_most_four_streams(page: Page, cameras: httpx.Client, wait_until: Callable[..., None]) -> None:
    for number in range(5):
        body = {"name": f"Square {number}", "source": "demo:?size=320x180&fps=10"}
        cameras.post("/api/cameras", json=body).raise_for_status()
    page.goto(page.url.split("#")[0] + "#/live/all")
    page.reload()
    expect(page.locator(".tile")).to_have_count(6)
    for index in range(6):
        page.locator(".tile").nth(index).scroll_into_view_if_needed()
        page.wait_for_function("n => document.querySelectorAll('.tile__img')[n].naturalWidth > 1", arg=index, timeout=30_000)
    sources = page.locator(".tile__img").evaluate_all("images => images.map(image => image.src)")
    assert sum("/mjpeg" in source for source in sources) <= 4
    (still, *_rest) = [index for index, source in enumerate(sources) if source.startswith("blob:")]
    page.wait_for_function("([n, old]) => document.querySelectorAll('.tile__img')[n].src !== old", arg=[still, sources[still]])
    page.locator(".tile").first.click()
    expect(page.locator(".single")).to_be_visible()
    expect(page.locator(".badge-state")).to_have_text("Live")


def test_a_camera_that_is_deleted_while_watched_says_so(open_page: Callable[..., Page], cameras: httpx.Client) -> None:
    cameras.post("/api/cameras", json={"id": "short", "name": "Short", "source": "demo:?size=320x180"}).raise_for_status()
    page = open_page("live/short")
    expect(page.locator(".badge-state")).to_have_text("Live")
    cameras.delete("/api/cameras/short").raise_for_status()
    expect(page.get_by_role("heading", name="This camera is not there any more")).to_be_visible()
    page.get_by_role("link", name="All cameras").click()
    expect(page.locator(".tile")).to_have_count(1)
