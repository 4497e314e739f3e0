"""What an operator does with the picture: keep it, find it again, export, follow an object, upload."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def live(open_page: Callable[..., Page], clean_camera: httpx.Client) -> Page:
    page = open_page("live/default")
    expect(page.locator(".badge-state")).to_have_text("Live")
    expect(page.locator(".viewer__wait")).to_be_hidden()
    return page


def test_a_saved_picture_is_found_in_the_gallery_and_can_be_deleted(live: Page, admin: httpx.Client) -> None:
    before = {frame["id"] for frame in admin.get("/api/frames").json()["frames"]}
    live.get_by_role("button", name="Save picture").click()
    expect(live.locator(".notice")).to_contain_text("Picture saved")
    live.get_by_role("link", name="Show in the gallery").click()
    expect(live.get_by_role("heading", name="Gallery")).to_be_visible()
    (new,) = {frame["id"] for frame in admin.get("/api/frames").json()["frames"]} - before
    tile = live.locator(f'.shot[data-frame="{new}"]')
    expect(tile).to_be_visible()
    live.wait_for_function("id => document.querySelector(`.shot[data-frame='${id}'] img`).naturalWidth === 1280", arg=new)
    tile.click()
    box = live.get_by_role("dialog")
    expect(box).to_contain_text("1280×720, processed")
    box.get_by_role("button", name="Delete").click()
    live.get_by_role("dialog", name="Delete this picture?").get_by_role("button", name="Delete").click()
    expect(tile).to_have_count(0)
    assert new not in {frame["id"] for frame in admin.get("/api/frames").json()["frames"]}


@pytest.mark.parametrize("file_format", ["JSON", "CSV"])
def test_the_export_is_a_file_with_the_statistics(live: Page, tmp_path: Path, file_format: str) -> None:
    live.get_by_role("button", name="More").click()
    with live.expect_download() as download:
        live.get_by_role("button", name=f"Export as {file_format}").click()
    path = tmp_path / "export"
    download.value.save_as(path)
    text = path.read_text()
    assert "frames_processed" in text
    if file_format == "JSON":
        assert json.loads(text)["camera"] == "default"


def test_a_box_drawn_on_the_picture_is_followed_in_source_pixels(live: Page, clean_camera: httpx.Client) -> None:
    live.get_by_role("button", name="Track", exact=True).click()
    picture = live.locator(".viewer__img").bounding_box()
    assert picture
    scale = picture["width"] / 1280
    with live.expect_request("**/tracking") as request:
        live.mouse.move(picture["x"] + 200 * scale, picture["y"] + 150 * scale)
        live.mouse.down()
        live.mouse.move(picture["x"] + 300 * scale, picture["y"] + 250 * scale)
        live.mouse.move(picture["x"] + 360 * scale, picture["y"] + 330 * scale)
        live.mouse.up()
    assert request.value.post_data_json["bbox"] == pytest.approx([200, 150, 160, 180], abs=3)
    expect(live.locator(".notice")).to_contain_text("Following the object")
    expect(live.get_by_role("switch", name="Follow an object")).to_be_checked()
    assert clean_camera.get("/api/cameras/default/options").json()["object_tracking"] is True
    live.get_by_role("button", name="Stop tracking").click()
    expect(live.get_by_role("button", name="Stop tracking")).to_be_hidden()
    assert clean_camera.get("/api/cameras/default/options").json()["object_tracking"] is False


def test_the_keyboard_draws_the_box_as_well(live: Page) -> None:
    live.get_by_role("button", name="Track", exact=True).press("Enter")
    layer = live.get_by_role("application", name="Draw a box")
    expect(layer).to_be_focused()
    live.keyboard.press("ArrowRight")
    live.keyboard.press("Shift+ArrowDown")
    expect(live.locator(".draw__box")).to_be_visible()
    with live.expect_request("**/tracking") as request:
        live.keyboard.press("Enter")
    x, y, width, height = request.value.post_data_json["bbox"]
    assert 0 <= x < x + width <= 1280 and 0 <= y < y + height <= 720
    expect(live.get_by_role("button", name="Stop tracking")).to_be_visible()


def test_escape_leaves_the_drawing_without_a_box(live: Page) -> None:
    live.get_by_role("button", name="Track", exact=True).click()
    live.keyboard.press("Escape")
    expect(live.get_by_role("application", name="Draw a box")).to_be_hidden()
    expect(live.get_by_role("button", name="Track", exact=True)).to_be_focused()


def test_an_upload_without_a_cloud_says_what_to_set(live: Page, problems) -> None:
    problems.expected_statuses.add(409)
    live.get_by_role("button", name="Upload", exact=True).click()
    expect(live.get_by_role("alert")).to_contain_text("Could not upload the picture")
    expect(live.get_by_role("alert")).to_contain_text("S3_BUCKET_NAME")


def test_reset_starts_the_statistics_at_zero(live: Page, wait_until: Callable[..., None]) -> None:
    total = live.locator('[data-total="frames_processed"]')

    def number() -> int:
        return int(re.sub(r"\D", "", total.inner_text()) or 0)

    wait_until(lambda: number() > 60, 30, "some pictures")
    before = number()
    live.get_by_role("button", name="Reset statistics").click()
    wait_until(lambda: 0 < number() < before, 30, "a smaller total")


def test_the_switch_of_the_tracker_asks_for_a_box_first(live: Page) -> None:
    switch = live.get_by_role("switch", name="Follow an object")
    switch.click()
    expect(live.get_by_role("application", name="Draw a box")).to_be_visible()
    expect(switch).not_to_be_checked()


def test_events_arrive_while_the_page_is_open(open_page: Callable[..., Page], clean_camera: httpx.Client) -> None:
    page = open_page("events")
    expect(page.locator(".log__row, .empty").first).to_be_visible()
    clean_camera.patch("/api/cameras/default/options", json={"motion_detection": True}).raise_for_status()
    expect(page.locator(".log__row.is-new", has_text="Motion started").first).to_be_visible(timeout=40_000)
    page.get_by_label("Kind of event").select_option("motion.started")
    expect(page.locator(".log__row", has_text="Motion started").first).to_be_visible()
    expect(page.locator(".log__row", has_text="Picture is live")).to_have_count(0)
