"""Batch jobs over the API: footage in, progress, results out; what is refused changes nothing."""

import io
import json
import threading
import time
import wave

import pytest
from PIL import Image

from sightline.errors import StorageError
from sightline.jobs.runner import Runner
from sightline.records.jobs import JobState, NewJob
from sightline.web import job_watch
from sightline.web.job_watch import JobWatch
from tests.clips import make_clip
from tests.web.callers import assert_problem


@pytest.fixture
def film(tmp_path) -> bytes:
    return make_clip(tmp_path / "film.mp4", frames=10).read_bytes()


@pytest.fixture(autouse=True)
def no_leftovers(parts):
    """Each test leaves an empty list behind."""
    yield
    for job in parts.jobs.jobs.page(limit=500):
        if job.ended_at is None:
            parts.jobs.jobs.cancel(job.id)
        parts.jobs.delete(job.id)


def send(caller, *files, key=None, **fields):
    data = {"files": [(io.BytesIO(content), name) for name, content in files], **fields}
    headers = {"Idempotency-Key": key} if key else {}
    return caller.post("/api/v1/jobs/", data=data, headers=headers, content_type="multipart/form-data")


def folders(parts) -> set[str]:
    folder = parts.settings.data_dir / "jobs"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_a_film_goes_in_and_its_results_come_out(operator, parts, film, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(parts.settings.data_dir))
    answer = send(operator, ("My film.mp4", film), kind="transcode", params=json.dumps({"rungs": ["480p"]}))
    assert answer.status_code == 202, answer.text
    told = answer.json
    assert (told["status"], told["video_count"]) == ("processing", 1)
    job_id = told["job_id"]
    waiting = operator.get(f"/api/v1/jobs/{job_id}").json
    assert (waiting["status"], waiting["inputs"], waiting["params"]["rungs"]) == ("queued", ["My film.mp4"], ["480p"])
    Runner(parts.settings, parts.database).work(threading.Event())
    done = operator.get(f"/api/v1/jobs/{job_id}").json
    assert (done["status"], done["progress"], done["error"]) == ("succeeded", 100.0, None)
    movie = next(output for output in done["outputs"] if output["name"] == "film.mp4")
    with operator.get(movie["url"]) as whole:
        assert (whole.status_code, len(whole.data), whole.mimetype) == (200, movie["bytes"], "video/mp4")
        head = whole.data[:10]
    with operator.get(movie["url"], headers={"Range": "bytes=0-9"}) as part:
        assert (part.status_code, part.data) == (206, head)
    with operator.get(movie["url"] + "?download=1") as download:
        assert "attachment" in download.headers["Content-Disposition"]
    assert "Stage ladder begins" in operator.get(f"/api/v1/jobs/{job_id}/log").text
    assert operator.delete(f"/api/v1/jobs/{job_id}").status_code == 200
    assert job_id not in folders(parts)
    assert_problem(operator.get(movie["url"]), 404, "job_not_found")


def test_a_repeated_request_is_the_same_job(operator, parts, film):
    first = send(operator, ("a.mp4", film), key="once", kind="transcode").json
    again = send(operator, ("a.mp4", film), key="once", kind="transcode").json
    assert again["job_id"] == first["job_id"]
    other = send(operator, ("a.mp4", film), key="once", kind="transcode", params='{"mp4": false}')
    assert assert_problem(other, 409, "idempotency_key_reused")["job_id"] == first["job_id"]
    assert folders(parts) == {first["job_id"]}


def test_a_bad_file_among_good_ones_is_left_out_with_a_notice(operator, film):
    answer = send(operator, ("good.mp4", film), ("notes.mp4", b"these are words"), kind="analyze")
    assert answer.status_code == 202
    assert (answer.json["video_count"], len(answer.json["notices"])) == (1, 1)
    assert answer.json["notices"][0].startswith("notes.mp4 was left out")
    assert_problem(send(operator, ("good.mp4", film), ("notes.mp4", b"words"), kind="analyze", strict="true"), 415, "not_a_video")


