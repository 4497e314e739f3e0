"""Batch jobs for people: taking in their footage, telling how far they are, handing out results. Called by request threads."""

import json
import logging
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Request

from sightline.errors import Conflict, Invalid, NotFound, StorageError
from sightline.jobs.again import add_again
from sightline.jobs.carriers import make_carrier
from sightline.jobs.contract import JobKind, kind, kinds, make_job_params
from sightline.jobs.removal import remove_files
from sightline.jobs.workspace import Workspace, fingerprint
from sightline.media.address import AddressPolicy
from sightline.media.chain import plain
from sightline.media.stage_json import params_json
from sightline.records.assets import Assets
from sightline.records.database import Database
from sightline.records.jobs import OPEN, Job, JobInput, JobOutput, Jobs, JobState, NewJob
from sightline.settings import Settings
from sightline.storage import Storage, results_storage
from sightline.storage.local import check_space
from sightline.web.job_footage import FIELD, MOST_FILES, Footage, check_footage, keep, of_asset, of_files, of_urls
from sightline.web.reception import Limits, received

log = logging.getLogger(__name__)

DEFAULT_KIND = "showcase"
KEY_MAX_CHARS = 150
LOG_END_BYTES = 64 * 1024
CANCEL_WAIT_S = 20.0
"""A cancelled job comes to its end within 15 s."""
CANCEL_LOOK_S = 0.2


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
        self._policy = AddressPolicy.from_settings(settings)
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
        limits = Limits(MOST_FILES, self._settings.max_upload_bytes, self._settings.disk_reserve_bytes, may_be_empty=True)
        with received(request, FIELD, self._settings.data_dir / "uploads", limits) as form:
            order = _order(form.fields, request.headers.get("Idempotency-Key"), owner_id)
            urls, asset_ids = _texts(form.fields, "urls"), _texts(form.fields, "asset_ids")
            if not (form.files or urls or asset_ids):
                raise Invalid("There is no footage: send `files`, `asset_ids` or `urls`.", code="missing_field", field=FIELD)
            there = [*self._assets_footage(asset_ids), *of_urls(urls, self._policy)]
            sent, notices = of_files(form.files, order.kind, is_strict=order.is_strict, is_all=not there)
            return self._enter(order, [*sent, *there], notices)

    def take_assets(self, asset_ids: Sequence[str], order: Order) -> Job:
        """A job over videos that were uploaded before. Raises: NotFound, Invalid, Conflict, StorageError (`disk_full`)."""
        return self._enter(order, self._assets_footage(asset_ids), [])

    def take_urls(self, urls: Sequence[str], order: Order) -> Job:
        """A job over videos that it fetches when it begins. Raises: Invalid, Forbidden (policy), Conflict."""
        return self._enter(order, of_urls(urls, self._policy), [])

    def order(self, kind_name: str, params: Mapping[str, Any], key: str | None, owner_id: int | None) -> Order:
        """Raises: Invalid."""
        return _order({"kind": kind_name, "params": json.dumps(params)}, key, owner_id)

    def retry(self, job_id: str) -> Job:
        """Queue an ended job again. Raises: NotFound, Conflict (open, succeeded, or too many open jobs)."""
        self._check_quota(self.jobs.get(job_id).owner_id)
        job = self.jobs.retry(job_id)
        self._publish(job_id)
        return job

    def again(self, job_id: str, changes: Mapping[str, Any], owner_id: int | None) -> Job:
        """A new job over the same footage. Raises: NotFound, Invalid, StorageError, Conflict (open, footage gone, too many)."""
        self._check_quota(owner_id)
        job = add_again(self.jobs.get(job_id), changes, owner_id, self._settings, self.jobs)
        self._publish(job.id)
        return job

    def delete(self, job_id: str) -> None:
        """An ended job with all its files. Raises: NotFound, Conflict (it is open), StorageError."""
        job = self.jobs.get(job_id)
        if job.state in OPEN:
            raise Conflict("The job is still open. Cancel it first.", code="job_open")
        remove_files(job_id, self._settings)
        self.jobs.delete(job_id)

    def cancel_and_delete(self, job_id: str) -> None:
        """A job in any state, with all its files. Raises: NotFound, Conflict (it does not come to its end), StorageError."""
        if self.jobs.get(job_id).state in OPEN:
            self.jobs.cancel(job_id)
        ends_s = time.monotonic() + CANCEL_WAIT_S
        while self.jobs.get(job_id).state in OPEN and time.monotonic() < ends_s:
            time.sleep(CANCEL_LOOK_S)
        self.delete(job_id)

    def output(self, job_id: str, name: str) -> tuple[JobOutput, Storage]:
        """Raises: NotFound."""
        for output in self.jobs.get(job_id).outputs:
            if output.name == name:
                return output, results_storage(self._settings)
        raise NotFound(f"The job has no result {name!r}.", code="output_not_found")

    def preview(self, job_id: str) -> bytes | None:
        """A JPEG of what a running job has made so far; None while there is nothing to see. Raises: NotFound."""
        if self.jobs.get(job_id).state != JobState.RUNNING:
            return None
        try:
            return Workspace(self._settings, job_id).preview.read_bytes()
        except FileNotFoundError:  # not there yet, or gone since we looked
            return None

    def log(self, job_id: str) -> str:
        """The end of what the job's attempts wrote. Raises: NotFound."""
        path = Workspace(self._settings, self.jobs.get(job_id).id).log
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_END_BYTES))
            return file.read().decode("utf-8", "replace")

    def _assets_footage(self, asset_ids: Sequence[str]) -> list[Footage]:
        folder = self._settings.data_dir / "uploads"
        found = [of_asset(self._assets.get(asset_id), folder) for asset_id in asset_ids]
        folder.mkdir(parents=True, exist_ok=True)
        # They are copied: the upload may be deleted before the job has its turn.
        check_space(folder, sum(item.size_bytes for item in found if item.path), self._settings.disk_reserve_bytes)
        return found

    def _enter(self, order: Order, footage: Sequence[Footage], notices: Sequence[str]) -> Job:
        """Put the files into the job's own folder and its row into the database; a repeated request gives the earlier job."""
        check_footage(order.kind, footage)
        # A request that is made again must get its answer although the list is full by now.
        if order.idempotency_key is None or self.jobs.by_idempotency_key(order.idempotency_key) is None:
            self._check_quota(order.owner_id)
        job_id = secrets.token_hex(12)
        folder = Workspace(self._settings, job_id).folder / "inputs"
        folder.mkdir(parents=True)
        try:
            inputs = [keep(number, item, folder, self._settings.data_dir) for number, item in enumerate(footage)]
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

    def _check_quota(self, owner_id: int | None) -> None:
        counts = self.jobs.counts()
        if sum(counts.get(state, 0) for state in OPEN) >= self._settings.jobs_most_open:
            words = f"There are {self._settings.jobs_most_open} open jobs already (JOBS_MOST_OPEN). Wait, or cancel some."
            raise Conflict(words, code="too_many_jobs")
        most = self._settings.jobs_most_open_per_user
        if most and self.jobs.open_count(owner_id) >= most:
            words = f"You have {most} open jobs already (JOBS_MOST_OPEN_PER_USER). Wait for one to end, or cancel one."
            raise Conflict(words, code="too_many_jobs_of_user")

    def _kind_json(self, known: JobKind) -> dict[str, Any]:
        reason = known.unavailable(self._settings)
        return {
            "name": known.name, "label": known.label, "description": known.description, "most_inputs": known.most_inputs,
            "extras": [str(extra) for extra in known.extras],
            "available": reason is None, "reason": reason, "stages": [{"name": s.name, "label": s.label} for s in known.stages],
            "params": params_json(known.params),
        }  # fmt: skip


