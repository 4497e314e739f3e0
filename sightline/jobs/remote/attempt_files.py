"""The small documents of one attempt in the bucket of results, by which both sides hear of each other without the landlord.

jobs/<id>/attempts/<attempt>/payload.json   what is to be done, where the landlord passes on no more than its name
jobs/<id>/attempts/<attempt>/started.json   {"external_id"}: a machine has begun
jobs/<id>/attempts/<attempt>/progress.json  how far it is, where the landlord passes on no progress; written again and again
jobs/<id>/attempts/<attempt>/cancel.json    {}: somebody wants it to end
jobs/<id>/attempts/<attempt>/result.json    how it ended (`payload.Result`)
"""

import json
from collections.abc import Mapping
from typing import Any

from sightline.errors import JobError, NotFound
from sightline.jobs.remote.payload import Result, read_result, result_json, result_key
from sightline.storage import Storage

JSON = "application/json"


class AttemptFiles:
    """Of one attempt. Every method may raise StorageError."""

    def __init__(self, storage: Storage, job_id: str, attempt: int) -> None:
        self._storage = storage
        self._result_key = result_key(job_id, attempt)
        self._is_of = job_id, attempt

    def result(self) -> Result | None:
        """How it ended; None while it has not. Raises: JobError (`bad_result`)."""
        told = self._read(self._result_key)
        if told is None:
            return None
        result = read_result(told)
        if (result.job_id, result.attempt) != self._is_of:
            raise JobError("The other machine left the result of another job.", code="bad_result")
        return result

    def has_ended(self) -> bool:
        """Whether there is a result, readable or not."""
        try:
            return self._read(self._result_key) is not None
        except JobError:
            return True

    def leave(self, result: Result) -> None:
        self._write(self._result_key, result_json(result))

    def started(self) -> str | None:
        """What the machine that began calls itself; None while none has."""
        told = self._read(self._key("started"))
        return None if told is None else str(told.get("external_id", ""))

    def begin(self, external_id: str) -> None:
        self._write(self._key("started"), {"external_id": external_id})

    def describe(self, payload: Mapping[str, Any]) -> None:
        self._write(self._key("payload"), payload)

    def payload(self) -> dict[str, Any]:
        """What is to be done. Raises: JobError (`no_payload`)."""
        told = self._read(self._key("payload"))
        if told is None:
            raise JobError("The bucket of results holds no such job. Check S3_BUCKET_RESULTS on both sides.", code="no_payload")
        return told

    def tell(self, progress: Mapping[str, Any]) -> None:
        self._write(self._key("progress"), progress)

    def progress(self) -> dict[str, Any] | None:
        """The newest progress; None while there is none."""
        return self._read(self._key("progress"))

    def want_cancel(self) -> None:
        self._write(self._key("cancel"), {})

    def is_cancel_wanted(self) -> bool:
        return self._read(self._key("cancel")) is not None

    def _key(self, name: str) -> str:
        return self._result_key.replace("result.json", f"{name}.json")

    def _write(self, key: str, told: Mapping[str, Any]) -> None:
        self._storage.put(key, json.dumps(told, sort_keys=True).encode(), JSON)

    def _read(self, key: str) -> dict[str, Any] | None:
        try:
            told = json.loads(self._storage.get(key))
        except NotFound:
            return None
        except ValueError as err:
            raise JobError("The other machine left a result that cannot be read.", code="bad_result", detail=repr(err)) from err
        return told if isinstance(told, dict) else {}
