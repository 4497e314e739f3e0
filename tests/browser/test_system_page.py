"""The system check and the webhooks: from a missing weight file to where it is fetched; an address added and tested."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Problems
from tests.running_product import Product

PHONE = {"width": 390, "height": 844}


def line(name: str, state: str, **more: str) -> dict[str, str]:
    words = {"detail": "It is so.", "changes": "", "todo": "", "command": "", "page": ""}
    return {"name": name, "label": name.capitalize(), "state": state, **words, **more}


def test_from_the_check_to_the_missing_weight_file(open_page: Callable[..., Page]) -> None:
    page = open_page("live")
    missing = line("detector", "wrong", changes="Poor.", todo="Download it.", command="fetch yolox_nano", page="models")
    report = {
        "checked_at": 1, "counts": {"ok": 1, "better": 0, "wrong": 1},
        "groups": [{"label": "Running", "lines": [line("worker", "ok")]}, {"label": "Weight files", "lines": [missing]}],
    }  # fmt: skip
    page.route("**/api/v1/doctor*", lambda route: route.fulfill(json=report))
    page.get_by_role("button", name="Account").click()
    page.get_by_role("link", name="System check").click()
    expect(page.get_by_role("status").first).to_contain_text("1 thing wrong")
    page.get_by_role("switch", name="Only what could be better").check()
    expect(page.locator(".system-line")).to_have_count(1)
    expect(page.locator(".system-line")).to_contain_text("fetch yolox_nano")
    page.get_by_role("link", name="Open the page Models").click()
    expect(page.get_by_role("heading", name="Models", exact=True)).to_be_visible()


@pytest.mark.parametrize("path", ["doctor", "webhooks"])
def test_it_fits_a_phone(open_page: Callable[..., Page], path: str) -> None:
    page = open_page(path, viewport=PHONE)
    expect(page.locator(".system-line, .empty").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_webhook_is_added_tested_and_deleted(
    open_page: Callable[..., Page], running: Product, admin: httpx.Client, problems: Problems
) -> None:
    problems.expected_statuses.add(422)
    page = open_page("webhooks")
    page.get_by_role("button", name="Add webhook").click()
    page.get_by_label("Address").fill("ftp://example.org/")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("https://host/path")
    # The product itself is the receiver: it answers 404, which is an answer.
    page.get_by_label("Address").fill(f"{running.url}/no-such-hook?token=hush")
    page.get_by_role("button", name="Add", exact=True).click()
    once = page.get_by_role("dialog", name="The secret of this webhook")
    expect(once.locator("code")).to_contain_text("whsec_")
    once.get_by_role("button", name="I have kept it").click()
    card = page.locator(".webhook")
    expect(card).to_contain_text("token=***")
    card.get_by_role("button", name="Send a test").click()
    delivery = card.locator(".delivery")
    expect(delivery).to_contain_text("It answered 40")
    expect(delivery).to_contain_text("Test")
    card.get_by_role("button", name="Switch off").click()
    expect(card.get_by_role("button", name="Send a test")).to_be_disabled()
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete this webhook?").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()
    assert admin.get("/api/v1/webhooks").json()["webhooks"] == []