def estimate(job: Job) -> float:
    """Epoch seconds at which it may be done, were it alone; nobody knows how long footage at an address of the web is."""
    return job.created_at + kind(job.kind).estimate_s(sum(item.duration_s for item in job.inputs))


def _order(fields: Mapping[str, str], key: str | None, owner_id: int | None) -> Order:
    known = {"kind", "params", "property_data", "strict", "urls", "asset_ids"}
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
    except (ValueError, RecursionError) as err:
        raise Invalid(f"{name} must be JSON.", code="bad_json", field=name) from err
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be a JSON object.", code="wrong_type", field=name)
    return value


def _texts(fields: Mapping[str, str], name: str) -> list[str]:
    """A field that is a JSON list of texts. Raises: Invalid."""
    try:
        value = json.loads(fields.get(name) or "[]")
    except (ValueError, RecursionError) as err:
        raise Invalid(f"{name} must be JSON.", code="bad_json", field=name) from err
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Invalid(f"{name} must be a JSON list of texts.", code="wrong_type", field=name)
    if len(value) > MOST_FILES:
        raise Invalid(f"{name} may name {MOST_FILES} videos.", code="too_many_files", field=name, allowed={"most": MOST_FILES})
    return value


def _new_job(order: Order, inputs: list[JobInput]) -> NewJob:
    params = plain(order.params)
    asked = fingerprint(order.kind.name, params, [(item.name, item.sha256 or item.origin) for item in inputs])
    return NewJob(order.kind.name, inputs, params, order.owner_id, order.kind.timeout_s, asked, order.idempotency_key)