@pytest.mark.parametrize(
    ("files", "fields", "status", "code"),
    [
        ((), {"kind": "analyze"}, 422, "missing_field"),
        ((("a.mp4", b""),), {"kind": "analyze"}, 422, "empty_file"),
        ((), {"kind": "analyze", "urls": "[]"}, 422, "missing_field"),
        ((), {"kind": "analyze", "urls": "{}"}, 422, "wrong_type"),
        ((), {"kind": "analyze", "urls": "x"}, 400, "bad_json"),
        ((), {"kind": "analyze", "urls": "[" * 100_000}, 400, "bad_json"),
        ((), {"kind": "analyze", "params": '{"a":' * 100_000}, 400, "bad_json"),
        ((), {"kind": "analyze", "urls": json.dumps(["https://10.0.0.1/a.mp4"] * 51)}, 422, "too_many_files"),
        ((), {"kind": "analyze", "urls": '["rtsp://10.0.0.1/x"]'}, 422, "bad_url"),
        ((), {"kind": "analyze", "urls": '["http://169.254.169.254/x"]'}, 403, "address_forbidden"),
        ((), {"kind": "analyze", "asset_ids": '["0"]'}, 404, "asset_not_found"),
        ((("a.mp4", b"no film"),), {"kind": "analyze"}, 415, "not_a_video"),
        ((("a.mp4", "film"),), {"kind": "magic"}, 422, "unknown_kind"),
        ((("a.mp4", "film"),), {"kind": "analyze", "params": "{"}, 400, "bad_json"),
        ((("a.mp4", "film"),), {"kind": "analyze", "params": "[]"}, 422, "wrong_type"),
        ((("a.mp4", "film"),), {"kind": "analyze", "params": '{"nothing": 1}'}, 422, "unknown_parameter"),
        ((("a.mp4", "film"),), {"kind": "analyze", "params": '{"confidence": 7}'}, 422, "out_of_range"),
        ((("a.mp4", "film"),), {"kind": "analyze", "odd": "1"}, 422, "unknown_field"),
        ((("a.mp4", "film"), ("b.mp4", "film")), {"kind": "transcode"}, 422, "wrong_count"),
    ],
)
def test_what_is_refused_leaves_nothing(operator, parts, film, files, fields, status, code):
    sent = [(name, film if content == "film" else content) for name, content in files]
    assert_problem(send(operator, *sent, **fields), status, code)
    assert folders(parts) == set()
    assert not list((parts.settings.data_dir / "uploads").glob(".*.part"))
    assert operator.get("/api/v1/jobs/").json["jobs"] == []


def test_a_list_that_is_full_takes_no_more(operator, parts, film, monkeypatch):
    monkeypatch.setattr(parts.jobs, "_settings", parts.settings.model_copy(update={"jobs_most_open": 1}))
    assert send(operator, ("a.mp4", film), kind="analyze").status_code == 202
    assert_problem(send(operator, ("b.mp4", film), kind="analyze"), 409, "too_many_jobs")


def test_a_repeated_request_is_answered_although_the_list_is_full(operator, parts, film, monkeypatch):
    first = send(operator, ("a.mp4", film), key="full", kind="analyze").json["job_id"]
    monkeypatch.setattr(parts.jobs, "_settings", parts.settings.model_copy(update={"jobs_most_open": 1}))
    assert send(operator, ("a.mp4", film), key="full", kind="analyze").json["job_id"] == first


def test_cancel_retry_pin(operator, film):
    job_id = send(operator, ("a.mp4", film), kind="analyze").json["job_id"]
    assert_problem(operator.delete(f"/api/v1/jobs/{job_id}"), 409, "job_open")
    assert operator.post(f"/api/v1/jobs/{job_id}/cancel").json["status"] == "cancelled"
    assert_problem(operator.post(f"/api/v1/jobs/{job_id}/cancel"), 409, "job_ended")
    assert operator.post(f"/api/v1/jobs/{job_id}/retry").json["status"] == "queued"
    assert operator.post(f"/api/v1/jobs/{job_id}/pin", {"pinned": True}).json["is_pinned"] is True
    listed = operator.get("/api/v1/jobs/?status=queued&kind=analyze").json
    assert [job["job_id"] for job in listed["jobs"]] == [job_id]


