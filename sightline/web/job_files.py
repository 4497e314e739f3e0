"""All results of a job as one zip, made while it is sent. Called by request threads."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from sightline.errors import NotFound, StorageError
from sightline.records.jobs import Job, JobOutput
from sightline.settings import Settings
from sightline.storage import Storage, results_storage

MANIFEST = "sightline-manifest.json"
"""In the zip: every file with its size and checksum."""
CHUNK_BYTES = 1 << 20
ZIP64_FROM_BYTES = 1 << 31
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""All files have this date, so that the same results give the same zip."""


def zip_of(job: Job, settings: Settings) -> Iterator[bytes]:
    """All results of a job as a zip, piece by piece; nothing is kept in memory or on disk.

    Raises:
        NotFound: it has no results, or one is gone; before the first piece. StorageError between two: one is damaged.
    """
    storage = results_storage(settings)
    there = {listed.key for listed in storage.list(f"jobs/{job.id}/")}
    if not job.outputs:
        raise NotFound("The job has no results.", code="output_not_found")
    for output in job.outputs:
        if output.key not in there:
            raise NotFound(f"The result {output.name} is no longer in storage.", code="output_not_found")
    return _pieces(job, storage)


class _Pipe(io.RawIOBase):
    """What was written since it was last emptied; tells `zipfile` that it cannot go back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _pieces(job: Job, storage: Storage) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(MANIFEST, EARLIEST), _manifest(job))
        for output in job.outputs:
            info = zipfile.ZipInfo(output.name, EARLIEST)
            with archive.open(info, "w", force_zip64=output.size_bytes >= ZIP64_FROM_BYTES) as file:
                for chunk in _checked(output, storage):
                    file.write(chunk)
                    yield pipe.take()
    yield pipe.take()


def _checked(output: JobOutput, storage: Storage) -> Iterator[bytes]:
    """The bytes of a result; an error after the last one, when they are others than those that were put there."""
    digest = hashlib.sha256()
    with storage.open(output.key) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != output.sha256:
        # The connection breaks off here: better no zip than a damaged one.
        raise StorageError(f"The result {output.name} is damaged in storage.", code="corrupt", is_transient=False)


def _manifest(job: Job) -> str:
    files = [{"name": output.name, "bytes": output.size_bytes, "sha256": output.sha256} for output in job.outputs]
    return json.dumps({"job_id": job.id, "kind": job.kind, "files": files}, indent=1)
