"""Resumable uploads by tus 1.0: every break is gone on with, what is no video is refused, others see nothing of it."""

import base64
import fcntl
import hashlib
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.errors import StorageError
from sightline.jobs.retention import Retention
from sightline.records.uploads import PARTS
from sightline.web import tus_desk, upload_limits
from tests.clips import make_clip
from tests.web.callers import assert_problem, log_in

ROOT = "/api/v1/uploads/tus/"
CHUNK = "application/offset+octet-stream"


@pytest.fixture(scope="module")
def app(app_without_engine):
    return app_without_engine


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", frames=10).read_bytes()


@pytest.fixture(autouse=True)
def no_leftovers(parts):
    """Each test ends its uploads and leaves no part behind."""
    yield
    for upload in parts.uploads.expired(time.time() + 10**9):
        parts.tus._discard(upload)
    assert list((parts.settings.data_dir / "uploads" / PARTS).glob("*")) == []


def call(caller, method, path, body=None, **headers):
    named = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return caller.send(method, path, headers=named, data=body)


def begin(caller, size_bytes, name="film.mp4", body=None, **headers):
    told = base64.b64encode(name.encode()).decode()
    metadata = {"Upload_Length": str(size_bytes), "Upload_Metadata": f"filename {told},filetype dmlkZW8vbXA0"}
    return call(caller, "POST", ROOT, body, **metadata, **headers)


def patch(caller, path, offset, body, **headers):
    return call(caller, "PATCH", path, body, Upload_Offset=str(offset), Content_Type=CHUNK, **headers)


def offset(caller, path):
    answer = call(caller, "HEAD", path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    return int(answer.headers["Upload-Offset"])


def test_a_film_in_two_parts_becomes_a_video(operator, parts, film):
    begun = begin(operator, len(film), "My film.mp4")
    assert begun.status_code == 201
    assert begun.headers["Upload-Expires"].endswith("GMT")
    path = begun.headers["Location"]
    first = patch(operator, path, 0, film[:1000])
    assert (first.status_code, first.headers["Upload-Offset"], first.data) == (204, "1000", b"")
    assert offset(operator, path) == 1000
    last = patch(operator, path, 1000, film[1000:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(film)))
    asset = parts.assets.get(last.headers["Sightline-Asset"])
    assert (asset.original_name, asset.sha256) == ("My film.mp4", hashlib.sha256(film).hexdigest())
    assert (parts.settings.data_dir / "uploads" / asset.file_name).read_bytes() == film
    told = operator.get(f"/api/v1/uploads/{path.rpartition('/')[2]}").json
    assert (told["asset_id"], told["offset_bytes"]) == (asset.id, len(film))
    again = patch(operator, path, len(film), b"")
    assert again.headers["Sightline-Asset"] == asset.id
    assert call(operator, "DELETE", path).status_code == 204
    assert parts.assets.get(asset.id) == asset


def test_what_the_server_can_do_is_told_to_anybody(nobody):
    answer = nobody.send("OPTIONS", ROOT)
    assert (answer.status_code, answer.headers["Tus-Version"], answer.headers["Tus-Resumable"]) == (204, "1.0.0", "1.0.0")
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "creation-with-upload", "expiration", "checksum", "termination",
    }  # fmt: skip
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_the_first_part_may_come_with_the_creation(operator, film):
    begun = begin(operator, len(film), body=film, Content_Type=CHUNK)
    assert (begun.status_code, begun.headers["Upload-Offset"]) == (201, str(len(film)))
    assert begun.headers["Sightline-Asset"]


def test_a_part_may_be_larger_than_a_body_of_json(operator, film):
    free_bytes = 5_000_000
    large = film + free_bytes.to_bytes(4, "big") + b"free" + bytes(free_bytes - 8)
    path = begin(operator, len(large)).headers["Location"]
    assert "Sightline-Asset" in patch(operator, path, 0, large).headers


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_split_gives_the_same_file(operator, parts, film, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(film) - 1), max_size=5)))
    path = begin(operator, len(film)).headers["Location"]
    for start, end in zip([0, *cuts], [*cuts, len(film)], strict=True):
        name = data.draw(st.sampled_from([None, "sha1", "sha256"]))
        piece = film[start:end]
        digest = {"Upload_Checksum": f"{name} {base64.b64encode(hashlib.new(name, piece).digest()).decode()}"} if name else {}
        assert offset(operator, path) == start
        answer = patch(operator, path, start, piece, **digest)
        assert answer.status_code == 204
    assert parts.assets.get(answer.headers["Sightline-Asset"]).sha256 == hashlib.sha256(film).hexdigest()