def test_a_job_over_an_upload(operator, film):
    uploaded = operator.post("/api/upload_video", data={"video": (io.BytesIO(film), "clip.mp4")}).json
    answer = operator.post("/api/v1/jobs/from_assets", {"asset_ids": [uploaded["asset_id"]], "kind": "analyze"})
    assert answer.status_code == 202, answer.text
    assert operator.get(f"/api/v1/jobs/{answer.json['job_id']}").json["inputs"] == ["clip.mp4"]
    assert_problem(operator.post("/api/v1/jobs/from_assets", {"asset_ids": ["nothing"], "kind": "analyze"}), 404, "asset_not_found")


def test_a_job_over_an_upload_that_would_fill_the_disk_is_refused(operator, parts, film, monkeypatch):
    uploaded = operator.post("/api/upload_video", data={"video": (io.BytesIO(film), "clip.mp4")}).json
    full = parts.settings.model_copy(update={"disk_reserve_bytes": 10**18})
    monkeypatch.setattr(parts.jobs, "_settings", full)
    body = {"asset_ids": [uploaded["asset_id"]], "kind": "transcode"}
    assert_problem(operator.post("/api/v1/jobs/from_assets", body), 507, "disk_full")
    assert folders(parts) == set()


def test_files_uploads_and_addresses_make_one_job(operator, parts, film):
    uploaded = operator.post("/api/upload_video", data={"video": (io.BytesIO(film), "clip.mp4")}).json["asset_id"]
    url = "http://ann:very-secret@93.184.216.34/films/House.mp4?signature=very-secret"
    more = {"asset_ids": json.dumps([uploaded]), "urls": json.dumps([url])}
    made = send(operator, ("a.mp4", film), ("empty.mp4", b""), kind="annotation", **more)
    assert made.status_code == 202, made.text
    assert made.json["notices"] == ["empty.mp4 was left out: The file is empty."]
    told = operator.get(f"/api/v1/jobs/{made.json['job_id']}")
    assert told.json["inputs"] == ["a.mp4", "clip.mp4", "House.mp4"]
    assert "secret" not in told.text + made.text
    assert [bool(item.origin) for item in parts.jobs.jobs.get(made.json["job_id"]).inputs] == [False, False, True]


def test_a_bad_file_beside_an_address_is_left_out(operator):
    urls = json.dumps(["https://93.184.216.34/House.mp4"])
    made = send(operator, ("notes.mp4", b"these are words"), kind="analyze", urls=urls)
    assert (made.status_code, made.json["video_count"]) == (202, 1)
    assert made.json["notices"][0].startswith("notes.mp4 was left out")


def test_one_key_stands_for_one_address(operator, parts):
    body = {"urls": ["https://93.184.216.34/a.mp4"], "kind": "analyze"}
    first = operator.post("/api/v1/jobs/from_urls", body, headers={"Idempotency-Key": "url"})
    assert first.status_code == 202, first.text
    assert operator.post("/api/v1/jobs/from_urls", body, headers={"Idempotency-Key": "url"}).json["job_id"] == first.json["job_id"]
    other = {**body, "urls": ["https://93.184.216.34/b.mp4"]}
    assert_problem(
        operator.post("/api/v1/jobs/from_urls", other, headers={"Idempotency-Key": "url"}), 409, "idempotency_key_reused"
    )
    assert folders(parts) == {first.json["job_id"]}


def test_a_video_is_processed_by_its_address(operator, admin, viewer):
    body = {"video_url": "https://93.184.216.34/a.mp4", "processing_type": "transcode"}
    made = operator.post("/process-video", body)
    assert (made.status_code, set(made.json)) == (202, {"success", "message", "status", "job_id", "estimated_time"})
    told = operator.get(f"/processing-status/{made.json['job_id']}").json
    assert (told["status"], told["kind"]) == ("queued", "transcode")
    assert_problem(operator.post("/process-video", {**body, "processing_type": "magic"}), 422)
    for caller in (operator, viewer):
        assert_problem(caller.get("/api/jobs"), 403)
        assert_problem(caller.delete(f"/api/jobs/{made.json['job_id']}"), 403)
    assert [job["job_id"] for job in admin.get("/api/jobs").json["jobs"]] == [made.json["job_id"]]
    assert admin.delete(f"/api/jobs/{made.json['job_id']}").status_code == 200
    assert admin.get("/api/jobs").json["jobs"] == []


