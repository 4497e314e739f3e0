"""Videos that somebody puts into the bucket of videos under `videos/incoming/`: each becomes a job on AWS, without a dashboard.

S3 tells of an object at least once, in any order, together with others or alone. The job's id is made from the object and its
version, so that the same news twice is the same job twice, which nobody carries out a second time.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote_plus

from sightline.errors import NotFound
from sightline.jobs.carriers.lambda_ import LambdaCarrier
from sightline.jobs.carriers.remote import Handover
from sightline.jobs.contract import kind
from sightline.jobs.gathering import STORAGE_SCHEME
from sightline.jobs.remote.payload import payload_of
from sightline.jobs.task import Task
from sightline.media.probe import VIDEO_SUFFIXES
from sightline.records.jobs import JobInput
from sightline.settings import Settings
from sightline.storage import VIDEOS, results_storage

log = logging.getLogger(__name__)

INCOMING = f"{VIDEOS}incoming/"
"""Keys of videos that become jobs by themselves begin with this; the others in the bucket were sent by the dashboard."""
NEWEST = "arrivals/"
"""Keys in the bucket of results of what is known of the objects: `{"sequencer"}` of the newest version of each."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One version of one object."""

    bucket: str
    key: str
    version: str
    """Its version id, else its eTag."""
    size_bytes: int
    sequencer: str
    """Hex digits; of two versions of one object the newer has the higher."""

    @property
    def order(self) -> str:
        """Sorts versions of one object: sequencers of different lengths are padded on the right."""
        return self.sequencer.ljust(64, "0")

    @property
    def job_id(self) -> str:
        return hashlib.sha256("\n".join((self.bucket, self.key, self.version)).encode()).hexdigest()[:24]


def arrivals_of(event: Mapping[str, Any]) -> tuple[Arrival, ...]:
    """The objects that an event of S3 tells of, the oldest version first. Other events, such as s3:TestEvent, hold none."""
    found = []
    for record in event.get("Records", ()):
        if record.get("eventSource") != "aws:s3" or not str(record.get("eventName", "")).startswith("ObjectCreated:"):
            continue
        told = record["s3"]["object"]
        version = str(told.get("versionId") or told.get("eTag") or "")
        key = unquote_plus(told["key"])
        found.append(
            Arrival(record["s3"]["bucket"]["name"], key, version, int(told.get("size", 0)), str(told.get("sequencer", "")))
        )
    return tuple(sorted(found, key=lambda one: (one.bucket, one.key, one.order)))


class Arrivals:
    """Makes jobs of objects."""

    def __init__(self, settings: Settings) -> None:
        """Raises: Invalid: LAMBDA_FUNCTION and STATE_MACHINE_ARN, or the buckets, are not set."""
        self._settings = settings
        self._carrier = LambdaCarrier(settings)
        self._storage = results_storage(settings)

    def take(self, arrival: Arrival) -> str | None:
        """The id of the object's job; None: it is left as it is, and the log says why. Raises: StorageError, Invalid."""
        problem = self._problem(arrival)
        if problem:
            log.warning("%s is left as it is: %s", arrival.key, problem)
            return None
        handover = self._handover(arrival)
        if self._carrier.find(handover) is None:
            self._carrier.submit(handover)
        self._storage.put(_newest_key(arrival), json.dumps({"sequencer": arrival.sequencer}).encode(), "application/json")
        return arrival.job_id

    def _problem(self, arrival: Arrival) -> str:
        """Why no job is made of it; empty when one is."""
        if arrival.bucket != (self._settings.s3_bucket_videos or self._settings.s3_bucket):
            return "it does not lie in S3_BUCKET_VIDEOS."
        if not arrival.key.startswith(INCOMING):
            # Results may lie in the same bucket, and must not become jobs themselves.
            return f"its key does not begin with {INCOMING}."
        if PurePosixPath(arrival.key).suffix.lower() not in VIDEO_SUFFIXES:
            return "its name is not that of a video."
        if not 0 < arrival.size_bytes <= self._settings.max_upload_bytes:
            return f"it is empty, or larger than {self._settings.max_upload_bytes} bytes (MAX_UPLOAD_SIZE)."
        return "a newer version of it came before." if arrival.order < self._newest_order(arrival) else ""

    def _newest_order(self, arrival: Arrival) -> str:
        try:
            told = json.loads(self._storage.get(_newest_key(arrival)))
        except NotFound:
            return ""
        return str(told["sequencer"]).ljust(64, "0")

    def _handover(self, arrival: Arrival) -> Handover:
        job_kind = kind(self._settings.s3_event_kind)
        name = PurePosixPath(arrival.key).name
        path = f"jobs/{arrival.job_id}/inputs/001{PurePosixPath(name).suffix.lower()}"
        one = JobInput(name, path, "", arrival.size_bytes, f"{STORAGE_SCHEME}{arrival.key}")
        payload = payload_of(Task(arrival.job_id, 1, job_kind.name, {}, (one,)))
        return Handover(arrival.job_id, 1, payload, job_kind.timeout_s, self._settings.job_queue_limit_s)


def _newest_key(arrival: Arrival) -> str:
    return f"{NEWEST}{hashlib.sha256(f'{arrival.bucket}/{arrival.key}'.encode()).hexdigest()}.json"