def test_damaged_bytes_are_not_kept(operator, film):
    path = begin(operator, len(film)).headers["Location"]
    patch(operator, path, 0, film[:500])
    wrong = "sha1 " + base64.b64encode(hashlib.sha1(b"other", usedforsecurity=False).digest()).decode()
    assert_problem(patch(operator, path, 500, film[500:900], Upload_Checksum=wrong), 460, "checksum_mismatch")
    assert offset(operator, path) == 500
    assert_problem(patch(operator, path, 500, b"x", Upload_Checksum="md5 x"), 400, "bad_header")


def test_bytes_that_were_never_checked_do_not_count(operator, parts, film):
    path = begin(operator, len(film)).headers["Location"]
    folder = parts.settings.data_dir / "uploads" / PARTS
    upload_id = path.rpartition("/")[2]
    patch(operator, path, 0, film[:500])
    # As a request with a checksum leaves it that was killed in the middle.
    (folder / f"{upload_id}.since").write_text("500")
    with (folder / upload_id).open("ab") as file:
        file.write(b"unchecked")
    assert offset(operator, path) == 500
    assert "Sightline-Asset" in patch(operator, path, 500, film[500:]).headers


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus_Resumable": "0.2.2"}, 412, "tus_version"),
        ({"Upload_Length": "x"}, 400, "bad_header"),
        ({"Upload_Length": "-1"}, 400, "bad_header"),
        ({"Upload_Length": "0"}, 422, "empty_file"),
        ({"Upload_Length": str(10**14)}, 413, "too_large"),
        ({"Upload_Metadata": "filename !!"}, 400, "bad_header"),
        ({"Upload_Metadata": "a YQ==,a YQ=="}, 400, "bad_header"),
    ],
)
def test_wrong_words_are_refused(operator, headers, status, code):
    assert_problem(call(operator, "POST", ROOT, **({"Upload_Length": "10"} | headers)), status, code)


def test_another_offset_is_a_conflict_that_tells_the_right_one(operator, film):
    path = begin(operator, len(film)).headers["Location"]
    assert assert_problem(patch(operator, path, 7, b"x"), 409, "upload_offset")["offset_bytes"] == 0
    assert_problem(call(operator, "PATCH", path, b"x", Upload_Offset="0", Content_Type="video/mp4"), 415, "bad_content_type")
    assert_problem(patch(operator, path, 0, film + b"more"), 413, "too_large")


def test_two_writers_at_once_are_one_too_many(operator, parts, film):
    path = begin(operator, len(film)).headers["Location"]
    with (parts.settings.data_dir / "uploads" / PARTS / path.rpartition("/")[2]).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert_problem(patch(operator, path, 0, film), 423, "upload_busy")
        assert_problem(call(operator, "DELETE", path), 423, "upload_busy")
        assert offset(operator, path) == 0
    assert patch(operator, path, 0, film).status_code == 204


