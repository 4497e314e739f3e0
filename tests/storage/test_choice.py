"""Which storage the settings give."""

import pytest

from sightline.errors import Conflict
from sightline.settings import Settings
from sightline.storage import bucket_storage, local_storage, make_storage, storage_named


def test_the_local_folder_is_the_default(settings):
    storage = make_storage(settings)
    assert storage.kind == "local"
    storage.put("a", b"x", "text/plain")
    assert (settings.data_dir / "storage/a").read_bytes() == b"x"
    assert local_storage(settings).get("a") == b"x"


def test_s3_by_settings(tmp_path):
    settings = Settings.from_env({"STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "frames", "S3_ENDPOINT_URL": "http://minio:9000"})
    assert make_storage(settings).kind == "s3"
    assert make_storage(settings).url("a") == "http://minio:9000/frames/a"
    assert bucket_storage(settings, "videos").url("a") == "http://minio:9000/videos/a"


def test_a_row_tells_its_storage_whatever_the_settings_are_now():
    settings = Settings.from_env({"STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "frames"})
    assert storage_named(settings, "local").kind == "local"
    assert storage_named(settings, "s3").kind == "s3"


def test_s3_without_a_bucket_tells_what_to_set(settings):
    with pytest.raises(Conflict) as caught:
        bucket_storage(settings)
    assert caught.value.code == "s3_not_configured"
    assert "S3_BUCKET_NAME" in caught.value.message
