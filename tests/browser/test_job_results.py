"""What the pages of jobs show of results and of many jobs: shapes and chapters of a film, finding and deleting several at once."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.clips import make_clip

CHAPTERS = "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\nExterior\n\n2\n00:00:01.000 --> 00:00:02.000\nKitchen &amp; hall\n"
TYPES = {"mp4": "video/mp4", "vtt": "text/vtt", "zip": "application/zip"}


def output(job_id: str, name: str) -> dict[str, object]:
    url = f"/api/v1/jobs/{job_id}/outputs/{name}"
    return {"name": name, "url": url, "bytes": 9, "sha256": "0" * 64, "content_type": TYPES[name.rpartition(".")[2]]}


def job(number: int, status: str = "succeeded", **more: object) -> dict[str, object]:
    job_id = f"{number:024d}"
    return {
        "job_id": job_id, "kind": "showcase", "status": status, "progress": 100, "stage": None, "eta_s": None, "error": None,
        "stages": [], "outputs": [], "notices": [], "inputs": [f"house {number}.mp4"], "owner_id": 7, "attempt": 1, "params": {},
        "is_pinned": False, "is_cancel_wanted": False, "created_at": 1000 + number, "started_at": 1, "completed_at": 2, **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", frames=60).read_bytes()


def test_a_film_in_two_shapes_with_chapters(open_page: Callable[..., Page], film: bytes) -> None:
    page = open_page("jobs")
    names = ("film_16x9.mp4", "film_9x16.mp4", "chapters.vtt", "captions.vtt", "hls.zip")
    one = job(1, outputs=[output(f"{1:024d}", name) for name in names])

    def send(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        body: str | bytes = film if name.endswith("mp4") else CHAPTERS
        route.fulfill(body=body, content_type=TYPES[name.rpartition(".")[2]])

    page.route("**/outputs/*", send)
    page.route(f"**/api/v1/jobs/{one['job_id']}", lambda route: route.fulfill(json={**one, "owners": {"7": "anna"}}))
    page.evaluate(f"location.hash = '#/jobs/{one['job_id']}'")
    expect(page.get_by_role("region", name="About this job")).to_contain_text("anna")
    expect(page.get_by_label("film_16x9.mp4", exact=True)).to_be_visible()
    page.get_by_role("button", name="Upright 9:16").click()
    expect(page.get_by_label("film_9x16.mp4", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Upright 9:16")).to_have_attribute("aria-pressed", "true")
    chapters = page.get_by_role("list", name="Chapters")
    expect(chapters.locator("li")).to_have_count(2)
    expect(chapters).to_contain_text("Kitchen & hall")
    expect(page.locator("track")).to_have_attribute("src", re.compile("captions.vtt"))
    expect(page.locator('.job-output[data-output="hls.zip"]')).to_contain_text("master.m3u8")
    expect(page.get_by_role("link", name="Everything as zip")).to_have_attribute("href", re.compile(r"/outputs\.zip$"))
    expect(page.get_by_role("link", name="Choose other shots")).to_have_attribute("href", re.compile("/shots$"))


def test_jobs_are_found_by_name_and_deleted_together(open_page: Callable[..., Page]) -> None:
    page = open_page("live")
    jobs = [job(1), job(2, "failed"), job(3, "running", completed_at=None), job(4, is_pinned=True)]
    deleted: list[str] = []

    def answer(route: Route) -> None:
        text = re.search(r"[?&]q=([^&]*)", route.request.url)
        shown = [one for one in jobs if one["job_id"] not in deleted and (not text or text[1] in str(one["inputs"]))]
        counts = {"succeeded": 2, "failed": 1, "running": 1}
        route.fulfill(json={"jobs": shown, "counts": counts, "owners": {"7": "anna"}, "next": None})

    def delete(route: Route) -> None:
        deleted.append(Path(route.request.url).name)
        route.fulfill(json={"success": True})

    page.route(re.compile(r"/api/v1/jobs/\?"), answer)
    page.route(re.compile(r"/api/v1/jobs/\d+$"), delete)
    page.evaluate("location.hash = '#/jobs'")
    rows = page.locator(".job")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("by anna")
    expect(page.get_by_label("Status").locator("option")).to_have_text(["Any status (4)", "Running (1)", "Done (2)", "Failed (1)"])
    page.get_by_label("Find by the name of a file").fill("2.mp4")
    expect(rows).to_have_count(1)
    page.get_by_label("Find by the name of a file").fill("")
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="Choose", exact=True).click()
    expect(page.get_by_role("checkbox", name=re.compile("^Choose house"))).to_have_count(2)
    page.get_by_role("button", name="All that may be deleted").click()
    page.locator(".jobs-choice").get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog", name="Delete 2 jobs?").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(2)
    assert sorted(deleted) == [f"{1:024d}", f"{2:024d}"]
