"""The worker as a process, against an S3 service that dies, hangs and comes back."""

import logging
import signal
import subprocess
import sys
import threading

import pytest

from sightline.jobs.outbox import Outbox, outbox_folder
from sightline.records.frames import Frames, KeptFrame
from sightline.records.outbox import OutboxState
from sightline.storage import local_storage
from sightline.worker import Duty, Worker

pytestmark = pytest.mark.system


@pytest.fixture
def start_worker(environ, root, tmp_path):
    """Starts a worker process; all are killed at the end. Their log is in `worker.log`."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "worker.log").open("ab") as log:
            command = [sys.executable, "-m", "sightline.worker"]
            process = subprocess.Popen(command, cwd=root, env=environ | {"LOG_LEVEL": "INFO"}, stdout=log, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def all_delivered(items, wait_until):
    def wait() -> None:
        wait_until(lambda: items.backlog().count == 0, timeout_s=60, what="an empty backlog")
        assert {item.state for item in items.list()} == {OutboxState.DELIVERED}

    return wait


def _enqueue(outbox: Outbox, first: int, last: int) -> list[str]:
    keys = [f"frames/{n:02}.jpg" for n in range(first, last)]
    for key in keys:
        outbox.enqueue(key, key.encode() * 1000, "image/jpeg")
    return keys


def test_s3_dies_and_comes_back_and_everything_arrives_in_order_once(
    s3, s3_settings, outbox, items, bucket, start_worker, all_delivered, wait_until
):
    s3.start()
    start_worker()
    keys = _enqueue(outbox, 0, 3)
    all_delivered()
    s3.kill()
    keys += _enqueue(outbox, 3, 9)
    wait_until(lambda: items.next_due(1e12).attempts > 0, what="a try while S3 is away")
    assert items.backlog().count == 6
    s3.start()
    all_delivered()
    assert s3.puts() == keys
    for key in keys[3:]:
        assert bucket.get(key) == key.encode() * 1000
    folder = outbox_folder(s3_settings)
    wait_until(lambda: [path.name for path in folder.iterdir()] == [".lock"], what="the deletion of the last local copy")


def test_a_worker_killed_in_the_middle_of_an_upload_goes_on_after_a_restart(
    s3, outbox, items, start_worker, all_delivered, wait_until
):
    s3.start()
    s3.pause()
    keys = _enqueue(outbox, 0, 5)
    worker = start_worker()
    wait_until(lambda: items.next_due(1e12).attempts == 1, what="an upload in progress")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert items.backlog().count == 5
    s3.resume()
    start_worker()
    all_delivered()
    assert s3.puts() == keys


def test_a_killed_worker_loses_nothing_while_many_wait(s3, outbox, start_worker, all_delivered, wait_until):
    s3.start()
    keys = _enqueue(outbox, 0, 20)
    worker = start_worker()
    wait_until(lambda: len(s3.puts()) >= 3, what="three uploads")
    worker.kill()
    worker.wait()
    keys += _enqueue(outbox, 20, 23)
    start_worker()
    all_delivered()
    assert s3.puts() == keys


def test_a_wrong_bucket_is_told_and_everything_waits_until_it_is_right(s3, outbox, items, start_worker, all_delivered, wait_until):
    s3.start(with_bucket=False)
    start_worker()
    keys = _enqueue(outbox, 0, 2)
    wait_until(lambda: items.next_due(1e12).last_error, what="an error in words")
    waiting = items.next_due(1e12)
    assert "no bucket frames" in waiting.last_error
    assert waiting.state == OutboxState.QUEUED
    s3.make_bucket()
    items.requeue(waiting.id)
    all_delivered()
    assert s3.puts() == keys


def test_a_restart_tries_at_once_what_had_to_wait_for_a_setting(s3, outbox, items, start_worker, all_delivered):
    s3.start()
    keys = _enqueue(outbox, 0, 2)
    items.mark_retry(items.next_due(0).id, "S3 has no bucket", not_before=1e12)
    start_worker()
    all_delivered()
    assert s3.puts() == keys


def test_a_damaged_copy_fails_with_words_and_the_next_arrives(s3, s3_settings, outbox, items, start_worker, wait_until):
    s3.start()
    _enqueue(outbox, 0, 2)
    bad, good = sorted(items.list(), key=lambda item: item.id)
    (outbox_folder(s3_settings) / bad.path).write_bytes(b"other bytes")
    start_worker()
    wait_until(lambda: items.backlog().count == 0, timeout_s=60, what="an empty backlog")
    assert items.get(bad.id).state == OutboxState.FAILED
    assert "checksum" in items.get(bad.id).last_error
    assert items.get(good.id).state == OutboxState.DELIVERED
    assert s3.puts() == [good.key]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_although_s3_hangs(s3, outbox, items, start_worker, wait_until, number):
    s3.start()
    s3.pause()
    _enqueue(outbox, 0, 1)
    worker = start_worker()
    wait_until(lambda: items.next_due(1e12).attempts == 1, what="an upload in progress")
    worker.send_signal(number)
    assert worker.wait(timeout=15) == 0  # the upload itself would hang for 20 s and then be repeated
    assert items.backlog().count == 1


def test_a_second_worker_waits_until_the_first_is_gone(s3, outbox, start_worker, all_delivered, tmp_path, wait_until):
    s3.start()
    first = start_worker()
    keys = _enqueue(outbox, 0, 2)
    all_delivered()
    start_worker()
    wait_until(lambda: (tmp_path / "worker.log").read_text().count("worker is ready") == 2, what="the second worker")
    keys += _enqueue(outbox, 2, 6)
    all_delivered()
    assert s3.puts() == keys
    first.kill()
    first.wait()
    keys += _enqueue(outbox, 6, 8)
    all_delivered()
    assert s3.puts() == keys


def test_nothing_secret_is_in_its_log(s3, outbox, items, start_worker, tmp_path, wait_until):
    start_worker()
    _enqueue(outbox, 0, 1)
    wait_until(lambda: items.next_due(1e12).last_error, what="an error in words")
    log = (tmp_path / "worker.log").read_text()
    assert "S3 does not answer" in log
    assert "very-secret" not in log
    assert "key-id" not in log
    assert "Traceback" not in log


def test_it_deletes_old_frames_at_its_start(s3_settings, database, start_worker, wait_until):
    stored = local_storage(s3_settings).put("frames/old.jpg", b"jpeg", "image/jpeg")
    Frames(database).add(KeptFrame("door", "raw", "frames/old.jpg", "local", stored.sha256, 4, 1, 1, 1000.0))
    start_worker()
    wait_until(lambda: not Frames(database).list(), what="the deletion of the old frame")
    assert local_storage(s3_settings).list() == ()


@pytest.mark.parametrize(
    ("setting", "value", "code"), [("DATABASE_URL", "nonsense", 2), ("DATABASE_URL", "postgresql://x:pass-word@127.0.0.1:1/y", 1)]
)
def test_it_says_why_it_cannot_begin(environ, root, setting, value, code):
    command = [sys.executable, "-m", "sightline.worker"]
    done = subprocess.run(
        command, cwd=root, env=environ | {setting: value}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code
    assert setting in done.stderr
    assert "pass-word" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_duty_that_fails_is_logged_and_goes_on(s3_settings, monkeypatch, caplog):
    monkeypatch.setattr("sightline.worker.PAUSE_AFTER_ERROR_S", 0.0)
    worker = Worker(s3_settings)
    calls: list[int] = []

    def work(stop: threading.Event) -> None:
        calls.append(1)
        if len(calls) == 3:
            stop.set()
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR):
        worker._repeat(Duty("mending", 0.0, work))
    assert len(calls) == 3
    assert "mending failed" in caplog.text
    assert "ValueError: broken" in caplog.text
    worker._database.close()
