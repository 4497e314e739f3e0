"""Uploads arrive: later, in order, once, and what cannot arrive says why."""

import os
import threading
import time
from pathlib import Path

import pytest

from sightline.errors import Conflict, Invalid, NotFound, StorageError
from sightline.jobs import outbox as module
from sightline.jobs.outbox import LAST_RETRY_S, REFUSALS_MAX, Deliverer, Outbox, outbox_folder, retry_wait_s
from sightline.records.outbox import OutboxItems, OutboxState
from sightline.settings import Settings
from sightline.storage import Storage
from sightline.storage.local import LocalStorage


class Bucket(LocalStorage):
    """A bucket in a folder, that can be told to refuse and remembers what it was sent."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.refusal: Exception | None = None
        self.sent: list[str] = []

    def put(self, key, data, content_type):
        if self.refusal:
            raise self.refusal
        self.sent.append(key)
        return super().put(key, data, content_type)


@pytest.fixture
def away(tmp_path) -> Bucket:
    return Bucket(tmp_path / "away")


@pytest.fixture
def deliverer(s3_settings, database, away) -> Deliverer:
    def open_storage(_bucket: str) -> Storage:
        return away

    return Deliverer(s3_settings, database, open_storage)


@pytest.fixture
def folder(s3_settings) -> Path:
    return outbox_folder(s3_settings)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if path.name != ".lock"]


def test_what_is_enqueued_is_delivered_and_its_copy_goes(outbox, deliverer, items, away, folder):
    item = outbox.enqueue("a/1.jpg", b"bytes", "image/jpeg")
    assert (item.bucket, item.size_bytes, item.state) == ("frames", 5, OutboxState.QUEUED)
    assert outbox.local_copy("a/1.jpg").read_bytes() == b"bytes"
    assert deliverer.deliver_due() == 1
    done = items.get(item.id)
    assert (done.state, done.url, done.attempts, done.last_error) == (OutboxState.DELIVERED, away.url("a/1.jpg"), 1, "")
    assert away.get("a/1.jpg", item.sha256) == b"bytes"
    assert _files(folder) == []
    assert outbox.local_copy("a/1.jpg") is None


def test_a_file_is_copied_and_may_be_deleted_at_once(outbox, deliverer, away, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"film" * 100_000)
    outbox.enqueue("clip.mp4", clip, "video/mp4")
    clip.unlink()
    deliverer.deliver_due()
    assert away.get("clip.mp4") == b"film" * 100_000


def test_nothing_is_enqueued_that_could_never_be_delivered(outbox, items, folder, tmp_path, settings, database):
    with pytest.raises(Invalid):
        outbox.enqueue("../a", b"x", "text/plain")
    with pytest.raises(NotFound):
        outbox.enqueue("a", tmp_path / "none", "text/plain")
    with pytest.raises(Conflict) as caught:
        Outbox(settings, database).enqueue("a", b"x", "text/plain")
    assert "S3_BUCKET_NAME" in caught.value.message
    assert items.list() == ()
    assert not folder.exists() or _files(folder) == []


def test_a_full_disk_is_told_to_the_caller(environ, database, items):
    full = Outbox(Settings.from_env(environ | {"DISK_RESERVE": str(1 << 60)}), database)
    with pytest.raises(StorageError) as caught:
        full.enqueue("a", b"x", "text/plain")
    assert caught.value.code == "disk_full"
    assert items.list() == ()


def test_no_file_is_left_when_the_row_cannot_be_written(outbox, database, folder, monkeypatch):
    monkeypatch.setattr(OutboxItems, "add", lambda *_: (_ for _ in ()).throw(StorageError("x", code="database_unavailable")))
    with pytest.raises(StorageError):
        outbox.enqueue("a", b"x", "text/plain")
    assert _files(folder) == []


def test_while_s3_is_away_everything_waits_behind_the_oldest(outbox, deliverer, items, away):
    first = outbox.enqueue("1", b"1", "text/plain")
    second = outbox.enqueue("2", b"2", "text/plain")
    away.refusal = StorageError("S3 does not answer.", code="s3_unreachable")
    before = time.time()
    assert deliverer.deliver_due() == 1
    waiting = items.get(first.id)
    assert (waiting.state, waiting.attempts, waiting.last_error) == (OutboxState.QUEUED, 1, "S3 does not answer.")
    assert before + 1.0 <= waiting.not_before <= time.time() + 1.5
    assert items.get(second.id).attempts == 0
    away.refusal = None
    deliverer.wake_all()
    assert deliverer.deliver_due() == 2
    assert away.sent == ["1", "2"]


@pytest.mark.parametrize("code", ["s3_no_bucket", "s3_denied", "s3_no_credentials", "s3_bad_settings"])
def test_wrong_settings_lose_nothing_however_often_it_is_tried(outbox, deliverer, items, away, code):
    item = outbox.enqueue("1", b"1", "text/plain")
    away.refusal = StorageError("Correct the settings.", code=code, is_transient=False)
    for _ in range(REFUSALS_MAX * 2):
        deliverer.wake_all()
        deliverer.deliver_due()
    waiting = items.get(item.id)
    assert (waiting.state, waiting.last_error) == (OutboxState.QUEUED, "Correct the settings.")
    assert waiting.not_before > time.time() + LAST_RETRY_S / 2
    away.refusal = None
    items.requeue(item.id)
    deliverer.deliver_due()
    assert items.get(item.id).state == OutboxState.DELIVERED


def test_an_object_that_s3_does_not_want_does_not_block_the_others_for_ever(outbox, deliverer, items, away):
    bad, good = outbox.enqueue("bad", b"1", "text/plain"), outbox.enqueue("good", b"2", "text/plain")
    away.refusal = StorageError("S3 refused bad (InvalidArgument).", code="s3_refused", is_transient=False)
    for _ in range(REFUSALS_MAX - 1):
        deliverer.wake_all()
        assert deliverer.deliver_due() == 1
    deliverer.wake_all()
    away.refusal = None
    given_up = StorageError("S3 refused bad (InvalidArgument).", code="s3_refused", is_transient=False)
    refusing = away.put
    away.put = lambda key, *rest: (_ for _ in ()).throw(given_up) if key == "bad" else refusing(key, *rest)
    deliverer.deliver_due()
    assert (items.get(bad.id).state, items.get(bad.id).last_error) == (OutboxState.FAILED, given_up.message)
    assert items.get(good.id).state == OutboxState.DELIVERED


def test_a_damaged_copy_is_never_sent(outbox, deliverer, items, away, folder):
    item = outbox.enqueue("1", b"bytes", "text/plain")
    (folder / item.path).write_bytes(b"bytez")
    outbox.enqueue("2", b"next", "text/plain")
    deliverer.deliver_due()
    failed = items.get(item.id)
    assert failed.state == OutboxState.FAILED
    assert "checksum" in failed.last_error
    assert away.sent == ["2"]


def test_a_lost_copy_is_told(outbox, deliverer, items, folder):
    item = outbox.enqueue("1", b"bytes", "text/plain")
    (folder / item.path).unlink()
    deliverer.deliver_due()
    assert items.get(item.id).state == OutboxState.FAILED
    assert "gone" in items.get(item.id).last_error


def test_other_bytes_at_the_other_end_are_sent_again(outbox, deliverer, items, away, monkeypatch):
    item = outbox.enqueue("1", b"bytes", "text/plain")
    really = LocalStorage.put
    monkeypatch.setattr(LocalStorage, "put", lambda self, key, data, kind: really(self, key, b"bytez", kind))
    deliverer.deliver_due()
    assert items.get(item.id).state == OutboxState.QUEUED
    monkeypatch.undo()
    deliverer.wake_all()
    deliverer.deliver_due()
    assert items.get(item.id).state == OutboxState.DELIVERED
    assert away.get("1") == b"bytes"


def test_what_had_arrived_before_a_crash_is_not_sent_again(outbox, deliverer, items, away, monkeypatch):
    item = outbox.enqueue("1", b"bytes", "text/plain")
    monkeypatch.setattr(OutboxItems, "mark_delivered", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        deliverer.deliver_due()
    monkeypatch.undo()
    assert items.get(item.id).state == OutboxState.QUEUED
    deliverer.deliver_due()
    assert items.get(item.id).state == OutboxState.DELIVERED
    assert away.sent == ["1"]


def test_credentials_that_may_only_write_are_enough_for_a_second_try(outbox, deliverer, items, away, monkeypatch):
    item = outbox.enqueue("1", b"bytes", "text/plain")
    items.mark_attempt(item.id)
    denied = StorageError("S3 refuses our credentials.", code="s3_denied", is_transient=False)
    monkeypatch.setattr(away, "stat", lambda _key: (_ for _ in ()).throw(denied))
    deliverer.deliver_due()
    assert items.get(item.id).state == OutboxState.DELIVERED


def test_only_one_worker_delivers(deliverer, s3_settings, database):
    other = Deliverer(s3_settings, database)
    with deliverer.exclusive() as mine:
        assert mine
        with other.exclusive() as theirs:
            assert not theirs
    with other.exclusive() as theirs:
        assert theirs


def test_stop_ends_it_between_two_items(outbox, deliverer, items, away):
    for n in range(3):
        outbox.enqueue(str(n), b"x", "text/plain")
    stop = threading.Event()
    refusing = away.put
    away.put = lambda *args: (stop.set(), refusing(*args))[1]
    assert deliverer.deliver_due(stop) == 1
    assert items.backlog().count == 2


def test_leftovers_of_crashes_are_swept_but_nothing_that_is_needed(outbox, deliverer, folder, items):
    needed = outbox.enqueue("1", b"x", "text/plain")
    (folder / "old.bin").write_bytes(b"x")
    (folder / ".old.bin.00.part").write_bytes(b"x")
    (folder / "young.bin").write_bytes(b"x")
    long_ago = time.time() - module.ORPHAN_AGE_S - 10
    for name in (needed.path, "old.bin", ".old.bin.00.part"):
        os.utime(folder / name, (long_ago, long_ago))
    assert deliverer.sweep() == 2
    assert {path.name for path in _files(folder)} == {needed.path, "young.bin"}


def test_what_is_discarded_is_never_sent_and_the_rest_is(outbox, deliverer, items, away, folder):
    done = outbox.enqueue("1", b"x", "text/plain")
    deliverer.deliver_due()
    outbox.enqueue("1", b"y", "text/plain")
    outbox.enqueue("2", b"z", "text/plain")
    outbox.discard("1")
    assert len(_files(folder)) == 1
    deliverer.deliver_due()
    assert away.sent == ["1", "2"]
    assert away.get("1") == b"x"
    assert items.get(done.id).state == OutboxState.DELIVERED


def test_waiting_ends_with_the_delivery_or_with_the_time(outbox, deliverer):
    item = outbox.enqueue("1", b"x", "text/plain")
    assert outbox.wait_delivered(item.id, timeout_s=0.05).state == OutboxState.QUEUED
    timer = threading.Timer(0.1, deliverer.deliver_due)
    timer.start()
    assert outbox.wait_delivered(item.id, timeout_s=20).state == OutboxState.DELIVERED
    timer.join()
    with pytest.raises(NotFound):
        outbox.wait_delivered(99, timeout_s=1)


def test_waits_grow_from_a_second_to_five_minutes():
    away = StorageError("x", code="s3_unreachable")
    assert 1.0 <= retry_wait_s(0, away) <= 1.5
    assert 8.0 <= retry_wait_s(3, away) <= 12.0
    assert retry_wait_s(9, away) == LAST_RETRY_S
    assert retry_wait_s(10_000, away) == LAST_RETRY_S
    assert len({retry_wait_s(3, away) for _ in range(20)}) > 1
    assert retry_wait_s(0, StorageError("x", code="s3_no_bucket", is_transient=False)) == LAST_RETRY_S
