"""Zones and lines: drawn with mouse, finger and keyboard, saved, shown again, changed, deleted; what they count is shown."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Problems, log_in
from tests.running_product import Product, start_product

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
OPTIONS = "/api/cameras/default/options"
ZONE = [[0.1, 0.5], [0.4, 0.45], [0.45, 0.9], [0.12, 0.95]]
LINE = [[0.6, 0.3], [0.9, 0.6]]


@pytest.fixture
def camera(clean_camera: httpx.Client) -> Iterator[httpx.Client]:
    """The default camera without zones and lines, before and after."""
    empty = {"zones": False, "zones_areas": [], "zones_lines": [], "speed_area": []}
    clean_camera.patch(OPTIONS, json=empty).raise_for_status()
    yield clean_camera
    clean_camera.patch(OPTIONS, json=empty).raise_for_status()


@pytest.fixture
def drawn(camera: httpx.Client) -> httpx.Client:
    """The camera with a zone and a line."""
    shapes = {"zones_areas": [{"name": "Entrance", "points": ZONE}], "zones_lines": [{"name": "Gate", "points": LINE}]}
    camera.patch(OPTIONS, json=shapes).raise_for_status()
    return camera


@pytest.fixture
def editor(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """`editor(**context)`: the live page with the editor open."""

    def opened(**options: object) -> Page:
        page = open_page("live/default", **options)
        expect(page.locator(".viewer__wait")).to_be_hidden()
        button = page.get_by_role("button", name="Zones and lines", exact=True)
        button.tap() if options.get("has_touch") else button.click()
        expect(page.locator(".shapes__svg")).to_be_visible()
        return page

    return opened


def at(page: Page, point: list[float]) -> tuple[float, float]:
    """Where a share of the picture lies on the page."""
    box = page.locator(".shapes__svg").bounding_box()
    assert box
    return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]


def drag(page: Page, start: list[float], end: list[float]) -> None:
    page.mouse.move(*at(page, start))
    page.mouse.down()
    page.mouse.move(*at(page, [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2]), steps=3)
    page.mouse.move(*at(page, end), steps=3)
    page.mouse.up()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".shapes__svg")).to_have_count(0)


def shapes(client: httpx.Client, key: str) -> dict[str, list[list[float]]]:
    return {shape["name"]: shape["points"] for shape in client.get(OPTIONS).json()[key]}


def close_to(points: list[list[float]]) -> list[object]:
    return [pytest.approx(point, abs=0.01) for point in points]


def open_again(page: Page) -> None:
    page.get_by_role("button", name="Zones and lines", exact=True).click()
    expect(page.locator(".shapes__svg")).to_be_visible()


def test_a_zone_and_a_line_are_drawn_saved_and_shown_again(editor: Callable[..., Page], camera: httpx.Client) -> None:
    page = editor()
    for point in [*ZONE, ZONE[0]]:
        page.mouse.click(*at(page, point))
    page.get_by_label("Name of zone 1").fill("Entrance")
    page.get_by_role("button", name="Add line").click()
    drag(page, *LINE)
    expect(page.locator(".shape--line .shape__arrow")).to_be_visible()
    save(page)
    assert camera.get(OPTIONS).json()["zones"] is True
    assert shapes(camera, "zones_areas") == {"Entrance": close_to(ZONE)}
    assert shapes(camera, "zones_lines") == {"Line 1": close_to(LINE)}

    page.reload()
    open_again(page)
    expect(page.get_by_label("Name of zone 1")).to_have_value("Entrance")
    expect(page.locator(".shape polygon.shape__body")).to_have_attribute("aria-label", "Entrance, zone")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()


def test_drawn_shapes_are_moved_turned_and_given_points(editor: Callable[..., Page], drawn: httpx.Client) -> None:
    page = editor()
    drag(page, [0.25, 0.7], [0.02, 0.7])  # as far as the picture goes
    page.get_by_role("button", name="Turn the direction round").click()
    save(page)
    moved = [[x - 0.1, y] for x, y in ZONE]
    assert shapes(drawn, "zones_areas") == {"Entrance": close_to(moved)}
    assert shapes(drawn, "zones_lines") == {"Gate": LINE[::-1]}

    open_again(page)
    page.mouse.click(*at(page, [0.15, 0.7]))
    drag(page, moved[1], [0.4, 0.3])
    drag(page, [(0.0 + 0.4) / 2, (0.5 + 0.3) / 2], [0.2, 0.2])
    page.mouse.click(*at(page, moved[2]))
    page.keyboard.press("Delete")
    save(page)
    assert shapes(drawn, "zones_areas") == {"Entrance": close_to([moved[0], [0.2, 0.2], [0.4, 0.3], moved[3]])}


def test_nothing_is_lost_by_accident(editor: Callable[..., Page], drawn: httpx.Client, problems: Problems) -> None:
    """Undo and redo, two shapes of one name, an answer that refuses, and leaving the page."""
    page = editor()
    page.get_by_role("button", name="Delete Gate").click()
    page.get_by_role("button", name="Delete Entrance").click()
    expect(page.locator(".shape")).to_have_count(0)
    page.keyboard.press("Control+z")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".shape")).to_have_count(2)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.get_by_role("button", name="Redo").click()
    expect(page.locator(".shape")).to_have_count(1)

    page.get_by_role("button", name="Add zone").click()
    drag(page, [0.6, 0.7], [0.8, 0.9])
    page.get_by_label("Name of zone 2").fill("Entrance")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Two shapes have the name “Entrance”")
    expect(page.get_by_label("Name of zone 2")).to_be_focused()
    page.get_by_label("Name of zone 2").fill("Exit")

    problems.expected_statuses.add(422)
    refusal = {"title": "Invalid", "detail": "zones_lines[0] must have 2 to 32 points.", "code": "wrong_value"}
    page.route("**/options", lambda route: route.fulfill(status=422, json=refusal))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Could not save: zones_lines[0] must have 2 to 32 points.")
    page.unroute("**/options")

    page.keyboard.press("Escape")
    question = page.get_by_role("dialog", name="Leave without saving?")
    question.get_by_role("button", name="Keep").click()
    expect(question).to_have_count(0)
    page.get_by_role("link", name="Events").click()
    question.get_by_role("button", name="Keep").click()
    expect(page.locator(".shape")).to_have_count(2)
    assert page.url.endswith("#/live/default")
    save(page)
    assert shapes(drawn, "zones_areas").keys() == {"Entrance", "Exit"}
    assert shapes(drawn, "zones_lines") == {}

    open_again(page)
    page.get_by_role("button", name="Delete Exit").click()
    page.get_by_role("link", name="Events").click()
    question.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    assert shapes(drawn, "zones_areas").keys() == {"Entrance", "Exit"}


def test_the_keyboard_draws_and_moves(editor: Callable[..., Page], camera: httpx.Client) -> None:
    kerb = {"name": "Kerb", "points": [[0.2, 0.1], [0.8, 0.1]]}
    camera.patch(OPTIONS, json={"zones_lines": [kerb]}).raise_for_status()
    page = editor()
    expect(page.locator(".shapes__svg")).to_be_focused()  # there is no zone yet, so that drawing one has begun
    for key in ["Enter", "Shift+ArrowRight", "Enter", "Shift+ArrowDown", "Enter", "Backspace", "Enter", "Enter"]:
        page.keyboard.press(key)
    expect(page.locator(".shape")).to_have_count(2)
    path = page.locator(".shape__arrow").get_attribute("d") or ""
    start, tip = re.findall(r"([-\d.]+) ([-\d.]+)", path)[:2]
    assert float(tip[0]) == pytest.approx(float(start[0]), abs=0.5)
    assert float(tip[1]) > float(start[1])  # drawn to the right, it is crossed inwards from above to below
    page.locator(".shape__point").nth(0).focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.get_by_role("button", name=re.compile("Point 1 of Zone 1, 46 % from the left"))).to_be_focused()
    page.locator(".shape__middle").nth(0).focus()
    page.keyboard.press("Enter")
    save(page)
    assert shapes(camera, "zones_areas") == {"Zone 1": close_to([[0.46, 0.5], [0.5, 0.5], [0.54, 0.5], [0.54, 0.54]])}


def test_the_editor_opens_from_the_stage_and_stays_on_the_picture(open_page: Callable[..., Page], drawn: httpx.Client) -> None:
    drawn.patch(OPTIONS, json={"stabilise": True}).raise_for_status()
    page = open_page("live/default")
    page.get_by_role("button", name="Settings of Zones and lines").click()
    field = page.locator('[data-stage="zones"] .field', has_text="Gate")
    expect(field).to_contain_text("1 line")
    field.get_by_role("button", name="Draw on the picture").click()
    expect(page.locator(".shapes-panel")).to_contain_text("Zones and lines")
    expect(page.locator(".shape")).to_have_count(2)
    picture = page.locator(".viewer__img").first
    expect(picture).to_have_attribute("src", re.compile("view=raw"))  # the stabiliser moves the picture under the shapes
    page.mouse.click(*at(page, [0.25, 0.7]))
    for size in ({"width": 900, "height": 700}, {"width": 1600, "height": 500}):
        page.set_viewport_size(size)
        page.wait_for_function(
            """share => {
              const box = (name) => document.querySelector(name).getBoundingClientRect();
              const [point, image] = [box(".shape__point"), box(".viewer__img")];
              const x = (point.x + point.width / 2 - image.x) / image.width;
              const y = (point.y + point.height / 2 - image.y) / image.height;
              return Math.hypot(x - share[0], y - share[1]) < 0.01;
            }""",
            arg=ZONE[0],
        )
    page.keyboard.press("Escape")
    expect(picture).to_have_attribute("src", re.compile("view=processed"))


def test_the_stage_panel_chooses_several_and_draws_an_area_of_known_size(
    open_page: Callable[..., Page], camera: httpx.Client, wait_until: Callable[..., None]
) -> None:
    page = open_page("live/default")
    page.get_by_role("button", name="Settings of Zones and lines").click()
    left = page.get_by_role("group", name="Events").get_by_label("Left")
    before = camera.get(OPTIONS).json()["zones_events"]
    left.click()
    wait_until(lambda: camera.get(OPTIONS).json()["zones_events"] == [one for one in before if one != "left"], 30, "the choice")
    left.click()
    wait_until(lambda: camera.get(OPTIONS).json()["zones_events"] == before, 30, "the choice back")

    page.get_by_role("button", name="Settings of Speed").click()
    page.get_by_role("button", name="Draw on the picture: Area of known size").click()
    for corner in [[0.3, 0.4], [0.7, 0.4], [0.9, 0.9], [0.1, 0.9]]:
        page.mouse.click(*at(page, corner))
    expect(page.locator(".shape__number")).to_have_text(["1", "2", "3", "4"])
    page.get_by_role("button", name="Add area").click()
    drag(page, [0.2, 0.2], [0.6, 0.6])
    expect(page.locator(".shape")).to_have_count(1)
    save(page)
    assert shapes(camera, "speed_area") == {"Area 1": close_to([[0.2, 0.2], [0.6, 0.2], [0.6, 0.6], [0.2, 0.6]])}


def test_a_finger_draws_on_a_phone(editor: Callable[..., Page], camera: httpx.Client) -> None:
    page = editor(**PHONE)
    for point in ZONE:
        page.touchscreen.tap(*at(page, point))
    page.get_by_role("button", name="Finish shape").tap()
    page.get_by_role("button", name="Add line").tap()
    for point in LINE:
        page.touchscreen.tap(*at(page, point))
    page.get_by_role("button", name="Finish shape").tap()
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1] == 390
    save(page)
    assert shapes(camera, "zones_areas") == {"Zone 1": close_to(ZONE)}
    assert shapes(camera, "zones_lines") == {"Line 1": close_to(LINE)}


def test_a_viewer_is_not_offered_to_draw(running: Product, contexts: Callable[..., object], admin: httpx.Client) -> None:
    made = admin.post("/api/users", json={"username": "looker", "password": Product.password, "role": "viewer"})
    made.raise_for_status()
    page = contexts().new_page()
    log_in(page, running.url, "looker")
    page.goto(f"{running.url}/#/live/default")
    expect(page.locator(".badge-state")).to_have_text("Live")
    expect(page.get_by_role("button", name="Zones and lines", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Draw zones and lines")).to_have_count(0)
    page.close()
    admin.delete(f"/api/users/{made.json()['id']}").raise_for_status()


@pytest.fixture(scope="module")
def street(
    tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int], asset: Callable[[str], Path]
) -> Iterator[Product]:
    """A product whose camera shows people who walk."""
    clip, weights = asset("video/surveillance_people.mp4"), asset("weights/yolov8n.onnx").parent
    product = start_product(
        tmp_path_factory.mktemp("street"), free_ports(), VIDEO_FILE_PATH=str(clip), MODELS_MIRROR=str(weights), COST_PREVIEW="0"
    )
    yield product
    product.close()


@pytest.mark.timeout(300)
def test_people_who_walk_are_counted_and_charted(
    street: Product, contexts: Callable[..., object], problems: Problems, wait_until: Callable[..., None], tmp_path: Path
) -> None:
    client = street.login()
    everywhere = [[0.02, 0.02], [0.98, 0.02], [0.98, 0.98], [0.02, 0.98]]
    shapes = {
        "zones_areas": [{"name": "Yard", "points": everywhere}],
        "zones_lines": [{"name": "Middle", "points": [[0.5, 0], [0.5, 1]]}],
    }
    client.patch(OPTIONS, json={"zones": True, "zones_dwell_s": 1, **shapes}).raise_for_status()
    page = contexts(accept_downloads=True).new_page()
    problems.watch(page)
    log_in(page, street.url)
    page.goto(f"{street.url}/#/live/default")
    panel = page.get_by_role("region", name="Counters")
    cells = panel.locator('tr[data-counter="Yard"] td')

    def number(place: int) -> float:
        return float(re.sub(r"[^\d.]", "", cells.nth(place).inner_text()) or 0)

    expect(cells.first).to_be_visible(timeout=60_000)
    wait_until(lambda: number(1) >= 2, 60, "two people who entered")
    crossed = panel.locator('tr[data-counter="Middle"] td')
    wait_until(lambda: "".join(crossed.all_inner_texts()).strip("0–") != "", 90, "a crossing")
    expect(panel.locator(".chart canvas").first).to_be_visible()
    expect(panel.locator(".chart__legend").first).to_contain_text("Yard")

    with page.expect_download() as download:
        panel.get_by_role("button", name="Save as CSV").click()
    download.value.save_as(tmp_path / "counters.csv")
    head = (tmp_path / "counters.csv").read_text().splitlines()[0]
    assert head.startswith("time,") and "Yard in" in head and "Middle out" in head

    panel.get_by_role("button", name="24 h").click()
    expect(panel.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    page.goto(f"{street.url}/#/events")
    page.get_by_label("Kind of event").select_option("zone.dwell")
    expect(page.locator(".log__row", has_text="Stays long in a zone").first).to_be_visible()
    expect(page.locator(".log__row", has_text="Line crossed")).to_have_count(0)
