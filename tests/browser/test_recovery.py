"""A process dies: the page says so in words, and the picture comes back by itself."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

WAIT_S = 40


@pytest.fixture
def live(open_page: Callable[..., Page], clean_camera: httpx.Client, problems) -> Page:
    problems.may_lose_connection = True
    problems.expected_statuses.update({502, 503, 504})
    page = open_page("live/default")
    expect(page.locator(".badge-state")).to_have_text("Live")
    expect(page.locator(".viewer__wait")).to_be_hidden()
    return page


def test_a_killed_engine_is_told_and_the_picture_returns_with_its_options(
    running, live: Page, clean_camera: httpx.Client, pixels, colourfulness, is_moving, wait_until
) -> None:
    live.get_by_role("switch", name="Grayscale", exact=True).check()
    wait_until(lambda: colourfulness(pixels(live)) < 2, WAIT_S, "a gray picture")
    # Noted by the page itself: the break may be shorter than one look of this test.
    live.evaluate(
        """() => { window.noted = new Set();
             const badge = document.querySelector('.badge-state'), note = () => window.noted.add(badge.textContent);
             new MutationObserver(note).observe(badge, { childList: true, subtree: true, characterData: true }); }"""
    )
    running.kill("engine")
    live.wait_for_function("() => window.noted.has('No signal') || window.noted.has('Connecting')", timeout=WAIT_S * 1000)
    expect(live.locator(".badge-state")).to_have_text("Live", timeout=WAIT_S * 1000)
    expect(live.locator(".viewer__note")).to_be_hidden()
    wait_until(lambda: is_moving(live) and colourfulness(pixels(live)) < 2, WAIT_S, "the moving gray picture")
    expect(live.get_by_role("switch", name="Grayscale", exact=True)).to_be_checked()
    expect(live.get_by_role("switch", name="Processing")).to_be_checked()


def test_after_a_killed_web_server_everything_comes_back(running, live: Page, is_moving, wait_until) -> None:
    running.kill("web")
    expect(live.locator("#connection")).to_have_attribute("data-tone", "bad")
    expect(live.locator("#connection")).to_have_attribute("data-tone", "good", timeout=WAIT_S * 1000)
    expect(live.locator("#offline-banner")).to_be_hidden()
    wait_until(lambda: is_moving(live), WAIT_S, "the moving picture")
    total = live.locator('[data-total="frames_processed"]')
    first = total.inner_text()
    expect(total).not_to_have_text(first)
    expect(live.locator(".figures")).to_contain_text(re.compile(r"\d fps"))


def test_a_longer_loss_of_the_connection_shows_a_banner(live: Page) -> None:
    live.context.set_offline(True)
    expect(live.locator("#offline-banner")).to_be_visible(timeout=WAIT_S * 1000)
    live.context.set_offline(False)
    expect(live.locator("#offline-banner")).to_be_hidden(timeout=WAIT_S * 1000)


def test_a_broken_stream_is_opened_again(live: Page, is_moving, wait_until) -> None:
    attempts: list[str] = []

    def refuse(route) -> None:
        attempts.append(route.request.url)
        if len(attempts) <= 2:
            route.abort()
        else:
            route.continue_()

    live.route("**/mjpeg?**", refuse)
    live.get_by_role("button", name="Raw", exact=True).click()
    expect(live.locator(".viewer__note")).to_contain_text("Reconnecting")
    expect(live.locator(".viewer__note")).to_be_hidden()
    assert len(attempts) >= 3
    wait_until(lambda: is_moving(live), WAIT_S, "the moving picture")


def test_a_stream_that_is_cut_without_an_error_is_opened_again(running, live: Page, is_moving, wait_until) -> None:
    # What a proxy does when the engine behind it dies: a few pictures, then the end. The browser raises no event.
    jpeg = live.request.get(f"{running.url}/api/cameras/default/snapshot.jpg").body()
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n"
    answers: list[str] = []

    def cut(route) -> None:
        answers.append(route.request.url)
        if len(answers) > 1:
            route.continue_()
        else:
            headers = {"Content-Type": "multipart/x-mixed-replace; boundary=frame", "Cache-Control": "no-store"}
            route.fulfill(body=part * 3 + b"--frame--\r\n", headers=headers)

    live.route("**/mjpeg?**", cut)
    with live.expect_response("**/mjpeg?**"):
        live.get_by_role("button", name="Raw", exact=True).click()
    assert len(answers) == 1
    live.wait_for_event("response", lambda response: "/mjpeg?" in response.url, timeout=WAIT_S * 1000)
    wait_until(lambda: is_moving(live), WAIT_S, "the moving picture")
