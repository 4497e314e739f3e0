"""Videos that the browser sends straight into the bucket: signed parts, one object, examined without being fetched."""

import hashlib
import re
import time
from dataclasses import replace

import httpx
import pytest
from moto.server import ThreadedMotoServer

from sightline.errors import NotFound
from sightline.jobs.gathering import gather
from sightline.jobs.retention import Retention
from sightline.jobs.task import Task
from sightline.storage import videos_bucket
from sightline.web.services import EXTENSION
from tests.clips import make_clip
from tests.web.callers import assert_problem, log_in

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def service():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    for bucket in ("films", "main"):
        httpx.put(f"{url}/{bucket}").raise_for_status()
    yield url
    server.stop()


@pytest.fixture(scope="module")
def app(app_without_engine):
    return app_without_engine


@pytest.fixture
def cloud_app(lonely_app, service):
    return lonely_app(
        STORAGE_TYPE="s3", S3_BUCKET_VIDEOS="films", S3_BUCKET_NAME="main", S3_ENDPOINT_URL=service, AWS_ACCESS_KEY_ID="key-id",
        AWS_SECRET_ACCESS_KEY="very-secret", JOB_SLOTS="0",
    )  # fmt: skip


@pytest.fixture
def cloud(cloud_app):
    return cloud_app.extensions[EXTENSION]


@pytest.fixture
def sender(cloud_app):
    return log_in(cloud_app, "admin")


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    """More than one part of 16 MiB: a video, and after its end what players pass over."""
    whole = make_clip(tmp_path_factory.mktemp("film") / "film.mp4", frames=10).read_bytes()
    free_bytes = 17 * MEBIBYTE
    return whole + free_bytes.to_bytes(4, "big") + b"free" + bytes(free_bytes - 8)


def begin(sender, content, name="My film.mp4"):
    answer = sender.post("/api/v1/uploads/s3", {"name": name, "size_bytes": len(content)})
    assert answer.status_code == 201, answer.text
    return answer.json


def put(content, upload, parts):
    tags = []
    for part in parts:
        start = (part["number"] - 1) * upload["part_bytes"]
        answer = httpx.put(part["url"], content=content[start : start + upload["part_bytes"]])
        assert answer.status_code == 200
        tags.append({"number": part["number"], "etag": answer.headers["ETag"]})
    return tags


def keys(cloud):
    return [item.key for item in videos_bucket(cloud.settings).list()]


def test_a_film_goes_into_the_bucket_and_a_job_fetches_it(sender, cloud, film):
    upload = begin(sender, film)
    assert (upload["part_count"], [part["number"] for part in upload["parts"]]) == (2, [1, 2])
    tags = put(film, upload, upload["parts"])
    done = sender.post(f"/api/v1/uploads/s3/{upload['id']}/complete", {"parts": tags})
    assert done.status_code == 200, done.text
    asset = cloud.assets.get(done.json["asset_id"])
    assert (asset.original_name, asset.size_bytes, asset.codec) == ("My film.mp4", len(film), "h264")
    assert re.fullmatch(r"videos/my_film-[0-9a-f]{16}\.mp4", asset.storage_key or "")
    assert sender.get(f"/api/v1/uploads/{upload['id']}").json["asset_id"] == asset.id
    assert next(view for view in sender.get("/api/assets").json["assets"] if view["id"] == asset.id)["source"] is None
    made = sender.post("/api/v1/jobs/from_assets", {"asset_ids": [asset.id], "kind": "analyze"})
    assert made.status_code == 202, made.text
    job = cloud.jobs.jobs.get(made.json["job_id"])
    assert job.inputs[0].origin == f"storage:{asset.storage_key}"
    (fetched,) = gather(Task.of(job, 1), cloud.settings, lambda *_: None)
    assert fetched.sha256 == hashlib.sha256(film).hexdigest()
    assert hashlib.sha256(fetched.path.read_bytes()).hexdigest() == fetched.sha256
    assert sender.delete(f"/api/assets/{asset.id}").status_code == 200
    assert asset.storage_key not in keys(cloud)


def test_an_upload_is_gone_on_with_and_a_lost_answer_does_no_harm(sender, cloud, film):
    upload = begin(sender, film)
    put(film, upload, upload["parts"][:1])
    assert_problem(sender.post(f"/api/v1/uploads/s3/{upload['id']}/complete", {}), 409, "parts_missing")
    state = sender.get(f"/api/v1/uploads/{upload['id']}").json
    assert (state["offset_bytes"], [part["number"] for part in state["parts"]]) == (upload["part_bytes"], [2])
    fresh = sender.post(f"/api/v1/uploads/s3/{upload['id']}/parts", {"numbers": [2]}).json["parts"]
    put(film, upload, fresh)
    first = sender.post(f"/api/v1/uploads/s3/{upload['id']}/complete", {}).json
    again = sender.post(f"/api/v1/uploads/s3/{upload['id']}/complete", {}).json
    assert first["asset_id"] == again["asset_id"]
    assert_problem(sender.post(f"/api/v1/uploads/s3/{upload['id']}/parts", {"numbers": [3]}), 422, "bad_part")


