"""Our side, first half: waiting jobs are made ready for machines of others. Their footage is put where those can read it.

Runs in threads of the worker. What `Looks` does from there on begins with the handing over itself.
"""

import hashlib
import hmac
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sightline.errors import JobError, NotFound, SightlineError, StorageError
from sightline.jobs.carriers.remote import RemoteCarrier
from sightline.jobs.commands import Cancelled
from sightline.jobs.gathering import STORAGE_SCHEME
from sightline.jobs.remote.payload import input_key
from sightline.jobs.task import Task
from sightline.records.database import Database
from sightline.records.jobs import Job, JobInput, Jobs, JobState, Lost
from sightline.settings import Settings
from sightline.storage import Storage, results_storage

log = logging.getLogger(__name__)

BEAT_S = 1.0
PAUSE_S = 15.0
"""Before another try, when storage is away."""
HERE = "here"
"""Marks jobs that got no machine of others and are to run in the worker process."""
CONTENT_TYPE = "application/octet-stream"


class Sender:
    """Called by threads of the worker, again and again. Thread-safe."""

    def __init__(self, settings: Settings, database: Database, carrier: RemoteCarrier) -> None:
        self._settings = settings
        self._jobs = Jobs(database)
        self._carrier = carrier
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{carrier.name}"[:80]
        self._kept_for = "" if settings.job_fallback == "on" else None

    def send(self, stop: threading.Event) -> bool:
        """Make the job that is due ready; False when none is."""
        job = self._jobs.claim(self._owner, self._settings.job_lease_s, time.time(), kept_for=self._kept_for)
        if job is None:
            return False
        try:
            with _kept_alive(self._jobs, job, self._settings.job_lease_s) as heart:
                self._bring(job, heart, stop)
            token = call_token(self._settings, job.id, job.attempt)
            self._jobs.hand_over(job.id, job.attempt, self._carrier.name, token_sha256(token), time.time())
        except Cancelled:
            self._jobs.end(job.id, job.attempt, JobState.CANCELLED)
        except Lost as err:
            log.warning("%s", err.message)
        except SightlineError as err:
            self._give_up(job, err)
        return True

    def _bring(self, job: Job, heart: "_Heart", stop: threading.Event) -> None:
        """Every input that lies on this machine into storage, once. Raises: Cancelled, Lost, JobError, StorageError."""
        storage = results_storage(self._settings)
        for number, item in enumerate(job.inputs):
            heart.check()
            if stop.is_set():
                raise StorageError("The worker was stopped.", code="stopped")
            if not item.origin:
                self._put(storage, stored_input(job.id, number, item), item)

    def _put(self, storage: Storage, stored: JobInput, item: JobInput) -> None:
        path = self._settings.data_dir / item.path
        if not path.is_file():
            raise JobError(f"The input {item.name} is no longer there. Send it again.", code="input_missing", inputs=[item.name])
        key = stored.origin.removeprefix(STORAGE_SCHEME)
        try:
            if storage.stat(key).size_bytes == path.stat().st_size:
                return  # it was brought by an earlier attempt; what lies under this key never changes
        except NotFound:
            pass
        storage.put(key, path, CONTENT_TYPE)

    def _give_up(self, job: Job, err: SightlineError) -> None:
        if isinstance(err, StorageError) and err.is_transient:
            log.warning("Job %s waits: %s", job.id, err.message)
            self._jobs.requeue(job.id, job.attempt, err.message, time.time(), is_fault=False, pause_s=PAUSE_S)
            return
        log.error("Job %s failed: %s (%s)", job.id, err.message, err.code)
        self._jobs.end(job.id, job.attempt, JobState.FAILED, {**err.facts, "code": err.code, "message": err.message, "stage": ""})


def remote_task(job: Job) -> Task:
    """The task as another machine gets it: every input has an origin."""
    inputs = tuple(item if item.origin else stored_input(job.id, number, item) for number, item in enumerate(job.inputs))
    return replace(Task.of(job, job.attempt), inputs=inputs)


def stored_input(job_id: str, number: int, item: JobInput) -> JobInput:
    """An input of this machine, with its place in storage as its origin."""
    # Not by the user's name for it, which may hold anything.
    return replace(item, origin=f"{STORAGE_SCHEME}{input_key(job_id, number, Path(item.path).name)}")


def call_token(settings: Settings, job_id: str, attempt: int) -> str:
    """The secret in the address that the other side may call; it can be told again after a restart, but not guessed."""
    key = settings.derived_key("calls of remote jobs").encode()
    return hmac.new(key, f"{job_id}:{attempt}".encode(), hashlib.sha256).hexdigest()


def token_sha256(token: str) -> str:
    """How a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


class _Heart:
    """Keeps the lease while its thread is busy with a large file."""

    def __init__(self, jobs: Jobs, job: Job, lease_s: float) -> None:
        self.is_over = threading.Event()
        self._jobs = jobs
        self._job = job
        self._lease_s = lease_s
        self._is_cancel_wanted = False
        self._lost: Lost | None = None

    def beat(self) -> None:
        while not self.is_over.wait(BEAT_S):
            try:
                self._is_cancel_wanted = self._jobs.extend(self._job.id, self._job.attempt, time.time() + self._lease_s)
            except Lost as err:
                self._lost = err
                return
            except StorageError as err:
                log.warning("Job %s: the lease could not be prolonged: %s", self._job.id, err.message)

    def check(self) -> None:
        """Raises: Lost, Cancelled."""
        if self._lost is not None:
            raise self._lost
        if self._is_cancel_wanted:
            raise Cancelled("The job is cancelled.")


@contextmanager
def _kept_alive(jobs: Jobs, job: Job, lease_s: float) -> Iterator[_Heart]:
    heart = _Heart(jobs, job, lease_s)
    thread = threading.Thread(target=heart.beat, name=f"heart-{job.id}", daemon=True)
    thread.start()
    try:
        yield heart
        heart.check()
    finally:
        heart.is_over.set()
        thread.join()
