"""What every storage keeps: the same suite over the local folder and over S3 (a real HTTP endpoint)."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from sightline.errors import Invalid, NotFound, StorageError
from sightline.storage import Storage, check_key
from sightline.storage.local import LocalStorage
from sightline.storage.s3 import S3Access, S3Storage

JPEG = b"\xff\xd8 not quite a picture \xff\xd9"
BUCKET = "contract"


@pytest.fixture(scope="module")
def s3_access():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield S3Access(f"http://{host}:{port}", "us-east-1", "key-id", "very-secret")
    finally:
        server.stop()


@pytest.fixture(params=["local", "s3"])
def storage(request, tmp_path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "storage")
    place = S3Storage(BUCKET, request.getfixturevalue("s3_access"))
    place._client.create_bucket(Bucket=BUCKET)
    for item in place.list():
        place.delete(item.key)
    return place


def test_put_tells_digest_size_and_address_and_get_gives_the_bytes(storage):
    stored = storage.put("frames/door/1.jpg", JPEG, "image/jpeg")
    assert (stored.key, stored.sha256, stored.size_bytes) == ("frames/door/1.jpg", hashlib.sha256(JPEG).hexdigest(), len(JPEG))
    assert stored.url == storage.url("frames/door/1.jpg")
    assert stored.url.endswith("frames/door/1.jpg")
    assert storage.get("frames/door/1.jpg") == JPEG
    assert storage.get("frames/door/1.jpg", stored.sha256) == JPEG
    assert storage.stat("frames/door/1.jpg") == stored


def test_put_copies_a_file(storage, tmp_path):
    source = tmp_path / "clip.mp4"
    source.write_bytes(bytes(range(256)) * 9000)
    stored = storage.put("clips/clip.mp4", source, "video/mp4")
    assert stored.size_bytes == 256 * 9000
    assert source.exists()
    with storage.open("clips/clip.mp4") as file:
        assert file.read() == source.read_bytes()


def test_pieces_begin_where_they_are_asked_for(storage):
    storage.put("clips/a", bytes(range(256)), "application/octet-stream")
    assert b"".join(storage.pieces("clips/a")) == bytes(range(256))
    assert b"".join(storage.pieces("clips/a", 250)) == bytes(range(250, 256))
    with pytest.raises(NotFound):
        next(storage.pieces("clips/b"))


def test_an_empty_object_is_an_object(storage):
    assert storage.put("empty", b"", "text/plain").size_bytes == 0
    assert storage.get("empty") == b""


def test_put_replaces(storage):
    storage.put("a", b"first", "text/plain")
    storage.put("a", b"second", "text/plain")
    assert storage.get("a") == b"second"
    assert [item.key for item in storage.list()] == ["a"]


def test_what_is_not_there_is_not_found(storage):
    for ask in (storage.get, storage.open, storage.stat):
        with pytest.raises(NotFound) as caught:
            ask("no/such/thing")
        assert caught.value.code == "object_not_found"


def test_delete_is_idempotent(storage):
    storage.put("a/b/c", b"x", "text/plain")
    storage.delete("a/b/c")
    storage.delete("a/b/c")
    assert storage.list() == ()
    with pytest.raises(NotFound):
        storage.get("a/b/c")


def test_list_is_sorted_and_takes_any_prefix(storage):
    for key in ("b/2", "b/1", "a/1", "ab"):
        storage.put(key, b"12", "text/plain")
    assert [item.key for item in storage.list()] == ["a/1", "ab", "b/1", "b/2"]
    assert [item.key for item in storage.list("b/")] == ["b/1", "b/2"]
    assert [item.key for item in storage.list("a")] == ["a/1", "ab"]
    assert storage.list("c/d") == ()
    assert storage.list("b/1")[0].size_bytes == 2
    assert storage.list("b/1")[0].modified_at > 1_600_000_000


def test_unusual_but_legal_keys(storage):
    for key in ("Größe 5%/a+b&c=d?.jpg", "frames/日本/1.jpg", "a~b/(1).txt"):
        storage.put(key, key.encode(), "text/plain")
        assert storage.get(key) == key.encode()
        assert [item.key for item in storage.list(key)] == [key]
        assert " " not in storage.url(key)


@pytest.mark.parametrize(
    "key",
    [
     "", "/etc/passwd", "../x", "a/../../x", "a/..", ".", "a//b", "a/", "a\x00b", "a\nb", "a\\..\\b", "a/.hidden", ".part",
     "x" * 201,     "/".join(["x" * 150] * 4), "\ud800",
    ],
)  # fmt: skip
def test_bad_keys_are_refused_by_every_method(storage, key):
    calls = (
        lambda: storage.put(key, b"", "text/plain"), lambda: storage.get(key), lambda: storage.open(key), lambda: storage.stat(key),
        lambda: storage.delete(key), lambda: storage.url(key),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(Invalid) as caught:
            call()
        assert caught.value.code == "bad_key"


def test_a_digest_that_does_not_fit_is_reported(storage):
    storage.put("a", b"bytes", "text/plain")
    with pytest.raises(StorageError) as caught:
        storage.get("a", hashlib.sha256(b"other").hexdigest())
    assert caught.value.code == "corrupt"
    assert not caught.value.is_transient


def test_a_file_that_is_missing_is_not_found(storage, tmp_path):
    with pytest.raises(NotFound):
        storage.put("a", tmp_path / "none.mp4", "video/mp4")
    assert storage.list() == ()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_no_accepted_key_leaves_the_folder(tmp_path, key):
    root = tmp_path / "root"
    try:
        check_key(key)
    except Invalid:
        return
    path = LocalStorage(root).path(key)
    assert Path(*path.parts) == path
    assert path.resolve().is_relative_to(root.resolve())
    assert path.resolve() != root.resolve()
