"""Ways by which a waiting job reaches whoever runs it. The row in the database is the truth; a carrier only brings its id."""

from typing import Protocol

from sightline.settings import Settings


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
    """The carrier of JOB_CARRIER; None when workers look into the database themselves.

    Raises:
        Invalid: what it needs is not installed or not set.
    """
    if settings.job_carrier != "celery":
        return None
    from sightline.jobs.carriers.celery_app import CeleryCarrier  # an extra

    return CeleryCarrier(settings)
