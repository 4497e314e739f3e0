"""Durable uploads: bytes and row are on this machine before anybody is told so, and reach S3 now or later, in order.

The web process enqueues (any thread); the worker's outbox thread is the only one that delivers. The files lie in
DATA_DIR/outbox, which all processes of an installation share.

What becomes of an error at delivery:
* S3 does not answer, is busy, or got damaged bytes: tried again after 1 s … 5 min, doubled each time, with jitter.
* Wrong bucket, credentials or settings: stays queued, tried every 5 minutes and at each start of the worker. A person has to
  change a setting, and nothing may be lost until then.
* S3 refuses just this object: given up after REFUSALS_MAX tries, so that it does not hold up the ones behind it for ever.
* The local file is missing or damaged: failed at once, with words.
"""

import fcntl
import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sightline.errors import Conflict, NotFound, SightlineError, StorageError, TooLarge
from sightline.records.database import Database
from sightline.records.outbox import NewOutboxItem, OutboxItem, OutboxItems, OutboxState
from sightline.settings import Settings
from sightline.storage import Storage, Stored, bucket_storage, check_key
from sightline.storage.contract import sha256_of
from sightline.storage.local import FULL, check_space, write_durably

log = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
LAST_RETRY_S = 300.0
REFUSALS_MAX = 5
ORPHAN_AGE_S = 3600.0
"""A file without a row may belong to an `enqueue` that has not written its row yet; after this time it does not."""
WAIT_POLL_S = 0.1

OpenStorage = Callable[[str], Storage]
"""Gives the storage of a bucket by its name."""


