"""Which storage the settings give."""

from urllib.parse import urlsplit

import pytest

from sightline.errors import Conflict
from sightline.settings import Settings
from sightline.storage import (
    bucket_storage,
    local_storage,
    make_storage,
    storage_holding,
    storage_named,
    upload_origins,
    videos_bucket,
)


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


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
@pytest.mark.parametrize("bucket", ["films", "films.example.org"])
@pytest.mark.parametrize("endpoint", ["", "http://user:pass@127.0.0.1:9000"])
def test_browsers_send_to_where_parts_are_signed_for(tmp_path, region, bucket, endpoint):
    environ = {
        "STORAGE_TYPE": "s3", "S3_BUCKET_VIDEOS": bucket, "AWS_REGION": region, "S3_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "key-id", "AWS_SECRET_ACCESS_KEY": "very-secret",
    }  # fmt: skip
    settings = Settings.from_env(environ, data_dir=str(tmp_path))
    signed = urlsplit(videos_bucket(settings).part_url("videos/a.mp4", "upload", 1, 60))
    assert f"{signed.scheme}://{signed.netloc.rpartition('@')[2]}" in upload_origins(settings)
    assert "very-secret" not in signed.query


def test_without_s3_browsers_send_to_us_only(tmp_path):
    assert upload_origins(Settings.from_env({"S3_BUCKET_NAME": "films"}, data_dir=str(tmp_path))) == ()


def test_inputs_of_jobs_lie_where_they_were_put(tmp_path):
    environ = {"STORAGE_TYPE": "s3", "S3_BUCKET_VIDEOS": "films", "S3_BUCKET_RESULTS": "results", "S3_BUCKET_NAME": "main"}
    settings = Settings.from_env(environ, data_dir=str(tmp_path))
    assert storage_holding(settings, "videos/a.mp4").url("videos/a.mp4").startswith("https://films.")
    assert storage_holding(settings, "jobs/1/inputs/001-a.mp4").url("jobs/1").startswith("https://results.")
    local = Settings.from_env({}, data_dir=str(tmp_path))
    assert storage_holding(local, "videos/a.mp4").kind == "local"
