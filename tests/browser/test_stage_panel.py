"""The list of switches: found by a word, put in order, set by presets, with what each costs; and two detectors side by side."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

import analyzers
from sightline.live.stage_costs import machine
from sightline.media.stage import stages
from tests.browser.conftest import Problems, log_in
from tests.running_product import Product, start_product

WAIT_S = 30
CHAIN = "/api/cameras/default/chain"


@pytest.fixture
def camera(clean_camera: httpx.Client) -> Iterator[httpx.Client]:
    """The default camera with its filters in the default order, before and after."""
    default = {stage["name"]: place for place, stage in enumerate(clean_camera.get("/api/stages").json()["stages"])}

    def reset() -> None:
        chain = clean_camera.get(CHAIN).json()
        chain["stages"].sort(key=lambda stage: default[stage["name"]])
        clean_camera.put(CHAIN, json={**chain, "analysis": "beside"}).raise_for_status()

    reset()
    yield clean_camera
    reset()


@pytest.fixture
def live(open_page: Callable[..., Page], camera: httpx.Client) -> Page:
    page = open_page("live/default")
    expect(page.locator(".badge-state").first).to_have_text("Live")
    expect(page.locator(".viewer__wait")).to_be_hidden()
    return page


def switch(page: Page, name: str) -> Any:
    return page.get_by_role("switch", name=name, exact=True)


def test_a_word_finds_the_switches_that_are_about_it(live: Page) -> None:
    search = live.get_by_label("Find a filter or analyzer")
    search.fill("brown TONE")
    expect(switch(live, "Sepia")).to_be_visible()
    expect(switch(live, "Motion")).to_be_hidden()
    expect(live.locator(".stages__group:visible h3 button")).to_have_count(1)
    search.fill("no such thing")
    expect(live.get_by_text("Nothing here is about “no such thing”.")).to_be_visible()
    search.fill("")
    expect(switch(live, "Motion")).to_be_visible()


def test_what_is_on_stands_alone_when_asked_for(live: Page) -> None:
    only = live.get_by_role("button", name="Show only what is on")
    switch(live, "Sepia").check()
    only.click()
    expect(only).to_have_attribute("aria-pressed", "true")
    expect(switch(live, "Sepia")).to_be_visible()
    expect(switch(live, "Invert")).to_be_hidden()
    switch(live, "Sepia").uncheck()
    expect(live.get_by_text("Nothing is switched on.")).to_be_visible()


def test_a_closed_group_stays_closed_in_this_browser(live: Page) -> None:
    heading = live.get_by_role("button", name="Looks")
    heading.click()
    expect(switch(live, "Sepia")).to_be_hidden()
    live.reload()
    live.wait_for_selector("body.is-ready")
    expect(heading).to_have_attribute("aria-expanded", "false")
    expect(switch(live, "Sepia")).to_be_hidden()
    live.get_by_label("Find a filter or analyzer").fill("sepia")
    expect(switch(live, "Sepia")).to_be_visible()
    live.get_by_label("Find a filter or analyzer").fill("")
    heading.press("Enter")
    expect(switch(live, "Sepia")).to_be_visible()


def test_one_that_runs_for_another_says_so(live: Page) -> None:
    label, needed = live.evaluate(
        """async () => {
             const { stages } = await (await fetch("/api/stages")).json();
             const known = (name) => stages.find((stage) => stage.name === name && !stage.is_hidden && stage.available);
             const one = stages.find((stage) => stage.available && stage.kind === "analyzer" && known(stage.uses[0]));
             return [one.label, known(one.uses[0]).name];
           }"""
    )
    note = live.locator(f'[data-stage="{needed}"] .stage__note')
    switch(live, label).check()
    expect(note).to_contain_text(f"Runs for {label}")
    switch(live, label).uncheck()
    expect(note).to_be_hidden()


def test_the_order_of_filters_is_changed_by_keyboard(
    live: Page, pixels: Any, colourfulness: Any, wait_until: Callable[..., None]
) -> None:
    switch(live, "Grayscale").check()
    switch(live, "Sepia").check()
    wait_until(lambda: colourfulness(pixels(live)) > 10, WAIT_S, "a brown picture")
    rows = live.locator(".order__row")
    expect(rows).to_have_text(["Grayscale", "Sepia"])

    live.get_by_role("button", name="Move Grayscale down").focus()
    live.keyboard.press("Enter")
    expect(rows).to_have_text(["Sepia", "Grayscale"])
    wait_until(lambda: colourfulness(pixels(live)) < 2, WAIT_S, "a gray picture")
    expect(live.get_by_role("button", name="Move Grayscale up")).to_be_focused()

    live.reload()
    expect(rows).to_have_text(["Sepia", "Grayscale"])
    live.get_by_role("button", name="Default order").click()
    expect(rows).to_have_text(["Grayscale", "Sepia"])
    wait_until(lambda: colourfulness(pixels(live)) > 10, WAIT_S, "a brown picture again")


def test_the_order_of_filters_is_changed_by_dragging(live: Page, camera: httpx.Client, wait_until: Callable[..., None]) -> None:
    for name in ("Sharpen", "Grayscale", "Sepia"):
        switch(live, name).check()
    rows = live.locator(".order__row")
    expect(rows).to_have_text(["Sharpen", "Grayscale", "Sepia"])
    rows.first.scroll_into_view_if_needed()
    handle, last = rows.first.locator(".order__handle").bounding_box(), rows.last.bounding_box()
    assert handle and last
    live.mouse.move(handle["x"] + 8, handle["y"] + 8)
    live.mouse.down()
    live.mouse.move(handle["x"] + 8, last["y"] + last["height"] - 2, steps=6)
    live.mouse.up()
    expect(rows).to_have_text(["Grayscale", "Sepia", "Sharpen"])

    def saved() -> list[str]:
        return [s["name"] for s in camera.get(CHAIN).json()["stages"] if s["name"] in ("sharpen", "grayscale", "sepia")]

    wait_until(lambda: saved() == ["grayscale", "sepia", "sharpen"], WAIT_S, "the order at the server")


def test_a_preset_shows_what_it_changes_before_it_does(live: Page, camera: httpx.Client) -> None:
    switch(live, "Grayscale").check()
    live.get_by_role("button", name="Presets").click()
    live.get_by_role("button", name="Everything off").click()
    dialog = live.get_by_role("dialog", name="Everything off")
    expect(dialog.locator(".preset-preview__changes li")).to_have_text(["Grayscaleon → off"])
    assert camera.get("/api/cameras/default/options").json()["grayscale"] is True
    dialog.get_by_role("button", name="Apply").click()
    expect(live.locator(".notice")).to_contain_text("Preset Everything off applied")
    expect(switch(live, "Grayscale")).not_to_be_checked()


def test_a_preset_is_put_onto_several_cameras(camera: httpx.Client, open_page: Callable[..., Page]) -> None:
    camera.post("/api/cameras", json={"name": "Yard", "id": "yard", "source": "demo:?size=320x180&fps=5"}).raise_for_status()
    try:
        for name in ("default", "yard"):
            camera.patch(f"/api/cameras/{name}/options", json={"invert": True}).raise_for_status()
        page = open_page("live/default")
        page.get_by_role("button", name="Presets").click()
        page.get_by_role("button", name="Everything off").click()
        dialog = page.get_by_role("dialog", name="Everything off")
        expect(dialog.get_by_label("Default camera")).to_be_checked()
        dialog.get_by_label("Yard").check()
        dialog.get_by_role("button", name="Apply").click()
        expect(page.locator(".notice")).to_contain_text("applied to 2 cameras")
        for name in ("default", "yard"):
            assert camera.get(f"/api/cameras/{name}/options").json()["invert"] is False
    finally:
        camera.delete("/api/cameras/yard").raise_for_status()


def test_one_that_cannot_run_here_stands_last_with_its_reason(live: Page) -> None:
    group = live.locator(".stages__group").filter(has=live.get_by_role("button", name="Not available here"))
    expect(group.get_by_role("link", name="Weight files")).to_have_attribute("href", "#/models")
    row = group.locator(".stage").first
    expect(row.get_by_role("switch")).to_be_disabled()
    expect(row.locator(".stage__problem")).not_to_be_empty()
    assert live.locator(".stages__group h3 button").last.inner_text().startswith("Not available here")


def test_a_preset_of_ones_own_is_saved_applied_and_deleted(live: Page, camera: httpx.Client, problems: Problems) -> None:
    switch(live, "Sepia").check()
    live.get_by_role("button", name="Presets").click()
    live.get_by_role("button", name="Save as a preset").click()
    dialog = live.get_by_role("dialog", name="Save as a preset")
    problems.expected_statuses |= {409, 422}
    dialog.get_by_label("Name").fill("Night")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("built-in preset")
    dialog.get_by_label("Name").fill("Old film")
    dialog.get_by_label("What it is for").fill("Looks old.")
    dialog.get_by_role("button", name="Save").click()
    expect(live.locator(".notice")).to_contain_text("Preset Old film saved")
    expect(dialog).to_have_count(0)

    switch(live, "Sepia").uncheck()
    switch(live, "Invert").check()
    live.get_by_role("button", name="Presets").click()
    live.get_by_role("button", name="Old film Looks old.").click()
    live.get_by_role("dialog", name="Old film").get_by_role("button", name="Apply").click()
    expect(switch(live, "Sepia")).to_be_checked()
    expect(switch(live, "Invert")).not_to_be_checked()

    live.get_by_role("button", name="Presets").click()
    live.get_by_role("button", name="Delete the preset Old film").click()
    live.get_by_role("dialog", name="Delete the preset Old film?").get_by_role("button", name="Delete").click()
    live.get_by_role("button", name="Presets").click()
    expect(live.get_by_role("button", name="Everything off")).to_be_visible()
    expect(live.get_by_role("button", name="Old film")).to_have_count(0)


def test_exact_analysis_is_a_switch(live: Page, camera: httpx.Client, wait_until: Callable[..., None]) -> None:
    exact = live.get_by_role("switch", name="Wait for the findings of every picture")
    exact.check()
    wait_until(lambda: camera.get("/api/cameras/default/options").json()["analysis"] == "exact", WAIT_S, "exact analysis")
    exact.uncheck()
    wait_until(lambda: camera.get("/api/cameras/default/options").json()["analysis"] == "beside", WAIT_S, "analysis beside")


def test_a_phone_shows_the_whole_list_without_scrolling_sideways(open_page: Callable[..., Page], camera: httpx.Client) -> None:
    page = open_page("live/default", viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="Filters & analyzers").click()
    switch(page, "Grayscale").check()
    switch(page, "Sepia").check()
    page.get_by_role("button", name="Move Sepia up").scroll_into_view_if_needed()
    widths = page.evaluate(
        "[document.documentElement, document.querySelector('.side__body')].map((e) => e.scrollWidth - e.clientWidth)"
    )
    assert widths == [0, 0]


def test_two_detectors_stand_side_by_side(live: Page, camera: httpx.Client, wait_until: Callable[..., None]) -> None:
    camera.patch(
        "/api/cameras/default/options",
        json={"detector_comparison": True, "detector_comparison_model_a": "hog", "detector_comparison_model_b": "hog"},
    ).raise_for_status()
    panel = live.get_by_label("Comparison of two detectors")
    expect(panel).to_be_visible()
    expect(panel.locator(".compare__figures")).to_contain_text("Agree now 100 %")
    expect(panel.locator("figcaption").first).to_contain_text("A OpenCV HOG")
    expect(panel.locator(".compare__only")).to_have_text(["Only A: nothing", "Only B: nothing"])
    live.wait_for_function("() => [...document.querySelectorAll('.compare canvas')].every((canvas) => canvas.width === 640)")
    streams = live.evaluate("performance.getEntriesByType('resource').filter((e) => e.name.includes('width=640')).length")
    assert streams <= 1
    switch(live, "Two detectors").uncheck()
    expect(panel).to_be_hidden()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int]) -> Iterator[Product]:
    """A product that has measured its stages already: all cost 14 ms, but for one that no machine has time for."""
    analyzers.load(entry_points=False)
    folder: Path = tmp_path_factory.mktemp("measured")
    (folder / "var").mkdir()
    cost = {"p50_ms": 14.0, "rate_hz": 10.0, "core_share": 0.14, "memory_mb": 50.0, "measured_at": 1.0, "source": "measured"}
    costs = {info.name: cost for info in stages()} | {"hands": {**cost, "core_share": 900.0}}
    (folder / "var" / "stage_costs.json").write_text(json.dumps({"machine": machine(), "stages": costs}))
    product = start_product(folder, free_ports(), COST_PREVIEW="1")
    yield product
    product.close()


def test_a_switch_tells_what_it_would_cost_and_warns(
    measured: Product, contexts: Callable[..., BrowserContext], problems: Problems
) -> None:
    page = contexts().new_page()
    problems.watch(page)
    log_in(page, measured.url)
    row = page.locator('[data-stage="invert"]')
    expect(row.locator(".stage__figures")).to_contain_text("≈ 14 ms")
    expect(row.locator(".stage__figures")).to_contain_text("14 % of a core")
    expect(page.locator(".stages__total")).to_contain_text(" cores")

    switch(page, "Hands").click()
    dialog = page.get_by_role("dialog", name="Switch on Hands all the same?")
    expect(dialog).to_contain_text("900")
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_have_count(0)
    expect(switch(page, "Hands")).not_to_be_checked()

    switch(page, "Invert").check()
    expect(row.locator(".stage__cost")).to_contain_text(" / ")
    page.get_by_role("button", name="Presets").click()
    page.get_by_role("button", name="Everything off").click()
    expect(page.get_by_role("dialog", name="Everything off")).to_contain_text("14 % of a core less")