class Outbox:
    """The way in, for the web process; thread-safe."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._folder = outbox_folder(settings)
        self._reserve_bytes = settings.disk_reserve_bytes
        self._default_bucket = settings.s3_bucket
        self._items = OutboxItems(database)

    def enqueue(self, key: str, data: bytes | Path, content_type: str, bucket: str = "") -> OutboxItem:
        """Keep the bytes (or a copy of the file) durably, to be delivered to `bucket` (default S3_BUCKET_NAME).

        Raises:
            Conflict (`s3_not_configured`), Invalid (bad key), NotFound (no such file), StorageError (`disk_full`, `disk_refused`).
        """
        bucket = bucket or self._default_bucket
        if not bucket:
            raise Conflict("S3 is not set up: set S3_BUCKET_NAME.", code="s3_not_configured", settings=["S3_BUCKET_NAME"])
        check_key(key)
        name = f"{secrets.token_hex(16)}.bin"
        digest, size_bytes = self._keep(name, data)
        try:
            return self._items.add(NewOutboxItem(bucket, key, name, content_type, digest, size_bytes))
        except SightlineError:
            (self._folder / name).unlink(missing_ok=True)
            raise

    def wait_delivered(self, item_id: int, timeout_s: float) -> OutboxItem:
        """Return the item once it is delivered or failed, or as it is after `timeout_s`. Raises: NotFound."""
        deadline = time.monotonic() + timeout_s
        while True:
            item = self._items.get(item_id)
            if item.state != OutboxState.QUEUED or time.monotonic() >= deadline:
                return item
            time.sleep(min(WAIT_POLL_S, max(0.0, deadline - time.monotonic())))

    def local_copy(self, key: str) -> Path | None:
        """The file of the newest upload of `key` while it is not delivered, so that it can be shown before it has arrived."""
        item = self._items.by_key(key)
        path = None if item is None else self._folder / item.path
        return path if path is not None and path.is_file() else None

    def discard(self, key: str) -> None:
        """Forget the uploads of `key` that are not delivered, and their bytes: somebody deleted what they carry."""
        for name in self._items.discard(key):
            (self._folder / name).unlink(missing_ok=True)

    def _keep(self, name: str, data: bytes | Path) -> tuple[str, int]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            size_bytes = len(data) if isinstance(data, bytes) else data.stat().st_size
            check_space(self._folder, size_bytes, self._reserve_bytes)
            return write_durably(self._folder / name, data)
        except FileNotFoundError as err:
            raise NotFound("The file to upload is not there.", code="file_unreadable") from err
        except OSError as err:
            if err.errno in FULL:
                raise StorageError("The disk is full. Delete frames or files.", code="disk_full") from err
            message = f"DATA_DIR/outbox refused a file: {os.strerror(err.errno or 0)}. Check its rights."
            raise StorageError(message, code="disk_refused") from err


class Deliverer:
    """The way out, for the worker: one thread, and one process at a time (see `exclusive`)."""

    def __init__(self, settings: Settings, database: Database, open_storage: OpenStorage | None = None) -> None:
        self._folder = outbox_folder(settings)
        self._items = OutboxItems(database)
        self._open_storage = open_storage or (lambda bucket: bucket_storage(settings, bucket))
        self._storages: dict[str, Storage] = {}

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Hold the right to deliver; gives False when another worker has it. The kernel frees it when the process dies."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def wake_all(self) -> None:
        """Forget all waiting times: after a start the settings may be better ones."""
        self._items.wake_all()

    def deliver_due(self, stop: threading.Event | None = None) -> int:
        """Deliver everything that is due, oldest first; return how many were tried. `stop` ends it between two items."""
        tried = 0
        while not (stop is not None and stop.is_set()):
            item = self._items.next_due(time.time())
            if item is None:
                break
            self._deliver(item)
            tried += 1
        return tried

    def sweep(self) -> int:
        """Delete files that no undelivered item needs (left by a crash between two steps); return how many."""
        needed = self._items.needed_paths()
        young = time.time() - ORPHAN_AGE_S
        names = [path for path in self._folder.glob("*") if path.name not in needed and path.name != ".lock"]
        orphans = [path for path in names if path.is_file() and path.stat().st_mtime < young]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def _deliver(self, item: OutboxItem) -> None:
        path = self._folder / item.path
        damage = _damage(path, item)
        if damage:
            log.error("upload %d (%s) failed: %s", item.id, item.key, damage)
            self._items.mark_failed(item.id, damage)
            return
        self._items.mark_attempt(item.id)
        try:
            stored = self._put(item, path)
        except SightlineError as err:
            self._note_error(item, err)
            return
        self._items.mark_delivered(item.id, stored.url, time.time())
        path.unlink(missing_ok=True)
        log.info("upload %d delivered to bucket %s as %s (%d bytes)", item.id, item.bucket, item.key, item.size_bytes)

    def _put(self, item: OutboxItem, path: Path) -> Stored:
        storage = self._storage(item.bucket)
        if item.attempts > 0:
            # A try that was cut off may have arrived all the same: sending it again would make a second version of it.
            there = _stat_or_none(storage, item.key)
            if there is not None and (there.sha256, there.size_bytes) == (item.sha256, item.size_bytes):
                return there
        stored = storage.put(item.key, path, item.content_type)
        if (stored.sha256, stored.size_bytes) != (item.sha256, item.size_bytes):
            raise StorageError(f"The bytes of {item.key} changed while they were sent.", code="s3_checksum")
        return stored

    def _storage(self, bucket: str) -> Storage:
        if bucket not in self._storages:
            self._storages[bucket] = self._open_storage(bucket)
        return self._storages[bucket]

    def _note_error(self, item: OutboxItem, err: SightlineError) -> None:
        if _is_about_this_object(err) and item.attempts + 1 >= REFUSALS_MAX:
            log.error("upload %d (%s) failed: %s", item.id, item.key, err.message)
            self._items.mark_failed(item.id, err.message)
            return
        wait_s = retry_wait_s(item.attempts, err)
        log.warning("upload %d (%s) waits %.0f s: %s", item.id, item.key, wait_s, err.message)
        self._items.mark_retry(item.id, err.message, time.time() + wait_s)


def outbox_folder(settings: Settings) -> Path:
    return (settings.data_dir / "outbox").absolute()


def retry_wait_s(attempts: int, err: SightlineError) -> float:
    """Seconds until the next try, after `attempts` earlier ones. Jitter keeps several installations from knocking together."""
    if isinstance(err, StorageError) and not err.is_transient and not _is_about_this_object(err):
        return LAST_RETRY_S
    doubled = FIRST_RETRY_S * 2.0 ** min(attempts, 16)
    return min(LAST_RETRY_S, doubled * random.uniform(1.0, 1.5))


def _is_about_this_object(err: SightlineError) -> bool:
    return err.code == "s3_refused" or isinstance(err, TooLarge)


def _damage(path: Path, item: OutboxItem) -> str:
    """Words for what is wrong with the local file; empty when it is what was enqueued."""
    try:
        found = sha256_of(path)
    except FileNotFoundError:
        return "The local copy is gone from DATA_DIR/outbox; this upload cannot be delivered any more."
    except OSError as err:
        return f"The local copy in DATA_DIR/outbox cannot be read: {os.strerror(err.errno or 0)}."
    if found != (item.sha256, item.size_bytes):
        return "The local copy in DATA_DIR/outbox is damaged: its checksum is not the one of when it was kept."
    return ""


def _stat_or_none(storage: Storage, key: str) -> Stored | None:
    try:
        return storage.stat(key)
    except NotFound:
        return None
    except StorageError as err:
        # Who may not list a bucket is refused, instead of told "not found", for an object that is not there.
        if err.code == "s3_denied":
            return None
        raise
