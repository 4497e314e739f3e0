"""The local folder: complete or absent, also when the disk is full or two write at once."""

import errno
import os
import threading

import pytest

from sightline.errors import Invalid, NotFound, StorageError
from sightline.storage.local import LocalStorage, write_durably


@pytest.fixture
def storage(tmp_path) -> LocalStorage:
    return LocalStorage(tmp_path / "storage")


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_nothing_is_kept_below_the_disk_reserve(tmp_path):
    storage = LocalStorage(tmp_path / "storage", reserve_bytes=1 << 60)
    with pytest.raises(StorageError) as caught:
        storage.put("a", b"x", "text/plain")
    assert caught.value.code == "disk_full"
    assert "DISK_RESERVE" in caught.value.message
    assert _files(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EIO, "disk_refused")]
)
def test_a_write_that_breaks_off_leaves_the_old_object(storage, tmp_path, monkeypatch, number, code):
    storage.put("a", b"old", "text/plain")

    def refuse(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError) as caught:
        storage.put("a", b"new", "text/plain")
    assert caught.value.code == code
    assert storage.get("a") == b"old"
    assert len(_files(tmp_path)) == 1


def test_a_half_written_file_of_a_crash_is_not_an_object(storage, tmp_path):
    storage.put("a/1", b"x", "text/plain")
    (tmp_path / "storage/a/.2.0000.part").write_bytes(b"half")
    assert [item.key for item in storage.list()] == ["a/1"]


def test_a_key_that_runs_through_an_object_is_refused(storage):
    storage.put("a", b"x", "text/plain")
    storage.put("d/e", b"x", "text/plain")
    for key in ("a/b", "a/b/c", "d"):
        with pytest.raises(Invalid):
            storage.put(key, b"y", "text/plain")
    for key in ("a/b", "d"):
        with pytest.raises(NotFound):
            storage.get(key)
        storage.delete(key)
    assert [item.key for item in storage.list()] == ["a", "d/e"]


def test_delete_leaves_no_empty_folders(storage, tmp_path):
    storage.put("a/b/c/1", b"x", "text/plain")
    storage.put("a/2", b"x", "text/plain")
    storage.delete("a/b/c/1")
    assert [path.name for path in (tmp_path / "storage/a").iterdir()] == ["2"]


def test_a_reader_sees_the_old_bytes_or_the_new_never_a_mixture(storage):
    versions = [bytes([n]) * 200_000 for n in range(4)]
    storage.put("a", versions[0], "text/plain")
    done = threading.Event()
    torn: list[int] = []

    def read():
        while not done.is_set():
            data = storage.get("a")
            if data not in versions:
                torn.append(len(data))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for version in versions * 5:
        storage.put("a", version, "text/plain")
    done.set()
    for reader in readers:
        reader.join()
    assert torn == []


def test_deleting_and_writing_side_by_side_loses_nothing(storage):
    def churn(name: str):
        for _ in range(150):
            storage.put(f"x/y/{name}", b"1", "text/plain")
            storage.delete(f"x/y/{name}")
        storage.put(f"x/y/{name}", b"1", "text/plain")

    threads = [threading.Thread(target=churn, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [item.key for item in storage.list()] == ["x/y/a", "x/y/b", "x/y/c"]


def test_write_durably_syncs_the_file_and_then_its_folder(tmp_path, monkeypatch):
    synced: list[str] = []
    really = os.fsync

    def note(descriptor):
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_durably(tmp_path / "deep" / "file", b"x")
    assert synced[0].endswith(".part")
    assert synced[1] == "deep"
