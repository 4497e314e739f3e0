"""Dark and light, desk and phone, keyboard: the dashboard is usable in each."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PAGES = ["live/all", "live/default", "gallery", "events", "uploads", "people", "cameras", "models", "users", "about"]


def _ground(page: Page) -> int:
    """Brightness of the page's background, 0…765."""
    rgb = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    return sum(rgb[:3])


@pytest.mark.parametrize(("scheme", "is_dark"), [("dark", True), ("light", False)])
def test_the_theme_follows_the_system_until_one_is_chosen(open_page: Callable[..., Page], scheme: str, is_dark: bool) -> None:
    page = open_page("events", color_scheme=scheme)
    assert (_ground(page) < 200) is is_dark
    page.get_by_role("button", name="Use light colours" if is_dark else "Use dark colours").click()
    assert (_ground(page) < 200) is not is_dark
    page.reload()
    page.wait_for_selector("body.is-ready")
    assert (_ground(page) < 200) is not is_dark


def test_no_page_is_wider_than_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page("live/all", **PHONE)
    for path in PAGES:
        page.goto(page.url.split("#")[0] + f"#/{path}")
        expect(page.locator("h1, .single__picker").first).to_be_visible()
        page.wait_for_load_state("domcontentloaded")
        widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1] == 390, path


def test_a_phone_switches_a_filter_with_the_picture_in_sight(
    open_page: Callable[..., Page], clean_camera: httpx.Client, pixels, colourfulness, wait_until
) -> None:
    page = open_page("live/default", **PHONE)
    expect(page.locator(".viewer__wait")).to_be_hidden()
    switch = page.get_by_role("switch", name="Grayscale", exact=True)
    expect(switch).to_be_hidden()
    page.get_by_role("button", name="Filters & analyzers").tap()
    expect(page.locator("#stage-sheet")).to_be_visible()
    switch.scroll_into_view_if_needed()
    switch.tap()
    picture, sheet = page.locator(".viewer__img").bounding_box(), page.locator("#stage-sheet").bounding_box()
    assert picture and sheet
    assert picture["y"] >= 0 and picture["y"] + picture["height"] <= sheet["y"] + 1
    wait_until(lambda: colourfulness(pixels(page)) < 2, 30, "a gray picture")
    page.locator("#stage-sheet").get_by_role("button", name="Close").tap()
    expect(switch).to_be_hidden()


def test_every_control_of_the_live_page_has_a_name(open_page: Callable[..., Page]) -> None:
    page = open_page("live/default")
    expect(page.locator(".stage")).not_to_have_count(0)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select")].filter((one) => {
             const words = one.getAttribute("aria-label") || one.textContent.trim() || one.title;
             const label = one.id && document.querySelector(`label[for="${one.id}"]`);
             return !words && !label;
           }).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_the_keyboard_reaches_a_stage_and_its_settings(open_page: Callable[..., Page], clean_camera: httpx.Client) -> None:
    page = open_page("live/default")
    switch = page.get_by_role("switch", name="Blur", exact=True)
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_be_checked()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Settings of Blur")).to_be_focused()
    page.keyboard.press("Enter")
    slider = page.locator('[data-stage="blur"]').get_by_role("slider").first
    expect(slider).to_be_visible()
    before = slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).not_to_have_value(before)


def test_nothing_comes_from_another_host(running, contexts, admin_state, problems) -> None:
    page = contexts(storage_state=admin_state).new_page()
    problems.watch(page)
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2] if "//" in request.url else ""))
    page.goto(f"{running.url}/#/live/default")
    expect(page.locator(".badge-state")).to_have_text("Live")
    assert {host for host in hosts if host} == {f"127.0.0.1:{running.port}"}


def test_the_picture_of_the_readme(open_page: Callable[..., Page], clean_camera: httpx.Client, root: Path, tmp_path: Path) -> None:
    """SIGHTLINE_SCREENSHOT=1 writes docs/images/dashboard.png anew, with a minute of charts in it."""
    is_kept = os.environ.get("SIGHTLINE_SCREENSHOT") == "1"
    page = open_page("live/default", viewport={"width": 1440, "height": 900}, device_scale_factor=1)
    options = {"motion_detection": True, "face_detection": True, "sharpen": True, "timestamp": True}
    clean_camera.patch("/api/cameras/default/options", json=options).raise_for_status()
    clean_camera.post("/api/cameras/default/stats/reset").raise_for_status()
    expect(page.locator(".viewer__wait")).to_be_hidden()
    expect(page.locator(".finding__label", has_text="Face").first).to_be_visible()
    if is_kept:
        page.wait_for_timeout(62_000)
    picture = (root / "docs" / "images" if is_kept else tmp_path) / "dashboard.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=picture)
    assert picture.stat().st_size > 100_000  # a page without its picture is far smaller
