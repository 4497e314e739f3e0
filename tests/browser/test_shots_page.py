"""The shots of a showcase: leaving one out, putting one in, another order by keys and by dragging, making the film again."""

import base64
import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

JOB, NEW = "0" * 24, "1" * 24
PHONE = {"width": 390, "height": 844}
GREY = base64.b64decode("R0lGODlhAQABAIAAAMLCwgAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==")  # a picture of one pixel
ROOMS = ("exterior", "kitchen", "bedroom", "bathroom", "unknown")


def shot(number: int, room: str) -> dict[str, object]:
    is_chosen = number <= 3
    return {
        "number": number, "input": 0, "input_name": "house.mp4", "start_s": number * 4, "end_s": number * 4 + 3, "room": room,
        "room_score": 0.8, "score": 0.7, "parts": {"technical": 0.9, "room": 0.8}, "reasons": [f"{room} (objects)", "sharp"],
        "reason_codes": ["room", "sharp"], "is_chosen": is_chosen, "order": number - 1 if is_chosen else None,
        "left_out_because": "" if is_chosen else "its score is too low", "picture": f"/api/v1/jobs/{JOB}/shots/{number}/picture",
    }  # fmt: skip


def job(job_id: str, status: str) -> dict[str, object]:
    return {
        "job_id": job_id, "kind": "showcase", "status": status, "progress": 0, "stage": None, "eta_s": None, "error": None,
        "stages": [], "outputs": [], "notices": [], "inputs": ["house.mp4"], "owner_id": None, "owners": {}, "attempt": 1,
        "params": {"shot_s": 3.0, "transition": "dissolve", "transition_s": 0.5}, "is_pinned": False, "is_cancel_wanted": False,
        "created_at": 1, "started_at": 1, "completed_at": None if status == "queued" else 2,
    }  # fmt: skip


@pytest.fixture
def sent() -> list[dict[str, object]]:
    """What was asked to be made again."""
    return []


@pytest.fixture
def page(open_page: Callable[..., Page], sent: list[dict[str, object]]) -> Page:
    page = open_page("jobs")

    def again(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}"))
        route.fulfill(json={"success": True, "job_id": NEW, "estimated_completion": 0}, status=202)

    told = {
        "means": {"rooms": "objects"},
        "shots": [shot(n, room) for n, room in enumerate(ROOMS, 1)],
        "pins": "",
        "bans": "",
        "order": "",
    }
    page.route("**/shots/*/picture", lambda route: route.fulfill(body=GREY, content_type="image/gif"))
    page.route(f"**/api/v1/jobs/{JOB}", lambda route: route.fulfill(json=job(JOB, "succeeded")))
    page.route(f"**/api/v1/jobs/{NEW}", lambda route: route.fulfill(json=job(NEW, "queued")))
    page.route(f"**/api/v1/jobs/{JOB}/shots", lambda route: route.fulfill(json=told))
    page.route(f"**/api/v1/jobs/{JOB}/again", again)
    page.evaluate(f"location.hash = '#/jobs/{JOB}/shots'")
    expect(film(page)).to_have_count(3)
    return page


def film(page: Page) -> Locator:
    return page.get_by_role("list", name="Shots of the film, in order").locator("> li")


def order(page: Page) -> list[int]:
    return [int(card.get_attribute("data-card") or 0) for card in film(page).all()]


def test_other_shots_in_another_order_make_a_new_job(page: Page, sent: list[dict[str, object]]) -> None:
    make = page.get_by_role("button", name="Make the film again")
    expect(make).to_be_disabled()
    expect(film(page).first).to_contain_text("Chosen: sharp.")
    expect(page.get_by_role("list", name="Shots that are left out")).to_contain_text("Left out: its score is too low.")
    page.get_by_role("button", name="Leave out shot 2, kitchen").click()
    page.get_by_role("button", name="Put in shot 5, room unknown").click()
    page.get_by_role("button", name="Move shot 5, room unknown up").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Move shot 5, room unknown up")).to_be_focused()
    page.keyboard.press("Enter")
    assert order(page) == [5, 1, 3]
    expect(page.locator(".page-head__note")).to_have_text("3 shots, about 8 s")
    make.click()
    expect(page).to_have_url(re.compile(f"#/jobs/{NEW}$"))
    expect(page.get_by_role("heading", name="house.mp4")).to_be_visible()
    assert sent == [{"params": {"pins": "5, 1, 3", "bans": "2", "order": "5, 1, 3", "target_s": 9}}]


def test_dragging_and_leaving_without_losing_anything(page: Page) -> None:
    handle, last = film(page).first.locator(".order__handle"), film(page).last
    handle.hover()
    page.mouse.down()
    box = last.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] - 4, steps=8)
    page.mouse.up()
    assert order(page) == [2, 3, 1]
    page.evaluate("location.hash = '#/jobs'")
    page.get_by_role("dialog", name="Leave the shots as they are?").get_by_role("button", name="Keep").click()
    assert order(page) == [2, 3, 1]
    page.get_by_role("button", name="As it was").click()
    assert order(page) == [1, 2, 3]
    page.evaluate("location.hash = '#/jobs'")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.get_by_role("button", name="Move shot 1, exterior down").click()
    assert order(page) == [2, 1, 3]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
