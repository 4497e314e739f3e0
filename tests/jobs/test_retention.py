"""What is old goes, files and rows together; what is young or cannot be deleted stays."""

import os
import time

import pytest

from sightline.errors import StorageError
from sightline.jobs.retention import DAY_S, Pruned, Retention
from sightline.jobs.workspace import Workspace
from sightline.records.counters import CounterMinute, CounterMinutes
from sightline.records.events import Event, Events
from sightline.records.frames import Frames, KeptFrame
from sightline.records.jobs import Jobs, NewJob
from sightline.records.login_attempts import LoginAttempts
from sightline.settings import Settings
from sightline.storage import local_storage
from sightline.storage.local import LocalStorage

NOW = 1_800_000_000.0
OLD = NOW - 31 * DAY_S
YOUNG = NOW - 29 * DAY_S


@pytest.fixture
def retention(s3_settings, database) -> Retention:
    return Retention(s3_settings, database)


def _keep(settings, database, key: str, at: float, storage: str = "local") -> KeptFrame:
    stored = local_storage(settings).put(key, b"jpeg", "image/jpeg")
    frame = KeptFrame("door", "processed", key, storage, stored.sha256, stored.size_bytes, 640, 360, at)
    return Frames(database).add(frame)


def test_old_things_go_and_young_ones_stay(retention, s3_settings, database):
    _keep(s3_settings, database, "frames/old.jpg", OLD)
    young = _keep(s3_settings, database, "frames/young.jpg", YOUNG)
    Events(database).add_many([Event("door", "x", "", OLD), Event("door", "x", "", YOUNG)])
    CounterMinutes(database).add_many([CounterMinute("door", "zone", "Till", int(at // 60), 1) for at in (OLD, YOUNG)])
    attempts = LoginAttempts(database)
    attempts.record("a", NOW - 2 * DAY_S)
    attempts.record("a", NOW - 60)
    exports = s3_settings.data_dir / "exports"
    exports.mkdir()
    for name, at in (("old.csv", OLD), ("young.csv", YOUNG)):
        (exports / name).write_text("x")
        os.utime(exports / name, (at, at))

    assert retention.prune(NOW) == Pruned(frames=1, events=1, uploads=0, login_attempts=1, exports=1, counter_minutes=1)

    assert Frames(database).list() == (young,)
    assert [item.key for item in local_storage(s3_settings).list()] == ["frames/young.jpg"]
    assert [event.at for event in Events(database).list()] == [YOUNG]
    assert attempts.count_since("a", 0) == 1
    assert [path.name for path in exports.iterdir()] == ["young.csv"]
    assert retention.prune(NOW) == Pruned(0, 0, 0, 0, 0, 0)


def test_more_than_a_batch_goes_at_once(retention, s3_settings, database):
    for n in range(205):
        frame = KeptFrame("door", "raw", f"frames/{n}.jpg", "local", "0" * 64, 1, 1, 1, OLD)
        Frames(database).add(frame)
    assert retention.prune(NOW).frames == 205
    assert Frames(database).list() == ()


def test_a_file_that_cannot_be_deleted_keeps_its_row_and_does_not_stop_the_rest(retention, s3_settings, database, monkeypatch):
    stuck = _keep(s3_settings, database, "frames/stuck.jpg", OLD)
    _keep(s3_settings, database, "frames/old.jpg", OLD)
    really = LocalStorage.delete

    def refuse(self, key):
        if key == stuck.key:
            raise StorageError("The storage folder refused it.", code="disk_refused")
        really(self, key)

    monkeypatch.setattr(LocalStorage, "delete", refuse)
    assert retention.prune(NOW).frames == 1
    assert Frames(database).list() == (stuck,)
    monkeypatch.undo()
    assert retention.prune(NOW).frames == 1
    assert local_storage(s3_settings).list() == ()


def test_frames_in_a_bucket_are_deleted_there(retention, database, s3, bucket):
    s3.start()
    stored = bucket.put("frames/old.jpg", b"jpeg", "image/jpeg")
    Frames(database).add(KeptFrame("door", "raw", "frames/old.jpg", "s3", stored.sha256, 4, 1, 1, OLD))
    assert retention.prune(NOW).frames == 1
    assert bucket.list() == ()


def test_old_jobs_go_with_their_files_unless_pinned_and_folders_nobody_knows_go(retention, s3_settings, database):
    jobs = Jobs(database)
    old, pinned, waiting = (jobs.add(NewJob("analyze", [], {}, None, 60.0))[0] for _ in range(3))
    for job in (old, pinned):
        jobs.cancel(job.id)
    jobs.pin(pinned.id, True)
    folders = {job.id: Workspace(s3_settings, job.id) for job in (old, pinned, waiting)}
    for workspace in folders.values():
        workspace.begin("a", "of that")
    orphan = s3_settings.data_dir / "jobs" / "0123456789ab"
    orphan.mkdir()
    os.utime(orphan, (1.0, 1.0))
    retention.prune(time.time() + 31 * DAY_S)
    assert {job.id for job in jobs.page()} == {pinned.id, waiting.id}
    assert {path.name for path in (s3_settings.data_dir / "jobs").iterdir()} == {pinned.id, waiting.id}


def test_an_old_job_leaves_nothing_in_the_bucket_and_a_pinned_one_everything(s3, environ, database, bucket):
    s3.start()
    settings = Settings.from_env(environ | {"STORAGE_TYPE": "s3"})
    jobs = Jobs(database)
    old, pinned = (jobs.add(NewJob("analyze", [], {}, None, 60.0))[0].id for _ in range(2))
    names = ("film.mp4", "inputs/001-a.mp4", "attempts/1/result.json")
    for job_id in (old, pinned, f"{old}0"):
        for name in names:
            bucket.put(f"jobs/{job_id}/{name}", b"bytes", "application/octet-stream")
    for job_id in (old, pinned):
        jobs.cancel(job_id)
    jobs.pin(pinned, True)
    Retention(settings, database).prune(time.time() + 31 * DAY_S)
    left = {item.key for item in bucket.list("jobs/")}
    assert left == {f"jobs/{job_id}/{name}" for job_id in (pinned, f"{old}0") for name in names}
    s3.kill()
    jobs.pin(pinned, False)
    Retention(settings, database).prune(time.time() + 31 * DAY_S)
    assert [job.id for job in jobs.page()] == [pinned]  # its row stays as long as its files
