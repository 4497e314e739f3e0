"""Batch jobs for people: taking in their footage, telling how far they are, handing out results. Called by request threads."""

import json
import logging
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Request

from sightline.errors import Conflict, Invalid, NotFound, SightlineError, StorageError
from sightline.jobs.again import add_again
from sightline.jobs.carriers import make_carrier
from sightline.jobs.contract import JobKind, kind, kinds, make_job_params
from sightline.jobs.telling import job_json
from sightline.jobs.workspace import Workspace, fingerprint
from sightline.media.chain import plain
from sightline.media.probe import VideoInfo, probe_file
from sightline.media.stage_json import params_json
from sightline.records.assets import Assets
from sightline.records.database import Database
from sightline.records.jobs import OPEN, Job, JobInput, JobOutput, Jobs, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import Storage, results_storage
from sightline.storage.local import check_space
from sightline.web.reception import Limits, ReceivedFile, received, safe_name

log = logging.getLogger(__name__)

FIELD = "files"
DEFAULT_KIND = "showcase"
MOST_FILES = 50
KEY_MAX_CHARS = 150
LOG_END_BYTES = 64 * 1024
MOST_WATCHED = 100
"""Of the newest jobs, whose changes are told."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a request asks for beside its files."""

    kind: JobKind
    params: Any
    """Instance of the kind's parameters."""
    is_strict: bool
    """Refuse the whole job for one file that is no video, instead of leaving it out with a notice."""
    idempotency_key: str | None
    owner_id: int | None