@pytest.mark.parametrize(
    ("content", "code"), [(b"these are words" * 10, "not_a_video"), (b"\0\0\0\x18ftypmp42cut off", "not_a_video")]
)
def test_what_is_no_video_is_refused_and_gone(sender, cloud, content, code):
    before = keys(cloud)
    upload = begin(sender, content)
    put(content, upload, upload["parts"])
    assert_problem(sender.post(f"/api/v1/uploads/s3/{upload['id']}/complete", {}), 415, code)
    assert keys(cloud) == before
    assert_problem(sender.get(f"/api/v1/uploads/{upload['id']}"), 404, "upload_not_found")


def test_another_size_than_announced_is_refused(sender, cloud, film):
    upload = begin(sender, film[:1000])
    put(film, upload, upload["parts"])
    assert_problem(sender.post(f"/api/v1/uploads/s3/{upload['id']}/complete", {}), 422, "wrong_size")


def test_a_cancelled_upload_and_one_that_expired_leave_no_parts(sender, cloud, film):
    bucket = videos_bucket(cloud.settings)
    for end in ("cancel", "expire"):
        upload = begin(sender, film)
        facts = cloud.uploads.get(upload["id"]).facts
        put(film, upload, upload["parts"][:1])
        assert len(bucket.parts(facts["key"], facts["upload_id"])) == 1
        if end == "cancel":
            assert sender.delete(f"/api/v1/uploads/s3/{upload['id']}").status_code == 200
        else:
            Retention(cloud.settings, cloud.database).prune(time.time() + 49 * 3600)
        assert_problem(sender.get(f"/api/v1/uploads/{upload['id']}"), 404, "upload_not_found")
        with pytest.raises(NotFound):
            bucket.parts(facts["key"], facts["upload_id"])


def test_parts_that_were_joined_and_never_examined_are_taken_up_again_or_go(sender, cloud, film):
    bucket, before = videos_bucket(cloud.settings), keys(cloud)
    upload = begin(sender, film)
    facts = cloud.uploads.get(upload["id"]).facts
    put(film, upload, upload["parts"])
    bucket.complete_parts(facts["key"], facts["upload_id"], bucket.parts(facts["key"], facts["upload_id"]))
    state = sender.get(f"/api/v1/uploads/{upload['id']}").json
    assert (state["offset_bytes"], state["parts"], state["asset_id"]) == (len(film), [], None)
    assert sender.delete(f"/api/v1/uploads/s3/{upload['id']}").status_code == 200
    assert facts["key"] in keys(cloud)  # whoever examines it just now finds it
    Retention(cloud.settings, cloud.database).prune(time.time() + 49 * 3600)
    assert keys(cloud) == before
    assert_problem(sender.get(f"/api/v1/uploads/{upload['id']}"), 404, "upload_not_found")


def test_limits_and_owners(sender, cloud, cloud_app, film):
    assert_problem(sender.post("/api/v1/uploads/s3", {"name": "a.mp4", "size_bytes": 0}), 422, "empty_file")
    assert_problem(sender.post("/api/v1/uploads/s3", {"name": "a.mp4", "size_bytes": 10**12}), 413, "too_large")
    upload = begin(sender, film)
    other = replace(cloud.uploads.get(upload["id"]), id="f" * 32, owner_id=None)
    cloud.uploads.add(other)
    assert_problem(sender.get(f"/api/v1/uploads/{other.id}"), 404, "upload_not_found")
    assert_problem(sender.delete(f"/api/v1/uploads/s3/{other.id}"), 404, "upload_not_found")


def test_pages_may_send_to_the_bucket_and_nowhere_else(sender, service):
    policy = sender.get("/api/v1/uploads/ways")
    assert policy.json["way"] == "s3"
    assert f"connect-src 'self' ws: wss: {service};" in policy.headers["Content-Security-Policy"]


def test_without_s3_there_is_none(operator):
    assert operator.get("/api/v1/uploads/ways").json["way"] == "tus"
    assert_problem(operator.post("/api/v1/uploads/s3", {"name": "a.mp4", "size_bytes": 5}), 409, "s3_not_in_use")
