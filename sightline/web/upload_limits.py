"""What a user may send: largest file, uploads under way, bytes altogether, room on the disk. Called by request threads."""

from sightline.errors import Conflict, Invalid
from sightline.records.uploads import Uploads
from sightline.settings import Settings
from sightline.storage.local import check_space
from sightline.web.reception import too_large

MOST_OPEN = 100


class UploadLimits:
    """Checks before the first byte is taken."""

    def __init__(self, settings: Settings, uploads: Uploads) -> None:
        self._settings = settings
        self._uploads = uploads

    def check_bytes(self, size_bytes: int, owner_id: int | None) -> None:
        """Raises: Invalid (empty), TooLarge, Conflict (`upload_quota`)."""
        if size_bytes == 0:
            raise Invalid("The file is empty. Choose another one.", code="empty_file", field="size_bytes")
        if size_bytes > self._settings.max_upload_bytes:
            raise too_large(self._settings.max_upload_bytes)
        most_bytes = self._settings.uploads_most_bytes_per_user
        if most_bytes and self._uploads.bytes_of(owner_id) + size_bytes > most_bytes:
            words = (
                f"Your uploaded videos may take {most_bytes / 1e9:.1f} GB together (UPLOADS_MOST_BYTES_PER_USER). "
                "Delete some that you need no more, or cancel uploads."
            )
            raise Conflict(words, code="upload_quota", limit_bytes=most_bytes)

    def check_open(self, owner_id: int | None) -> None:
        """Raises: Conflict (`too_many_uploads`)."""
        if len(self._uploads.open_of(owner_id)) >= MOST_OPEN:
            words = f"You have {MOST_OPEN} uploads under way. Finish or cancel some first."
            raise Conflict(words, code="too_many_uploads")

    def check_disk(self, size_bytes: int) -> None:
        """Raises: StorageError (`disk_full`)."""
        folder = self._settings.data_dir / "uploads"
        folder.mkdir(parents=True, exist_ok=True)
        check_space(folder, size_bytes, self._settings.disk_reserve_bytes)
