"""What is left of a job that goes: its folder on this machine, and everything under its name in storage."""

from sightline.jobs.workspace import Workspace
from sightline.settings import Settings
from sightline.storage import results_storage


def remove_files(job_id: str, settings: Settings) -> None:
    """Delete all files of an ended job: results, footage that was put into storage for other machines, documents of its attempts.

    Raises:
        StorageError: storage is away; what could not be deleted is found again the next time.
    """
    storage = results_storage(settings)
    for item in storage.list(f"jobs/{job_id}/"):
        storage.delete(item.key)
    Workspace(settings, job_id).remove()
