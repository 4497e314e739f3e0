"""Which storage the settings ask for."""

from pathlib import Path
from urllib.parse import urlsplit

from sightline.errors import Conflict
from sightline.settings import Settings
from sightline.storage.contract import Storage
from sightline.storage.local import LocalStorage
from sightline.storage.s3 import S3Access, S3Storage

VIDEOS = "videos/"
"""Keys of videos that were sent straight into a bucket begin with this."""


def make_storage(settings: Settings) -> Storage:
    """The storage for kept frames: STORAGE_TYPE. Raises: Conflict (`s3_not_configured`)."""
    return storage_named(settings, settings.storage_type)


def results_storage(settings: Settings) -> Storage:
    """The storage for results of batch jobs: S3_BUCKET_RESULTS where STORAGE_TYPE is s3. Raises: Conflict (`s3_not_configured`)."""
    return bucket_storage(settings, settings.s3_bucket_results) if settings.storage_type == "s3" else local_storage(settings)


def storage_holding(settings: Settings, key: str) -> Storage:
    """Where the input of a job lies: a video that was sent into a bucket, or a file that was put among the results for it."""
    is_video = settings.storage_type == "s3" and key.startswith(VIDEOS)
    return videos_bucket(settings) if is_video else results_storage(settings)


def videos_bucket(settings: Settings) -> S3Storage:
    """The bucket for uploaded videos. Raises: Conflict (`s3_not_configured`)."""
    return bucket_storage(settings, settings.s3_bucket_videos)


def upload_origins(settings: Settings) -> tuple[str, ...]:
    """Origins to which browsers send videos; none while they are sent to us."""
    bucket = settings.s3_bucket_videos or settings.s3_bucket
    if settings.storage_type != "s3" or not bucket:
        return ()
    endpoint = urlsplit(settings.s3_endpoint)
    if endpoint.hostname:
        return (f"{endpoint.scheme}://{endpoint.netloc.rpartition('@')[2]}",)
    service = f"s3.{settings.aws_region}.amazonaws.com"
    # A bucket with a dot in its name has no certificate of its own.
    return (f"https://{bucket}.{service}", f"https://{service}")


def storage_named(settings: Settings, kind: str) -> Storage:
    """The storage that a row with `storage = kind` (local | s3) points to."""
    return local_storage(settings) if kind == "local" else bucket_storage(settings)


def local_storage(settings: Settings) -> LocalStorage:
    """The folder DATA_DIR/storage."""
    return LocalStorage(Path(settings.data_dir) / "storage", settings.disk_reserve_bytes)


def bucket_storage(settings: Settings, bucket: str = "") -> S3Storage:
    """A bucket by name; the default is S3_BUCKET_NAME. Raises: Conflict (`s3_not_configured`) that tells what to set."""
    name = bucket or settings.s3_bucket
    if not name:
        message = "S3 is not set up: set S3_BUCKET_NAME (and S3_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY as needed)."
        raise Conflict(message, code="s3_not_configured", settings=["S3_BUCKET_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
    access = S3Access(
        endpoint_url=settings.s3_endpoint,
        region=settings.aws_region,
        key_id=settings.aws_access_key_id.get_secret_value(),
        secret_key=settings.aws_secret_access_key.get_secret_value(),
        session_token=settings.aws_session_token.get_secret_value(),
    )
    return S3Storage(name, access)
