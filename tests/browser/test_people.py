"""A person is enrolled by a picture, recognised on the live picture, enrolled from the camera, and forgotten."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in
from tests.clips import show_clip
from tests.running_product import Product, start_product


@pytest.fixture(scope="module")
def hall(
    tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int], asset: Callable[[str], Path]
) -> Iterator[Product]:  # fmt: skip
    """The product, with a camera that shows two people."""
    folder = tmp_path_factory.mktemp("hall")
    clip = show_clip(folder / "hall.mp4", cv2.imread(str(asset("images/faces/two_people.jpg"))))
    weights = asset("weights/mobilefacenet.onnx").parent
    product = start_product(
        folder / "product", free_ports(), VIDEO_FILE_PATH=str(clip), MEDIA_DIRS=str(folder), MODELS_MIRROR=str(weights)
    )
    yield product
    product.close()


@pytest.fixture
def client(hall: Product) -> Iterator[httpx.Client]:
    """The admin's; nobody is enrolled, and nothing is switched on, before and after."""
    with closing(hall.login()) as client:
        options = {"face_recognition": False}
        client.patch("/api/cameras/default/options", json=options).raise_for_status()
        yield client
        for one in client.get("/api/identities").json()["identities"]:
            client.delete(f"/api/identities/{one['id']}").raise_for_status()
        client.patch("/api/cameras/default/options", json=options).raise_for_status()


@pytest.fixture
def page(hall: Product, contexts: Callable, problems) -> Page:
    page = contexts().new_page()
    problems.watch(page)
    log_in(page, hall.url)
    return page


def go(page: Page, hall: Product, path: str) -> None:
    page.goto(f"{hall.url}/#/{path}")


def labels(page: Page) -> list[str]:
    return page.locator('tbody[data-analyzer="face_recognition"] .finding__label').all_inner_texts()


def test_a_person_is_enrolled_recognised_and_forgotten(
    page: Page, hall: Product, client: httpx.Client, asset: Callable[[str], Path], wait_until: Callable[..., None], problems
) -> None:
    problems.expected_statuses.add(422)
    client.patch("/api/cameras/default/options", json={"face_recognition": True}).raise_for_status()
    go(page, hall, "people")
    expect(page.get_by_role("heading", name="Nobody is enrolled")).to_be_visible()
    expect(page.get_by_text("may need their consent")).to_be_visible()

    page.get_by_role("button", name="Add by pictures").click()
    dialog = page.get_by_role("dialog", name="Add a person")
    dialog.get_by_label("Name").fill("Barack Obama")
    pictures = [str(asset(f"images/faces/{name}")) for name in ("obama.jpg", "obama_and_biden.jpg", "obama2.jpg")]
    dialog.get_by_label("Pictures").set_input_files(pictures)
    dialog.get_by_role("button", name="Enrol").click()
    rows = dialog.locator(".enrol__row")
    expect(rows.nth(0)).to_contain_text("enrolled")
    expect(rows.nth(1)).to_contain_text("2 faces are in it")
    expect(rows.nth(2)).to_contain_text("enrolled")
    dialog.get_by_role("button", name="Close").last.click()
    row = page.locator("tr[data-person]", has_text="Barack Obama")
    expect(row.locator('[data-label="Pictures"]')).to_have_text("2")
    expect(row.locator('[data-label="Last seen"]')).to_contain_text("Default camera", timeout=40_000)

    go(page, hall, "live/default")
    wait_until(lambda: sorted(labels(page)) == ["Barack Obama", "Unknown"], 40, "one known and one unknown face")

    go(page, hall, "people")
    page.get_by_role("button", name="Forget Barack Obama").click()
    question = page.get_by_role("dialog", name="Forget Barack Obama?")
    expect(question).to_contain_text("2 embeddings and all events that name this person are deleted")
    question.get_by_role("button", name="Forget").click()
    expect(page.get_by_role("heading", name="Nobody is enrolled")).to_be_visible()
    go(page, hall, "live/default")
    wait_until(lambda: labels(page) == ["Unknown", "Unknown"], 40, "two unknown faces")
    assert client.get("/api/events?kind=face.recognised").json()["events"] == []


def test_an_unknown_face_on_the_live_page_is_named_from_the_picture(
    page: Page, hall: Product, client: httpx.Client, wait_until: Callable[..., None]
) -> None:
    client.patch("/api/cameras/default/options", json={"face_recognition": True}).raise_for_status()
    go(page, hall, "live/default")
    page.get_by_role("button", name="Who is this?").click(timeout=60_000)
    dialog = page.get_by_role("dialog", name="Who is this?")
    faces = dialog.get_by_role("button", name="Unknown face")
    expect(faces).to_have_count(2)
    _, right = sorted((faces.nth(n) for n in range(2)), key=lambda face: face.bounding_box()["x"])  # type: ignore[index]
    picture = dialog.get_by_alt_text("What the camera sees now").bounding_box()
    box = right.bounding_box()
    assert picture and box
    assert picture["x"] + picture["width"] / 2 < box["x"] < picture["x"] + picture["width"]
    right.click()
    dialog.get_by_label("Name", exact=True).fill("Joe")
    dialog.get_by_role("button", name="Enrol").click()
    expect(page.locator(".notice")).to_contain_text("Joe is enrolled")
    wait_until(lambda: sorted(labels(page)) == ["Joe", "Unknown"], 40, "Joe beside the unknown face")

    go(page, hall, "people")
    page.get_by_role("button", name="Rename Joe").click()
    dialog = page.get_by_role("dialog", name="Rename Joe")
    dialog.get_by_label("Name").fill("Joseph")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("tr[data-person]", has_text="Joseph")).to_be_visible()
    go(page, hall, "live/default")
    wait_until(lambda: sorted(labels(page)) == ["Joseph", "Unknown"], 40, "the new name")
