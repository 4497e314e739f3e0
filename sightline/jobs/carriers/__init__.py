"""Ways by which a waiting job reaches whoever runs it. The row in the database is the truth; a carrier only brings its id."""

from collections.abc import Callable, Mapping
from typing import Protocol

from sightline.errors import Invalid
from sightline.jobs.carriers.lambda_ import LambdaCarrier
from sightline.jobs.carriers.remote import RemoteCarrier
from sightline.jobs.carriers.runpod import RunPodCarrier
from sightline.settings import Settings
from sightline.storage import results_storage

REMOTE: Mapping[str, Callable[[Settings], RemoteCarrier]] = {"runpod": RunPodCarrier, "lambda": LambdaCarrier}


class Carrier(Protocol):
    """Called by the web when a job is entered, and by the worker's reaper for jobs whose message may be lost. Thread-safe."""

    def publish(self, job_id: str) -> None:
        """Bring the id to the workers; the same one twice does no harm: one of them gets the job.

        Raises:
            StorageError: `broker_unavailable`: it was not brought; the reaper tries again.
        """
        ...

    def is_empty(self) -> bool:
        """Whether no id is under way. Raises: StorageError (`broker_unavailable`)."""
        ...


def make_carrier(settings: Settings) -> Carrier | None:
    """The carrier of JOB_CARRIER that brings ids; None when workers look into the database themselves.

    Raises:
        Invalid: what JOB_CARRIER needs is not installed or not set.
    """
    if settings.job_carrier != "celery":
        make_remote_carrier(settings)
        return None
    from sightline.jobs.carriers.celery_app import CeleryCarrier  # an extra

    return CeleryCarrier(settings)


def make_remote_carrier(settings: Settings) -> RemoteCarrier | None:
    """The carrier of JOB_CARRIER that hands whole jobs to machines of others; None when it is no such carrier.

    Raises:
        Invalid: what it needs is not set.
    """
    if settings.job_carrier not in REMOTE:
        return None
    if settings.storage_type != "s3":
        words = f"JOB_CARRIER={settings.job_carrier} needs STORAGE_TYPE=s3: footage and results travel through a bucket."
        raise Invalid(words, code="bad_setting", field="STORAGE_TYPE")
    carrier = REMOTE[settings.job_carrier](settings)
    results_storage(settings)
    return carrier
