"""Bad footage through the real web and a real worker, for every kind of job: the right answer, and nothing left of it on the disk.

Everything is sent to one product; what its tests look at is gathered once.
"""

import json
import random
import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sightline.jobs.contract import kinds
from sightline.records.jobs import ENDED
from tests.clips import make_clip
from tests.conftest import _free_port
from tests.jobs.held_kinds import QUICK
from tests.live_fakes import wait_for
from tests.running_product import Product, start_product

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

KINDS = {known.name: known for known in kinds()}
MANY = [name for name, known in KINDS.items() if known.most_inputs > 1]
WAIT_S = 400.0
SAME_REQUESTS = 20

REFUSED = {
    "nothing": ([], 422, "missing_field"),
    "an empty file": (["empty.mp4"], 422, "empty_file"),
    "words": (["words.mp4"], 415, "not_a_video"),
    "sound only": (["sound.wav"], 415, "not_a_video"),
    "bad ones only": (["words.mp4", "noise.mp4"], 415, "not_a_video"),
}
DAMAGED = ("one_frame.mp4", "cut_off.mkv", "holes.mp4")
"""Films that begin well."""


@dataclass(frozen=True)
class Sent:
    """What the product said to everything, and what was on its disk."""

    refused: dict[tuple[str, str], httpx.Response]
    jobs: dict[tuple[str, str], dict[str, Any]]
    """(kind, case) → the job at its end."""
    same: list[httpx.Response]
    known: set[str]
    """Ids of all jobs."""
    files_at_end: list[str]
    files_after_deletion: list[str]
    log: str


