"""Where things are kept: database, disk, S3."""

import shutil
from collections.abc import Iterator

from sightline.errors import SightlineError
from sightline.settings import Settings
from sightline.storage import Storage, make_storage, results_storage
from sightline.web.checks.line import Installation, Line

NO_SUCH_KEY = "sightline-system-check"
LOW_RESERVES = 4
"""Fewer times the reserve free than this is worth a word."""
LEAST_FREE_BYTES = 10_000_000_000


def check_database(here: Installation) -> Iterator[Line]:
    """Whether it answers, and its schema."""
    kind = "SQLite, a file in DATA_DIR" if here.database.is_sqlite else "PostgreSQL (DATABASE_URL)"
    here.database.ping()
    yield Line("database", "Database", "ok", f"{kind}; it answers, schema {here.database.schema_version()}.")


def check_disk(here: Installation) -> Iterator[Line]:
    """The room that is left in DATA_DIR."""
    settings = here.settings
    free_bytes = shutil.disk_usage(settings.data_dir).free
    reserve_bytes = settings.disk_reserve_bytes
    detail = f"{_gb(free_bytes)} free in DATA_DIR; {_gb(reserve_bytes)} of it are kept free (DISK_RESERVE)."
    todo = "Delete old jobs, frames or other files, or let DATA_DIR lie on a larger disk."
    if free_bytes <= reserve_bytes:
        changes = "Uploads and jobs are refused, and nothing more is kept."
        yield Line("disk", "Disk", "wrong", detail, changes, todo)
    elif free_bytes < max(LOW_RESERVES * reserve_bytes, LEAST_FREE_BYTES):
        yield Line("disk", "Disk", "better", detail, "Long footage may fill it: a job can need several times its size.", todo)
    else:
        yield Line("disk", "Disk", "ok", detail)


def check_storage(here: Installation) -> Iterator[Line]:
    """Where kept frames and results go."""
    settings = here.settings
    if settings.storage_type == "local":
        yield Line("storage", "Storage", "ok", "Frames and results are kept in DATA_DIR/storage (STORAGE_TYPE=local).")
    for name, label, bucket in _buckets(settings):
        yield _bucket_line(settings, name, label, bucket)


def _buckets(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """The buckets that the settings name: for frames, and for results when that is another one."""
    if settings.s3_bucket or settings.storage_type == "s3":
        yield "s3", "S3 bucket", settings.s3_bucket
    if settings.storage_type == "s3" and settings.s3_bucket_results not in ("", settings.s3_bucket):
        yield "s3_results", "S3 bucket of results", settings.s3_bucket_results


def _bucket_line(settings: Settings, name: str, label: str, bucket: str) -> Line:
    is_main = settings.storage_type == "s3"
    changes = "Nothing can be kept, and jobs fail at their end." if is_main else "Cloud uploads wait until it answers."
    try:
        storage = _storage(settings, name)
        storage.list(NO_SUCH_KEY)
    except SightlineError as err:
        return Line(name, label, "wrong", err.message, changes, "Correct the S3 settings, or the bucket's policy.")
    where = "an S3-compatible service" if settings.s3_endpoint else f"AWS, {settings.aws_region}"
    return Line(name, label, "ok", f"{bucket} ({where}) answers, and may be listed.")


def _storage(settings: Settings, name: str) -> Storage:
    if name == "s3_results":
        return results_storage(settings)
    return make_storage(settings.model_copy(update={"storage_type": "s3"}))


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
