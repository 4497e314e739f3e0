"""The live view: moving pixels, switches that change them, figures that move."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

WAIT_S = 30


@pytest.fixture
def live(open_page: Callable[..., Page], clean_camera: httpx.Client) -> Page:
    page = open_page("live/default")
    expect(page.locator(".badge-state")).to_have_text("Live")
    expect(page.locator(".viewer__wait")).to_be_hidden()
    return page


def test_logging_in_shows_the_moving_picture(running, contexts, problems, is_moving, wait_until) -> None:
    page = contexts().new_page()
    problems.watch(page)
    page.goto(running.url)
    expect(page.get_by_role("heading", name="Sightline")).to_be_visible()
    problems.expected_statuses.add(401)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("Wrong user name or password")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".viewer__img")).to_be_visible()
    wait_until(lambda: is_moving(page), WAIT_S, "motion in the picture")


def test_grayscale_takes_the_colour_away_and_gives_it_back(live: Page, pixels, colourfulness, wait_until) -> None:
    wait_until(lambda: colourfulness(pixels(live)) > 10, WAIT_S, "a coloured picture")
    switch = live.get_by_role("switch", name="Grayscale", exact=True)
    switch.check()
    wait_until(lambda: colourfulness(pixels(live)) < 2, WAIT_S, "a gray picture")
    switch.uncheck()
    wait_until(lambda: colourfulness(pixels(live)) > 10, WAIT_S, "colours again")


def test_a_parameter_behind_a_stage_changes_the_picture_and_is_kept(live: Page, clean_camera, pixels, wait_until) -> None:
    before = float(pixels(live).mean())
    live.get_by_role("button", name="Settings of Brightness, contrast, saturation").click()
    slider = live.get_by_role("slider", name="Brightness")
    slider.fill("90")
    wait_until(lambda: float(pixels(live).mean()) > before + 40, WAIT_S, "a brighter picture")
    assert clean_camera.get("/api/cameras/default/options").json()["brightness"] == 90
    live.locator('[data-stage="adjust"]').get_by_role("button", name="Back to defaults").click()
    wait_until(lambda: clean_camera.get("/api/cameras/default/options").json()["brightness"] == 0, WAIT_S, "brightness 0")
    expect(slider).to_have_value("0")


def test_statistics_move_and_every_running_stage_shows_its_cost(live: Page, wait_until) -> None:
    live.get_by_role("switch", name="Motion", exact=True).check()
    live.get_by_role("switch", name="Grayscale", exact=True).check()
    for stage in ("motion_detection", "grayscale"):
        expect(live.locator(f'[data-stage="{stage}"] .stage__cost')).to_contain_text(" ms")
    total = live.locator('[data-total="frames_processed"]')
    expect(total).not_to_have_text("–")
    first = total.inner_text()
    expect(total).not_to_have_text(first)
    expect(live.locator(".figures")).to_contain_text("fps")
    assert live.locator(".charts canvas").count() == 3


def test_findings_are_listed_while_an_analyzer_is_on(live: Page) -> None:
    panel = live.get_by_role("region", name="Findings")
    expect(panel).to_contain_text("Switch on an analyzer")
    live.get_by_role("switch", name="Faces", exact=True).check()
    expect(panel.locator(".finding__label", has_text="Face").first).to_be_visible()
    expect(panel).to_contain_text("%")
    live.get_by_role("switch", name="Faces", exact=True).uncheck()
    expect(panel).to_contain_text("Switch on an analyzer")


def test_raw_and_compare_show_the_camera_beside_the_filters(live: Page, pixels, colourfulness, wait_until) -> None:
    live.get_by_role("switch", name="Grayscale", exact=True).check()
    wait_until(lambda: colourfulness(pixels(live)) < 2, WAIT_S, "a gray picture")
    live.get_by_role("button", name="Raw", exact=True).click()
    wait_until(lambda: colourfulness(pixels(live)) > 10, WAIT_S, "the raw picture in colour")
    live.get_by_role("button", name="Compare").click()
    expect(live.locator(".viewer")).to_have_count(2)
    raw, processed = ".viewer:nth-child(1) .viewer__img", ".viewer:nth-child(2) .viewer__img"
    wait_until(lambda: colourfulness(pixels(live, raw)) > 10 and colourfulness(pixels(live, processed)) < 4, WAIT_S, "both views")
    live.get_by_role("button", name="Processed", exact=True).click()
    expect(live.locator(".viewer")).to_have_count(1)


def test_processing_off_shows_the_raw_picture(live: Page, pixels, colourfulness, wait_until) -> None:
    live.get_by_role("switch", name="Grayscale", exact=True).check()
    wait_until(lambda: colourfulness(pixels(live)) < 2, WAIT_S, "a gray picture")
    live.get_by_role("switch", name="Processing").uncheck()
    wait_until(lambda: colourfulness(pixels(live)) > 10, WAIT_S, "the raw picture")


def test_a_change_by_somebody_else_appears_on_the_page(live: Page, clean_camera: httpx.Client) -> None:
    clean_camera.patch("/api/cameras/default/options", json={"sepia": True}).raise_for_status()
    expect(live.get_by_role("switch", name="Sepia", exact=True)).to_be_checked()


def test_picture_quality_is_measured_on_request(live: Page) -> None:
    panel = live.get_by_role("region", name="Picture quality")
    panel.get_by_role("button", name="Measure it").click()
    expect(panel.locator(".quality__score")).to_have_text(re.compile(r"^\d+$"))
