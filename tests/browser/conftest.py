"""The whole product, started once for all browser tests, and Chromium logged in to it.

Every page that a test opens is watched: a console error, an uncaught exception or a violation of the content security policy
fails the test, unless the test has said that it provokes that HTTP status.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.running_product import Product, start_product

CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP = {"width": 1440, "height": 900}

expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and run them last.

    Playwright's synchronous API keeps an event loop running in the main thread for the rest of the session, in which
    `asyncio.run` of other tests would fail.
    """
    own = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in own:
        item.add_marker(pytest.mark.browser)
    items[:] = [item for item in items if item not in own] + own


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int]) -> Iterator[Product]:
    """The product, with the moving demo scene as its camera."""
    product = start_product(tmp_path_factory.mktemp("browser"), free_ports(), CAMERA_ALLOW_LOOPBACK="1")
    yield product
    product.close()


@pytest.fixture(scope="session")
def chromium(require: Callable[..., str]) -> Iterator[Browser]:
    path = require("chromium", "Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Problems:
    """What went wrong in a page without anybody asking."""

    seen: list[str] = field(default_factory=list)
    expected_statuses: set[int] = field(default_factory=set)
    may_lose_connection: bool = False

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.seen.append(f"uncaught: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error" or self._is_expected(message):
            return
        self.seen.append(f"{message.text} ({message.location.get('url', '')})")

    def _is_expected(self, message: ConsoleMessage) -> bool:
        status = re.search(r"the server responded with a status of (\d+)", message.text)
        if status:
            return int(status[1]) in self.expected_statuses
        # Letting go of a stream is how a page stops watching; some Chromium versions log the abort.
        if "/mjpeg" in message.location.get("url", "") and "net::ERR_" in message.text:
            return True
        return self.may_lose_connection and ("net::ERR_" in message.text or "WebSocket connection" in message.text)


@pytest.fixture
def problems() -> Iterator[Problems]:
    collected = Problems()
    yield collected
    assert collected.seen == []


def log_in(page: Page, url: str, username: str = "admin", password: str = Product.password) -> None:
    page.goto(f"{url}/login")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("body.is-ready", timeout=30_000)


@pytest.fixture(scope="session")
def admin_state(running: Product, chromium: Browser) -> dict:
    """Cookies of a session of the admin, made by logging in at the page once."""
    context = chromium.new_context()
    log_in(context.new_page(), running.url)
    state = dict(context.storage_state())
    context.close()
    return state


@pytest.fixture
def contexts(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """`contexts(viewport=…, color_scheme=…)`: browser contexts that are closed after the test."""
    opened: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        opened.append(chromium.new_context(**{"viewport": DESKTOP, "color_scheme": "dark", **options}))
        return opened[-1]

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def open_page(
    running: Product, contexts: Callable[..., BrowserContext], admin_state: dict, problems: Problems
) -> Callable[..., Page]:
    """`open_page("live/default", viewport=…)`: a watched page of the logged-in admin."""

    def opened(path: str, **options: object) -> Page:
        page = contexts(**{"storage_state": admin_state, "accept_downloads": True, **options}).new_page()
        problems.watch(page)
        page.goto(f"{running.url}/#/{path}")
        page.wait_for_selector("body.is-ready", timeout=30_000)
        return page

    return opened


@pytest.fixture
def admin(running: Product) -> Iterator[httpx.Client]:
    with closing(running.login()) as client:
        yield client


@pytest.fixture
def clean_camera(admin: httpx.Client) -> Iterator[httpx.Client]:
    """The default camera as on the first day, before and after the test."""

    def reset() -> None:
        options = admin.get("/api/cameras/default/options").json()
        off = {name: False for name, value in options.items() if value is True and name in _switches(admin)}
        admin.patch("/api/cameras/default/options", json={**off, "brightness": 0}).raise_for_status()
        admin.post("/api/cameras/default/processing", json={"enabled": True}).raise_for_status()

    reset()
    yield admin
    reset()


def _switches(client: httpx.Client) -> set[str]:
    return {stage["name"] for stage in client.get("/api/stages").json()["stages"] if stage["has_switch"]}


@pytest.fixture(scope="session")
def pixels() -> Callable[[Page], np.ndarray]:
    """`pixels(page)`: what the large picture shows now, `(H, W, 3) uint8 BGR`."""

    def shot(page: Page, selector: str = ".viewer__img") -> np.ndarray:
        png = page.locator(selector).first.screenshot(animations="disabled")
        return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)

    return shot


@pytest.fixture(scope="session")
def colourfulness() -> Callable[[np.ndarray], float]:
    """Mean distance between the strongest and the weakest channel: 0 for gray."""
    return lambda image: float(np.mean(image.max(axis=2).astype(int) - image.min(axis=2)))


@pytest.fixture
def is_moving(pixels: Callable[..., np.ndarray]) -> Callable[[Page], bool]:
    """Whether two looks at the picture differ by more than noise."""

    def check(page: Page) -> bool:
        first, second = pixels(page), pixels(page)
        return first.shape == second.shape and float(np.abs(first.astype(int) - second).mean()) > 0.2

    return check