def test_a_running_job_is_cancelled_before_it_is_deleted(admin, operator, parts, film):
    job_id = send(operator, ("a.mp4", film), kind="analyze").json["job_id"]
    claimed = parts.jobs.jobs.claim("test", 30.0, time.time(), job_id)

    def give_back():
        while not parts.jobs.jobs.get(job_id).is_cancel_wanted:
            time.sleep(0.01)
        parts.jobs.jobs.end(job_id, claimed.attempt, JobState.CANCELLED)

    runner = threading.Thread(target=give_back)
    runner.start()
    assert admin.delete(f"/api/jobs/{job_id}").status_code == 200
    runner.join()
    assert folders(parts) == set()


def test_one_user_has_a_limit_of_their_own(operator, admin, parts, film, monkeypatch):
    monkeypatch.setattr(parts.jobs, "_settings", parts.settings.model_copy(update={"jobs_most_open_per_user": 1}))
    assert send(operator, ("a.mp4", film), kind="analyze").status_code == 202
    assert_problem(send(operator, ("b.mp4", film), kind="analyze"), 409, "too_many_jobs_of_user")
    assert send(admin, ("a.mp4", film), kind="analyze").status_code == 202


def test_kinds_tell_their_parameters(operator):
    told = {kind["name"]: kind for kind in operator.get("/api/v1/job_kinds").json["kinds"]}
    assert {"analyze", "transcode", "annotation"} <= set(told)
    assert told["transcode"]["params"][0]["type"] == "several"
    assert all(kind["available"] and kind["stages"] for kind in told.values())


def test_jobs_are_for_operators(viewer, nobody):
    assert_problem(viewer.get("/api/v1/jobs/"), 403)
    assert_problem(nobody.get("/api/v1/jobs/"), 401)


@pytest.mark.parametrize(
    ("name", "stem"), [(".hof #1?.mp4", "hof #1?"), ("50%.mp4", "50%"), ("\u76e3" * 100 + ".mp4", "\u76e3" * 40)]
)
def test_results_are_called_after_the_film_whatever_its_name(operator, parts, film, monkeypatch, name, stem):
    monkeypatch.setenv("DATA_DIR", str(parts.settings.data_dir))
    params = json.dumps({"look_for": ["motion_detection"], "annotated": False})
    job_id = send(operator, (name, film), kind="analyze", params=params).json["job_id"]
    Runner(parts.settings, parts.database).work(threading.Event())
    done = operator.get(f"/api/v1/jobs/{job_id}").json
    assert (done["status"], done["error"]) == ("succeeded", None)
    assert {output["name"] for output in done["outputs"]} == {
        f"{stem}_findings.jsonl",
        f"{stem}_findings.csv",
        f"{stem}_summary.json",
    }
    for output in done["outputs"]:
        with operator.get(output["url"]) as answer:
            assert (answer.status_code, len(answer.data)) == (200, output["bytes"])


def test_a_job_below_newer_ones_is_not_told_to_be_deleted(parts, monkeypatch):
    monkeypatch.setattr(job_watch, "MOST_WATCHED", 2)
    told = []
    watch = JobWatch(parts.jobs.jobs, lambda _kind, data: told.append((data["job_id"], data["status"])), threading.Event())
    add = lambda: parts.jobs.jobs.add(NewJob("transcode", [], {}, None, 60))[0].id  # noqa: E731
    first, second = add(), add()
    watch.look(is_first=True)
    third = add()
    watch.look()
    assert told == [(third, "queued")]
    parts.jobs.jobs.cancel(third)
    parts.jobs.jobs.delete(third)
    watch.look()
    assert told[1:] == [(first, "queued"), (third, "deleted")]
    parts.jobs.jobs.cancel(second)
    watch.look()
    assert told[3:] == [(second, "cancelled")]


class Post:
    """A carrier; `is_away`: of whose broker."""

    def __init__(self) -> None:
        self.is_away = False
        self.brought: list[str] = []

    def publish(self, job_id: str) -> None:
        if self.is_away:
            raise StorageError("Redis does not answer.", code="broker_unavailable")
        self.brought.append(job_id)


