"""What is deleted after FRAMES_KEEP_DAYS: kept frames, events, counters, exports, delivered uploads; failed
logins after a day; uploads in parts after UPLOADS_KEEP_HOURS.

Run by the worker's retention thread once an hour. Files go before their rows: a file that cannot be deleted keeps its row and
is tried again, so no file is ever left that nobody knows of.
"""

import logging
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass

from sightline.errors import SightlineError
from sightline.jobs.outbox import Outbox
from sightline.jobs.removal import remove_files
from sightline.jobs.upload_sweep import UploadSweep
from sightline.records.counters import CounterMinutes
from sightline.records.database import Database
from sightline.records.events import Events
from sightline.records.frames import Frames, KeptFrame
from sightline.records.jobs import Jobs
from sightline.records.login_attempts import LoginAttempts
from sightline.records.outbox import OutboxItems
from sightline.settings import Settings
from sightline.storage import Storage, storage_named

log = logging.getLogger(__name__)

DAY_S = 86_400.0
LOGIN_ATTEMPTS_KEEP_S = DAY_S
ORPHAN_AGE_S = DAY_S


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was deleted."""

    frames: int
    events: int
    uploads: int
    login_attempts: int
    exports: int
    counter_minutes: int


class Retention:
    """Deletes what is too old. One thread at a time."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._frames = Frames(database)
        self._events = Events(database)
        self._counters = CounterMinutes(database)
        self._outbox = Outbox(settings, database)
        self._uploads = OutboxItems(database)
        self._attempts = LoginAttempts(database)
        self._jobs = Jobs(database)
        self._parts = UploadSweep(settings, database)

    def prune(self, now: float | None = None) -> Pruned:
        """Delete everything that is too old at `now` (epoch s; default the clock)."""
        now = time.time() if now is None else now
        before = now - self._settings.frames_keep_days * DAY_S
        self._prune_jobs(now - self._settings.jobs_keep_days * DAY_S)
        self._parts.sweep(now)
        pruned = Pruned(
            frames=self._prune_frames(before),
            events=self._events.prune(before),
            uploads=self._uploads.prune(before),
            login_attempts=self._attempts.prune(now - LOGIN_ATTEMPTS_KEEP_S),
            exports=self._prune_exports(before),
            counter_minutes=self._counters.prune(before),
        )
        log.info("deleted after %d days: %s", self._settings.frames_keep_days, pruned)
        return pruned

    def _prune_frames(self, before: float) -> int:
        storages: dict[str, Storage] = {}
        count = 0
        last_id = 0
        while batch := self._frames.older_than(before, after_id=last_id):
            count += sum(self._delete_frame(frame, storages) for frame in batch)
            last_id = batch[-1].id or 0
        return count

    def _delete_frame(self, frame: KeptFrame, storages: dict[str, Storage]) -> bool:
        try:
            if frame.storage not in storages:
                storages[frame.storage] = storage_named(self._settings, frame.storage)
            storages[frame.storage].delete(frame.key)
            self._outbox.discard(frame.key)
            self._frames.delete(frame.id or 0)
        except SightlineError as err:
            log.warning("kept frame %s stays: %s", frame.key, err.message)
            return False
        return True

    def _prune_jobs(self, before: float) -> None:
        """Ended jobs with their working files and results."""
        for job in self._jobs.outdated(before):
            try:
                remove_files(job.id, self._settings)
            except SightlineError as err:
                log.warning("job %s stays: %s", job.id, err.message)
                continue
            self._jobs.purge([job.id])
        self._sweep_job_folders()

    def _sweep_job_folders(self) -> None:
        """Folders that no row knows: the web was killed between receiving the files and entering the job."""
        young = time.time() - ORPHAN_AGE_S
        for folder in (self._settings.data_dir / "jobs").glob("*"):
            with suppress(FileNotFoundError):  # its job was deleted just now
                if folder.stat().st_mtime < young and not self._jobs.is_known(folder.name):
                    shutil.rmtree(folder, ignore_errors=True)

    def _prune_exports(self, before: float) -> int:
        files = (path for path in (self._settings.data_dir / "exports").glob("*") if path.is_file())
        old = [path for path in files if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
