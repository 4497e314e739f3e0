"""Everybody sees what they may use, and nothing else."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

PASSWORD = "another long password"


@pytest.fixture
def accounts(admin: httpx.Client) -> Iterator[httpx.Client]:
    """Every account but the admin's is deleted after the test."""
    yield admin
    for user in admin.get("/api/users").json()["users"]:
        if user["username"] != "admin":
            admin.delete(f"/api/users/{user['id']}").raise_for_status()


@pytest.fixture
def log_in_as(running, contexts, problems, accounts: httpx.Client) -> Callable[[str], Page]:
    def log_in(role: str) -> Page:
        body = {"username": f"a-{role}", "password": PASSWORD, "role": role}
        accounts.post("/api/users", json=body).raise_for_status()
        page = contexts().new_page()
        problems.watch(page)
        page.goto(f"{running.url}/login")
        page.get_by_label("User name").fill(body["username"])
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_selector("body.is-ready")
        return page

    return log_in


def test_a_viewer_watches_without_controls(log_in_as: Callable[[str], Page]) -> None:
    page = log_in_as("viewer")
    expect(page.locator(".badge-state")).to_have_text("Live")
    expect(page.get_by_role("switch", name="Grayscale", exact=True)).to_be_disabled()
    for name in ("Track", "Save picture", "Upload", "More", "Reset statistics"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Uploads")).to_have_count(0)
    page.get_by_role("link", name="Cameras", exact=True).click()
    expect(page.get_by_role("button", name="Add camera")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_a_viewer_does_not_see_past_the_privacy_blur(log_in_as: Callable[[str], Page], admin: httpx.Client) -> None:
    page = log_in_as("viewer")
    raw = page.get_by_role("button", name="Raw", exact=True)
    raw.click()
    expect(raw).to_have_attribute("aria-pressed", "true")
    admin.post("/api/update_options", json={"privacy_blur": True}).raise_for_status()
    try:
        expect(raw).to_be_disabled()
        expect(page.get_by_role("button", name="Processed", exact=True)).to_have_attribute("aria-pressed", "true")
    finally:
        admin.post("/api/update_options", json={"privacy_blur": False}).raise_for_status()
    expect(raw).to_be_enabled()


def test_an_operator_switches_and_keeps_but_does_not_manage(log_in_as: Callable[[str], Page]) -> None:
    page = log_in_as("operator")
    expect(page.get_by_role("switch", name="Grayscale", exact=True)).to_be_enabled()
    expect(page.get_by_role("button", name="Save picture")).to_be_visible()
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Cameras", exact=True).click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Add camera")).to_have_count(0)


def test_an_admin_adds_changes_and_deletes_an_account(open_page: Callable[..., Page], accounts: httpx.Client) -> None:
    page = open_page("users")
    page.get_by_role("button", name="Add account").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("maria")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_label("Role").select_option("operator")
    form.get_by_label("All cameras").uncheck()
    form.get_by_label("Default camera").check()
    form.get_by_role("button", name="Save").click()
    row = page.locator("tr", has_text="maria")
    expect(row).to_contain_text("operator")
    expect(row).to_contain_text("Default camera")
    row.get_by_role("button", name="Edit maria").click()
    form.get_by_label("Role").select_option("viewer")
    form.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("viewer")
    row.get_by_role("button", name="Delete maria").click()
    page.get_by_role("dialog", name="Delete maria?").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_logging_out_ends_the_session(log_in_as: Callable[[str], Page]) -> None:
    page = log_in_as("viewer")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto(page.url.replace("/login", "/"))
    expect(page.get_by_label("Password")).to_be_visible()
