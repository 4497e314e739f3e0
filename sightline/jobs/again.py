"""A new job over the inputs of an earlier one, with some parameters changed: what those do not touch is not done a second time.

Nothing is copied: files of inputs and of stages that are taken over are the same ones under a second name. No job writes into a
file that is there, and either of the two may be deleted.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sightline.errors import Conflict, StorageError
from sightline.jobs.contract import JobKind, JobStage, kind, make_job_params
from sightline.jobs.gathering import note_of
from sightline.jobs.workspace import Workspace
from sightline.media.chain import plain
from sightline.records.jobs import OPEN, Job, JobInput, Jobs, NewJob
from sightline.settings import Settings


def add_again(job: Job, changes: Mapping[str, Any], owner_id: int | None, settings: Settings, jobs: Jobs) -> Job:
    """Queue it.

    Args:
        changes: parameters by name; the others stay as they were.

    Raises:
        Conflict: the earlier job is open, or its footage is gone. Invalid: a parameter. StorageError: `disk_refused`.
    """
    if job.state in OPEN:
        raise Conflict("The job is still open. Wait for its end, or cancel it.", code="job_open")
    job_kind = kind(job.kind)
    params = plain(make_job_params(job_kind, {**job.params, **changes}))
    before, now = Workspace(settings, job.id), Workspace(settings, new_id := secrets.token_hex(12))
    try:
        inputs = [_input(item, before.folder, now.folder, settings.data_dir.absolute()) for item in job.inputs]
        for stage in unchanged_stages(job_kind, plain(make_job_params(job_kind, job.params)), params):
            if before.stage(stage.name).is_dir():
                _link_folder(before.stage(stage.name), now.stage(stage.name))
        new = NewJob(job.kind, inputs, params, owner_id, job.timeout_s)
        return jobs.add(new, new_id)[0]
    except BaseException:
        now.remove()
        raise


def unchanged_stages(job_kind: JobKind, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[JobStage]:
    """The stages that neither use a parameter that has changed nor come after one that does."""
    changed = {name for name in now if before[name] != now[name]}
    for stage in job_kind.stages:
        if changed if stage.uses is None else changed.intersection(stage.uses):
            return
        yield stage


def _input(item: JobInput, before: Path, now: Path, data_dir: Path) -> JobInput:
    """The same input in the folder of the new job; what has an origin is fetched again when it is not here."""
    source = data_dir / item.path
    target = now / source.relative_to(before) if source.is_relative_to(before) else now / "inputs" / source.name
    if source.is_file():
        _link(source, target)
        if note_of(source).is_file():
            shutil.copyfile(note_of(source), note_of(target))  # it is written anew when the file is fetched anew
    elif not item.origin:
        raise Conflict(f"The footage {item.name} is no longer here. Send it again as a new job.", code="input_missing")
    return replace(item, path=target.relative_to(data_dir).as_posix())


def _link_folder(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file():
            _link(path, target / path.relative_to(source))


def _link(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError as err:
            if err.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP):
                raise
            shutil.copyfile(source, target)  # a file system without second names
    except OSError as err:
        raise StorageError("The folder DATA_DIR/jobs cannot be written.", code="disk_refused") from err
