"""Where kept bytes go: a folder on this machine or an S3 bucket, behind one contract.

Called by the web process (kept frames), the worker (deliveries, retention) and `jobs`. Nothing here starts a thread.
"""

from sightline.storage.choice import (
    VIDEOS,
    bucket_storage,
    local_storage,
    make_storage,
    results_storage,
    storage_holding,
    storage_named,
    upload_origins,
    videos_bucket,
)
from sightline.storage.contract import Listed, Storage, Stored, check_key

__all__ = [
    "VIDEOS",
    "Listed",
    "Storage",
    "Stored",
    "bucket_storage",
    "check_key",
    "local_storage",
    "make_storage",
    "results_storage",
    "storage_holding",
    "storage_named",
    "upload_origins",
    "videos_bucket",
]