@pytest.fixture(scope="module")
def footage(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    good = make_clip(folder / "good.mp4", 30).read_bytes()
    make_clip(folder / "one_frame.mp4", 1)
    (folder / "empty.mp4").touch()
    (folder / "words.mp4").write_text("these are words " * 500)
    (folder / "noise.mp4").write_bytes(random.Random(7).randbytes(100_000))
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 8000, "NONE", ""))
        sound.writeframes(bytes(16_000))
    whole = make_clip(folder / "whole.mkv", 50).read_bytes()
    (folder / "cut_off.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    media = good.index(b"mdat") + 200
    (folder / "holes.mp4").write_bytes(good[:media] + bytes(3_000) + good[media + 3_000 :])
    return folder


@pytest.fixture(scope="module")
def sent(tmp_path_factory, footage):
    product = start_product(tmp_path_factory.mktemp("product"), _free_port(), JOB_SLOTS="2")
    try:
        yield _send_all(product, footage)
    finally:
        product.close()


def _send_all(product: Product, footage: Path) -> Sent:
    client = product.login()
    client.timeout = WAIT_S

    def send(kind: str, names: list[str], **headers: str) -> httpx.Response:
        files = [("files", (name, (footage / name).read_bytes())) for name in names]
        fields = {"kind": kind, "params": json.dumps(QUICK.get(kind, {}))}
        parts = [*files, *((name, (None, value)) for name, value in fields.items())]
        return client.post("/api/v1/jobs/", files=parts, headers=headers)

    refused = {(kind, case): send(kind, names) for kind in KINDS for case, (names, _, _) in REFUSED.items()}
    damaged = {(kind, name): send(kind, [name]) for kind in KINDS for name in DAMAGED}
    refused |= {place: answer for place, answer in damaged.items() if answer.is_error}
    ids = {place: answer.json()["job_id"] for place, answer in damaged.items() if answer.is_success}
    ids |= {(kind, "among good ones"): send(kind, ["words.mp4", "good.mp4"]).json()["job_id"] for kind in MANY}
    for kind in KINDS:
        ids[kind, "deleted"] = send(kind, ["good.mp4"]).json()["job_id"]
        for path in (product.data_dir / "jobs" / ids[kind, "deleted"] / "inputs").iterdir():
            path.unlink()
    with ThreadPoolExecutor(SAME_REQUESTS) as threads:
        key = {"Idempotency-Key": "the same"}
        same = list(threads.map(lambda _: send("transcode", ["good.mp4"], **key), range(SAME_REQUESTS)))
    ids["transcode", "the same"] = same[0].json()["job_id"]

    def ended(job_id: str) -> bool:
        return client.get(f"/api/v1/jobs/{job_id}").json()["status"] in ENDED

    for job_id in ids.values():
        wait_for(lambda job_id=job_id: ended(job_id), f"the end of job {job_id}", WAIT_S)
    jobs = {place: client.get(f"/api/v1/jobs/{job_id}").json() for place, job_id in ids.items()}
    listed = {job["job_id"] for job in client.get("/api/v1/jobs/", params={"limit": 500}).json()["jobs"]}
    at_end = _files(product.data_dir)
    for job_id in listed:
        client.delete(f"/api/v1/jobs/{job_id}").raise_for_status()
    return Sent(refused, jobs, same, listed, at_end, _files(product.data_dir), product.log)


def _files(data_dir: Path) -> list[str]:
    return sorted(path.relative_to(data_dir).as_posix() for path in data_dir.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", REFUSED)
def test_what_holds_no_picture_is_refused_in_words(sent, kind, case):
    answer = sent.refused[kind, case]
    _, status, code = REFUSED[case]
    if case == "sound only" and any(extra == "music" for extra in KINDS[kind].extras):
        status, code = 422, "wrong_count"  # it is music then, and there is no video
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize("kind", MANY)
def test_a_bad_file_among_good_ones_is_left_out_with_a_notice(sent, kind):
    job = sent.jobs[kind, "among good ones"]
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert any("words.mp4" in notice for notice in job["notices"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_film_is_worked_on_or_refused_with_a_reason(sent, kind, name):
    if (kind, name) in sent.refused:
        assert sent.refused[kind, name].json()["code"] in ("not_a_video", "incomplete_video")
        return
    job = sent.jobs[kind, name]
    if job["status"] == "succeeded":
        assert all(output["bytes"] > 0 for output in job["outputs"])
        assert job["outputs"]
    else:
        assert (job["status"], job["outputs"]) == ("failed", [])
        assert job["error"]["code"] not in ("unexpected", "worker_lost", "no_output")
        assert len(job["error"]["message"]) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_of_one_frame_is_a_film_but_no_shot(sent, kind):
    job = sent.jobs[kind, "one_frame.mp4"]
    error = job["error"]["code"] if job["error"] else None
    assert (job["status"], error) == (("failed", "nothing_chosen") if kind == "showcase" else ("succeeded", None))


@pytest.mark.parametrize("kind", KINDS)
def test_footage_that_is_deleted_before_its_turn_is_missed_in_words(sent, kind):
    job = sent.jobs[kind, "deleted"]
    assert (job["status"], job["error"]["code"]) == ("failed", "input_missing")
    assert "good.mp4" in job["error"]["message"]


def test_the_same_request_twenty_times_at_once_is_one_job(sent):
    assert {answer.status_code for answer in sent.same} <= {200, 202}
    assert len({answer.json()["job_id"] for answer in sent.same}) == 1
    assert sent.jobs["transcode", "the same"]["status"] == "succeeded"


def test_every_file_belongs_to_a_job_that_is_known_and_none_is_half_written(sent):
    of_jobs = [path for path in sent.files_at_end if path.startswith(("jobs/", "storage/", "uploads/"))]
    assert {path.split("/")[1] for path in of_jobs if path.startswith("jobs/")} <= sent.known
    stored = {output["name"] for job in sent.jobs.values() for output in job["outputs"]}
    assert {path.rsplit("/", 1)[1] for path in of_jobs if path.startswith("storage/")} <= stored
    assert [path for path in of_jobs if path.startswith("uploads/")] == []
    assert [path for path in sent.files_at_end if path.endswith(".part") or "/." in path] == ["outbox/.lock"]


def test_deleted_jobs_leave_nothing(sent):
    assert [path for path in sent.files_after_deletion if path.startswith(("jobs/", "storage/", "uploads/"))] == []


def test_nothing_of_that_was_unexpected(sent):
    assert "Traceback" not in sent.log
    assert " ERROR " not in sent.log