@pytest.mark.parametrize(
    ("content", "status", "code"), [(b"these are words" * 9, 415, "not_a_video"), (None, 422, "incomplete_video")]
)
def test_what_is_no_whole_video_is_refused_and_gone(operator, parts, film, content, status, code):
    content = content or film[: len(film) // 2]
    path = begin(operator, len(content)).headers["Location"]
    count = len(parts.assets.list())
    assert_problem(patch(operator, path, 0, content), status, code)
    assert call(operator, "HEAD", path).status_code == 404
    assert len(parts.assets.list()) == count


def test_an_examination_that_was_cut_off_is_done_when_somebody_asks(operator, parts, film):
    path = begin(operator, len(film)).headers["Location"]
    (parts.settings.data_dir / "uploads" / PARTS / path.rpartition("/")[2]).write_bytes(film)
    assert parts.assets.get(call(operator, "HEAD", path).headers["Sightline-Asset"]).size_bytes == len(film)


def test_killed_right_after_the_file_got_its_name(operator, parts, film):
    path = begin(operator, len(film)).headers["Location"]
    upload = parts.uploads.get(path.rpartition("/")[2])
    part = parts.settings.data_dir / "uploads" / PARTS / upload.id
    part.write_bytes(film)
    part.rename(parts.upload_desk.place_of(upload))
    assert parts.assets.get(call(operator, "HEAD", path).headers["Sightline-Asset"]).id == upload.id[:16]


def test_an_upload_is_its_owners_only(app, operator, admin, viewer, nobody, film):
    path = begin(operator, len(film)).headers["Location"]
    for other in (admin, log_in(app, "guest")):
        assert call(other, "HEAD", path).status_code == 404
        assert_problem(patch(other, path, 0, film), 404, "upload_not_found")
        assert_problem(call(other, "DELETE", path), 404, "upload_not_found")
    assert_problem(begin(viewer, 10), 403)
    assert_problem(begin(nobody, 10), 401)
    operator.csrf = ""
    assert begin(operator, 10).status_code == 403


def test_clients_that_know_only_post(operator, film):
    path = begin(operator, len(film)).headers["Location"]
    answer = call(operator, "POST", path, film[:5], Upload_Offset="0", Content_Type=CHUNK, X_HTTP_Method_Override="PATCH")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "5")
    assert_problem(call(operator, "POST", path, X_HTTP_Method_Override="TRACE"), 400, "bad_header")
    assert call(operator, "POST", path, X_HTTP_Method_Override="DELETE").status_code == 204
    assert call(operator, "HEAD", path).status_code == 404


def test_what_has_expired_is_swept(operator, parts, film):
    path = begin(operator, len(film)).headers["Location"]
    patch(operator, path, 0, film[:100])
    Retention(parts.settings, parts.database).prune(time.time() + 49 * 3600)
    assert call(operator, "HEAD", path).status_code == 404
    assert list((parts.settings.data_dir / "uploads" / PARTS).glob("*")) == []


def test_limits_of_one_user(operator, parts, film, monkeypatch):
    monkeypatch.setattr(upload_limits, "MOST_OPEN", 1)
    path = begin(operator, len(film)).headers["Location"]
    assert_problem(begin(operator, len(film)), 409, "too_many_uploads")
    call(operator, "DELETE", path)
    mine = parts.uploads.bytes_of(parts.users.by_name("operator").id)
    small = parts.settings.model_copy(update={"uploads_most_bytes_per_user": mine + len(film) - 1})
    monkeypatch.setattr(parts.tus._limits, "_settings", small)
    assert_problem(begin(operator, len(film)), 409, "upload_quota")
    assert begin(operator, len(film) - 1).status_code == 201


def test_a_full_disk_refuses_at_once_and_keeps_what_is_there(operator, parts, film, monkeypatch):
    path = begin(operator, len(film)).headers["Location"]
    patch(operator, path, 0, film[:100])
    full = parts.settings.model_copy(update={"disk_reserve_bytes": 10**18})
    with monkeypatch.context() as patched:
        patched.setattr(parts.tus, "_settings", full)
        patched.setattr(parts.tus._limits, "_settings", full)
        assert_problem(begin(operator, 10), 507, "disk_full")
        assert_problem(patch(operator, path, 100, film[100:]), 507, "disk_full")
    assert offset(operator, path) == 100
    assert patch(operator, path, 100, film[100:]).status_code == 204


def test_a_body_that_breaks_off_leaves_what_came(parts, film):
    pieces = [film[:300], film[300:700]]

    class Broken:
        def read(self, size):
            if not pieces:
                raise OSError("the line is dead")
            return pieces.pop(0)

    desk = parts.tus
    state = desk.begin({"Upload-Length": str(len(film))}, None)
    with pytest.raises(tus_desk.Invalid, match="broke off"):
        desk.write(state.upload.id, None, {"Upload-Offset": "0"}, Broken())
    assert desk.look(state.upload.id, None).offset_bytes == 700


def test_a_disk_that_is_really_full_is_told():
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises(StorageError) as caught:
        tus_desk._append(file, b"bytes")
    assert caught.value.code == "disk_full"