class JobDesk:
    """Takes in jobs and tells about them."""

    def __init__(self, settings: Settings, database: Database, assets: Assets) -> None:
        self._settings = settings
        self._assets = assets
        self._carrier = make_carrier(settings)
        self.jobs = Jobs(database)

    def kinds(self) -> list[dict[str, Any]]:
        """All kinds with their parameters, for forms."""
        return [self._kind_json(known) for known in kinds()]

    def take(self, request: Request, owner_id: int | None) -> Job:
        """A job over the files of a multipart request.

        Raises:
            Invalid (parameters, no usable file), Unsupported, TooLarge, StorageError, Conflict (key used before, too many jobs).
        """
        limits = Limits(MOST_FILES, self._settings.max_upload_bytes, self._settings.disk_reserve_bytes)
        with received(request, FIELD, self._settings.data_dir / "uploads", limits) as form:
            fields = form.fields
            order = _order(fields, request.headers.get("Idempotency-Key"), owner_id)
            usable, notices = _usable(form.files, order.is_strict)
            _check_count(order.kind, len(usable))
            return self._enter(order, [(file.original_name, file.part.path, file.part.sha256) for file, _ in usable], notices)

    def take_assets(self, asset_ids: list[str], order: Order) -> Job:
        """A job over videos that were uploaded before. Raises: NotFound, Invalid, Conflict, StorageError (`disk_full`)."""
        _check_count(order.kind, len(asset_ids))
        assets = [self._assets.get(asset_id) for asset_id in asset_ids]
        folder = self._settings.data_dir / "uploads"
        # They are copied: the upload may be deleted before the job has its turn.
        check_space(folder, sum(asset.size_bytes for asset in assets), self._settings.disk_reserve_bytes)
        return self._enter(order, [(a.original_name, folder / a.file_name, a.sha256) for a in assets], [], is_copy=True)

    def order(self, kind_name: str, params: Mapping[str, Any], key: str | None, owner_id: int | None) -> Order:
        """Raises: Invalid."""
        return _order({"kind": kind_name, "params": json.dumps(params)}, key, owner_id)

    def retry(self, job_id: str) -> Job:
        """Queue an ended job again. Raises: NotFound, Conflict (open, succeeded, or too many open jobs)."""
        self._check_quota()
        job = self.jobs.retry(job_id)
        self._publish(job_id)
        return job

    def again(self, job_id: str, changes: Mapping[str, Any], owner_id: int | None) -> Job:
        """A new job over the same footage. Raises: NotFound, Invalid, StorageError, Conflict (open, footage gone, too many)."""
        self._check_quota()
        job = add_again(self.jobs.get(job_id), changes, owner_id, self._settings, self.jobs)
        self._publish(job.id)
        return job

    def delete(self, job_id: str) -> None:
        """An ended job with all its files. Raises: NotFound, Conflict (it is open), StorageError."""
        job = self.jobs.get(job_id)
        if job.state in OPEN:
            raise Conflict("The job is still open. Cancel it first.", code="job_open")
        storage = results_storage(self._settings)
        for output in job.outputs:
            storage.delete(output.key)
        Workspace(self._settings, job_id).remove()
        self.jobs.delete(job_id)

    def output(self, job_id: str, name: str) -> tuple[JobOutput, Storage]:
        """Raises: NotFound."""
        for output in self.jobs.get(job_id).outputs:
            if output.name == name:
                return output, results_storage(self._settings)
        raise NotFound(f"The job has no result {name!r}.", code="output_not_found")

    def preview(self, job_id: str) -> Path:
        """A JPEG of what a running job has made so far. Raises: NotFound (also while there is nothing to see)."""
        path = Workspace(self._settings, job_id).preview
        if self.jobs.get(job_id).state != JobState.RUNNING or not path.is_file():
            raise NotFound("There is nothing to see of this job yet.", code="no_preview")
        return path

    def log(self, job_id: str) -> str:
        """The end of what the job's attempts wrote. Raises: NotFound."""
        path = Workspace(self._settings, self.jobs.get(job_id).id).log
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_END_BYTES))
            return file.read().decode("utf-8", "replace")

    def _enter(
        self, order: Order, files: list[tuple[str, Path, str]], notices: list[str], *, is_copy: bool = False
    ) -> Job:  # fmt: skip
        """Put the files into the job's own folder and its row into the database; a repeated request gives the earlier job."""
        # A request that is made again must get its answer although the list is full by now.
        if order.idempotency_key is None or self.jobs.by_idempotency_key(order.idempotency_key) is None:
            self._check_quota()
        job_id = secrets.token_hex(12)
        folder = Workspace(self._settings, job_id).folder / "inputs"
        folder.mkdir(parents=True)
        try:
            inputs = [_keep(number, file, folder, self._settings.data_dir, is_copy) for number, file in enumerate(files)]
            job, is_new = self.jobs.add(_new_job(order, inputs), job_id)
        except BaseException:
            shutil.rmtree(folder.parent, ignore_errors=True)
            raise
        if not is_new:
            shutil.rmtree(folder.parent, ignore_errors=True)
            return job
        for words in notices:
            self.jobs.notice_new(job.id, words)
        self._publish(job.id)
        return self.jobs.get(job.id)

    def _publish(self, job_id: str) -> None:
        """Bring it to the workers; without a broker it waits in the database, and the worker's reaper brings it later."""
        if self._carrier is None:
            return
        try:
            self._carrier.publish(job_id)
        except StorageError as err:
            log.warning("Job %s is entered, but not yet on its way: %s", job_id, err.message)

    def _check_quota(self) -> None:
        counts = self.jobs.counts()
        if sum(counts.get(state, 0) for state in OPEN) >= self._settings.jobs_most_open:
            words = f"There are {self._settings.jobs_most_open} open jobs already (JOBS_MOST_OPEN). Wait, or cancel some."
            raise Conflict(words, code="too_many_jobs")

    def _kind_json(self, known: JobKind) -> dict[str, Any]:
        reason = known.unavailable(self._settings)
        return {
            "name": known.name, "label": known.label, "description": known.description, "most_inputs": known.most_inputs,
            "available": reason is None, "reason": reason, "stages": [{"name": s.name, "label": s.label} for s in known.stages],
            "params": params_json(known.params),
        }  # fmt: skip


def estimate(job: Job, settings: Settings) -> float:
    """Epoch seconds at which it may be done, were it alone."""
    seconds = sum(_duration_s(settings.data_dir / item.path) for item in job.inputs)
    return job.created_at + kind(job.kind).estimate_s(seconds)


def _duration_s(path: Path) -> float:
    try:
        return probe_file(path).duration_s or 0.0
    except SightlineError:
        return 0.0