def test_a_job_is_brought_to_its_carrier_once_it_is_entered_and_again_when_it_is_retried(operator, parts, film, monkeypatch):
    post = Post()
    monkeypatch.setattr(parts.jobs, "_carrier", post)
    job_id = send(operator, ("a.mp4", film), kind="transcode", key="once").json["job_id"]
    send(operator, ("a.mp4", film), kind="transcode", key="once")
    assert post.brought == [job_id]
    operator.post(f"/api/v1/jobs/{job_id}/cancel")
    assert operator.post(f"/api/v1/jobs/{job_id}/retry").json["status"] == "queued"
    assert post.brought == [job_id, job_id]


def test_a_job_is_taken_although_its_broker_is_away(operator, parts, film, monkeypatch):
    post = Post()
    post.is_away = True
    monkeypatch.setattr(parts.jobs, "_carrier", post)
    answer = send(operator, ("a.mp4", film), kind="transcode")
    assert answer.status_code == 202
    assert operator.get(f"/api/v1/jobs/{answer.json['job_id']}").json["status"] == "queued"


def test_a_job_is_made_again_with_other_parameters(operator, parts, film, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(parts.settings.data_dir))
    first = send(operator, ("a.mp4", film), kind="transcode", params='{"rungs": ["480p"]}').json["job_id"]
    assert_problem(operator.post(f"/api/v1/jobs/{first}/again", json={}), 409, "job_open")
    Runner(parts.settings, parts.database).work(threading.Event())
    assert_problem(operator.post(f"/api/v1/jobs/{first}/again", json={"params": {"mp4": 5}}), 422, "wrong_type")
    answer = operator.post(f"/api/v1/jobs/{first}/again", json={"params": {"mp4": False}})
    assert answer.status_code == 202, answer.text
    Runner(parts.settings, parts.database).work(threading.Event())
    done = operator.get(f"/api/v1/jobs/{answer.json['job_id']}").json
    assert (done["status"], done["inputs"], done["params"]["rungs"]) == ("succeeded", ["a.mp4"], ["480p"])
    assert [stage["state"] for stage in done["stages"]] == ["skipped", "done"]
    assert [output["name"] for output in done["outputs"]] == ["hls.zip"]


def test_a_running_job_shows_what_it_has_made(operator, parts, film):
    job_id = send(operator, ("a.mp4", film), kind="transcode").json["job_id"]
    assert operator.get(f"/api/v1/jobs/{job_id}/preview").status_code == 204
    job = parts.jobs.jobs.claim("test", 30.0, time.time(), job_id)
    path = parts.settings.data_dir / "jobs" / job_id / "preview.jpg"
    path.write_bytes(b"a picture")
    with operator.get(f"/api/v1/jobs/{job_id}/preview") as answer:
        assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/jpeg", b"a picture")
        assert "no-store" in answer.headers["Cache-Control"]
    parts.jobs.jobs.end(job_id, job.attempt, JobState.FAILED, {"code": "test", "message": "test"})
    assert operator.get(f"/api/v1/jobs/{job_id}/preview").status_code == 204


def test_music_and_a_logo_go_with_the_footage_of_a_film(operator, parts, film, tmp_path):
    Image.new("RGB", (40, 20), (250, 0, 0)).save(tmp_path / "logo.png")
    with wave.open(str(tmp_path / "tune.wav"), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(32000))
    tune, logo = ((tmp_path / name).read_bytes() for name in ("tune.wav", "logo.png"))
    answer = send(operator, ("tune.wav", tune), ("a.mp4", film), ("logo.png", logo), kind="showcase")
    assert (answer.status_code, answer.json["notices"]) == (202, [])
    assert [item.name for item in parts.jobs.jobs.get(answer.json["job_id"]).inputs] == ["tune.wav", "a.mp4", "logo.png"]

    refused = send(operator, ("a.wav", tune), ("b.wav", tune), ("a.mp4", film), kind="showcase")
    assert "at most one file with music" in assert_problem(refused, 422, "wrong_count")["message"]
    assert_problem(send(operator, ("a.wav", tune), ("logo.png", logo), kind="showcase"), 422, "wrong_count")
    other = send(operator, ("a.mp4", film), ("tune.wav", tune), ("logo.svg", b"<svg/>"), kind="annotation")
    assert [words.partition(" was")[0] for words in other.json["notices"]] == ["tune.wav", "logo.svg"]
