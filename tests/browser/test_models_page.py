"""The page "Models": downloading with progress, licences, what becomes available, verifying and removing; on a phone too."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Problems, log_in
from tests.model_server import ModelServer, running_server
from tests.running_product import Product, start_product

PHONE = {"width": 390, "height": 844}


@dataclass
class Installation:
    """A product without any model, and the mirror it asks."""

    product: Product
    mirror: ModelServer
    models_dir: Path


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int], asset: Callable[[str], Path]
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("models_page")
    (folder / "models").mkdir()
    with running_server() as mirror:
        for name in ("yolox_nano.onnx", "mobilefacenet.onnx", "yolov8n.onnx"):
            mirror.files[name] = asset(f"weights/{name}").read_bytes()
        product = start_product(
            folder / "product",
            free_ports(),
            MODELS_DIR=str(folder / "models"),
            MODELS_MIRROR=f"{mirror.url}/halting",
            DISK_RESERVE="0",
        )
        yield Installation(product, mirror, folder / "models")
        mirror.release.set()
        product.close()


@pytest.fixture
def page(installation: Installation, contexts: Callable[..., object], problems: Problems) -> Iterator[Page]:
    for file in installation.models_dir.iterdir():
        file.unlink()
    installation.mirror.release.clear()
    opened: Page = contexts().new_page()  # type: ignore[attr-defined]
    problems.watch(opened)
    log_in(opened, installation.product.url)
    opened.get_by_role("link", name="Models").click()
    yield opened
    installation.mirror.release.set()


def card(page: Page, name: str) -> Locator:
    return page.locator(f'.model[data-model="{name}"]')


def test_a_download_by_click_makes_the_switch_available(page: Page, installation: Installation) -> None:
    nano = card(page, "yolox_nano")
    expect(nano).to_contain_text("Not here")
    expect(nano).to_contain_text("Apache-2.0 · 3.7 MB")
    expect(nano).to_contain_text("Objects")
    nano.get_by_role("button", name="Download").click()
    question = page.get_by_role("dialog", name="Download yolox_nano?")
    expect(question).to_contain_text("Apache-2.0")
    expect(question).to_contain_text("Mirror, then Internet")
    question.get_by_role("button", name="Download").click()
    expect(nano).to_contain_text("Downloading")
    expect(nano).to_contain_text(re.compile(r"[1-3]\.\d MB of 3\.7 MB"))
    assert 0 < float(nano.locator("progress").get_attribute("value") or 0) < 3_678_356
    page.reload()
    expect(card(page, "yolox_nano")).to_contain_text("Downloading")
    installation.mirror.release.set()
    expect(card(page, "yolox_nano").locator(".badge-state")).to_have_text("Here")
    expect(page.locator(".notice")).to_contain_text("yolox_nano is here")
    assert (installation.models_dir / "yolox_nano.onnx").stat().st_size == 3_678_356


def test_a_model_is_used_at_once_and_its_cost_is_shown(page: Page, installation: Installation) -> None:
    client = installation.product.login()
    client.patch("/api/cameras/default/options", json={"object_detection": True}).raise_for_status()
    try:
        installation.mirror.release.set()
        client.post("/api/models/yolox_nano/download", json={}).raise_for_status()
        running = card(page, "yolox_nano").locator(".model__running")
        expect(running).to_contain_text(re.compile(r"Runs now on CPU: [\d.]+ / "), timeout=60_000)
    finally:
        client.patch("/api/cameras/default/options", json={"object_detection": False}).raise_for_status()


def test_a_stage_that_waits_for_its_file_becomes_available_without_a_restart(page: Page, installation: Installation) -> None:
    page.get_by_role("link", name="Live", exact=True).click()
    switch = page.locator('[data-stage="face_recognition"] input[role="switch"]').first
    expect(switch).to_be_disabled()
    page.get_by_role("link", name="Models").click()
    expect(card(page, "mobilefacenet")).to_contain_text("Makes available:")
    card(page, "mobilefacenet").get_by_role("button", name="Download").click()
    page.get_by_role("dialog").get_by_role("button", name="Download").click()
    installation.mirror.release.set()
    expect(card(page, "mobilefacenet")).to_contain_text("Used by:")
    page.get_by_role("link", name="Live", exact=True).click()
    expect(switch).to_be_enabled()


def test_a_binding_licence_wants_a_tick(page: Page, installation: Installation) -> None:
    installation.mirror.release.set()
    yolo = card(page, "yolov8n")
    expect(yolo).to_contain_text("AGPL-3.0")
    yolo.get_by_role("button", name="Download").click()
    question = page.get_by_role("dialog", name="Download yolov8n?")
    go = question.get_by_role("button", name="Download")
    expect(go).to_be_disabled()
    question.get_by_label("I accept the AGPL-3.0").check()
    go.click()
    expect(yolo.locator(".badge-state")).to_have_text("Here")


def test_a_download_is_cancelled(page: Page, installation: Installation) -> None:
    nano = card(page, "yolox_nano")
    nano.get_by_role("button", name="Download").click()
    page.get_by_role("dialog").get_by_role("button", name="Download").click()
    nano.get_by_role("button", name="Cancel").click()
    expect(nano.locator(".badge-state")).to_have_text(re.compile("Stopping|Not here"))
    installation.mirror.release.set()
    expect(nano.locator(".badge-state")).to_have_text("Not here")
    assert list(installation.models_dir.iterdir()) == []


def test_verifying_a_damaged_file_and_removing_it(page: Page, installation: Installation, wait_until: Callable[..., None]) -> None:
    file = installation.models_dir / "yolox_nano.onnx"
    data = bytearray(installation.mirror.files["yolox_nano.onnx"])
    data[1000] ^= 1
    file.write_bytes(data)
    page.reload()
    nano = card(page, "yolox_nano")
    nano.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("alert")).to_contain_text("checksum is wrong")
    expect(nano.locator(".badge-state")).to_have_text("Damaged")
    expect(nano.get_by_role("button", name="Download again")).to_be_visible()
    nano.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove yolox_nano?").get_by_role("button", name="Remove").click()
    expect(nano.locator(".badge-state")).to_have_text("Not here")
    wait_until(lambda: not file.exists())


def test_everything_of_the_mirror_in_one_go(page: Page, installation: Installation) -> None:
    installation.mirror.release.set()
    page.get_by_role("button", name="Bring from the mirror").click()
    question = page.get_by_role("dialog", name="Bring all models of the mirror?")
    question.get_by_role("button", name="Bring them").click()
    expect(page.locator(".notice").filter(has_text="Models of the mirror")).to_contain_text("2 brought")
    page.get_by_role("button", name="Here", exact=True).click()
    expect(page.locator(".model")).to_have_count(2)
    expect(page.locator(".page-head")).to_contain_text("2 of ")


def test_a_model_without_an_address_says_how_to_get_it(page: Page) -> None:
    own = card(page, "yolo11n")
    expect(own).to_contain_text("yolo export model=yolo11n.pt format=onnx")


def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    expect(card(page, "raft")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for name in ("yolox_nano", "raft"):
        box = card(page, name).bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