def _order(fields: Mapping[str, str], key: str | None, owner_id: int | None) -> Order:
    known = {"kind", "params", "property_data", "strict"}
    for name in fields:
        if name not in known:
            raise Invalid(f"There is no field {name!r} here.", code="unknown_field", field=name, allowed=sorted(known))
    wanted = kind(fields.get("kind", DEFAULT_KIND))
    values = _object(fields, "params")
    if "property_data" in fields:
        values = {**values, "property_data": _object(fields, "property_data")}
    if key is not None and (not key or len(key) > KEY_MAX_CHARS or not key.isprintable()):
        raise Invalid(f"Idempotency-Key must have 1 to {KEY_MAX_CHARS} letters.", code="bad_key", field="Idempotency-Key")
    own_key = f"{owner_id or 0}:{key}" if key else None
    is_strict = fields.get("strict", "false").lower() in ("true", "1", "yes")
    return Order(wanted, make_job_params(wanted, values), is_strict, own_key, owner_id)


def _object(fields: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        value = json.loads(fields.get(name) or "{}")
    except ValueError as err:
        raise Invalid(f"{name} must be JSON.", code="bad_json", field=name) from err
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be a JSON object.", code="wrong_type", field=name)
    return value


def _usable(files: Iterable[ReceivedFile], is_strict: bool) -> tuple[list[tuple[ReceivedFile, VideoInfo]], list[str]]:
    """The files that are videos, and words about the others. Raises: why the first one is refused, when none is left."""
    usable, notices = [], []
    refusal: SightlineError | None = None
    for file in files:
        try:
            usable.append((file, probe_file(file.part.path)))
        except SightlineError as err:
            if is_strict:
                raise
            refusal = refusal or err
            notices.append(f"{file.original_name} was left out: {err.message}")
    if not usable and refusal is not None:
        raise refusal
    return usable, notices


def _check_count(wanted: JobKind, count: int) -> None:
    if not 1 <= count <= wanted.most_inputs:
        words = "one video" if wanted.most_inputs == 1 else f"1 to {wanted.most_inputs} videos"
        raise Invalid(f"{wanted.label} takes {words}.", code="wrong_count", field=FIELD, allowed={"most": wanted.most_inputs})


def _keep(number: int, file: tuple[str, Path, str], folder: Path, data_dir: Path, is_copy: bool) -> JobInput:
    name, path, sha256 = file
    target = folder / safe_name(name, f"{number + 1:03d}")
    if is_copy:
        shutil.copyfile(path, target)
    else:
        path.rename(target)
    shown = "".join(char for char in name if char.isprintable())[:160] or "video"
    return JobInput(shown, target.relative_to(data_dir.absolute()).as_posix(), sha256, target.stat().st_size)


def _new_job(order: Order, inputs: list[JobInput]) -> NewJob:
    params = plain(order.params)
    asked = fingerprint(order.kind.name, params, [(item.name, item.sha256) for item in inputs])
    return NewJob(order.kind.name, inputs, params, order.owner_id, order.kind.timeout_s, asked, order.idempotency_key)


class JobWatch:
    """Tells operators' browsers of jobs that have changed; a thread of the web process."""

    def __init__(self, jobs: Jobs, emit: Any, stop: Any, period_s: float = 1.0) -> None:
        self._jobs = jobs
        self._emit = emit
        self._stop = stop
        self._period_s = period_s
        self._marks: dict[str, tuple[object, ...]] = {}
        self._created: dict[str, float] = {}

    def run(self) -> None:
        """Look once a second until the process ends."""
        self.look(is_first=True)
        while not self._stop.wait(self._period_s):
            self.look()

    def look(self, *, is_first: bool = False) -> None:
        """Tell what has changed since the look before; of the first one nothing."""
        try:
            recent = self._jobs.page(limit=MOST_WATCHED)
        except SightlineError:
            return  # the database is away for a moment; the next look tells the rest
        marks = {job.id: _mark(job) for job in recent}
        for job in () if is_first else recent:
            if self._marks.get(job.id) != marks[job.id]:
                self._emit("job", job_json(job))
        # One that only moved down, below newer ones, is still there.
        oldest = recent[-1].created_at if len(recent) == MOST_WATCHED else 0.0
        for job_id in () if is_first else self._created.keys() - marks.keys():
            if self._created[job_id] > oldest:
                self._emit("job", {"job_id": job_id, "status": "deleted", "at": time.time()})
        self._marks = marks
        self._created = {job.id: job.created_at for job in recent}


def _mark(job: Job) -> tuple[object, ...]:
    """What a browser must hear of when it changes."""
    return job.state, job.progress, job.attempt, job.is_pinned, job.is_cancel_wanted, job.notices
