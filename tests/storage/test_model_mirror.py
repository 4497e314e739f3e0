"""Weight files from a bucket: over HTTP, resumed, and what is said when the bucket is away."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from sightline.errors import AnalyzerError
from sightline.media.models import ModelStore
from sightline.media.models.transfer import part_path
from sightline.models import main
from sightline.settings import Settings
from sightline.storage.model_mirror import BucketPlace, model_store
from tests.model_server import WEIGHTS, entry, write_manifest

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "very-secret"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An endpoint of S3 with the bucket `weights`."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    client.create_bucket(Bucket="weights")
    client.put_object(Bucket="weights", Key="models/v1/tiny.onnx", Body=WEIGHTS)
    client.put_object(Bucket="weights", Key="models/v1/broken.onnx", Body=WEIGHTS[::-1])
    client.put_object(Bucket="weights", Key="models/v1/tiny.onnx.old", Body=b"not asked for")
    client.put_object(Bucket="weights", Key="flat.onnx", Body=WEIGHTS)
    client.close()
    yield f"http://{host}:{port}"
    server.stop()


def make_store(tmp_path: Path, mirror: str, endpoint: str) -> ModelStore:
    environment = {
        "MODELS_DIR": str(tmp_path / "models"),
        "MODELS_MIRROR": mirror,
        "S3_ENDPOINT_URL": endpoint,
        "DISK_RESERVE": "0",
    }
    store = model_store(Settings.from_env({**environment, **KEYS, "DATA_DIR": str(tmp_path / "var")}))
    manifest = write_manifest(tmp_path, *(entry("", name) for name in ("tiny", "broken", "absent", "flat")))
    return ModelStore(store.models_dir, store.mirror, store.mirror_url, manifest, bucket=store.bucket)


def test_sync_brings_what_the_bucket_holds(tmp_path: Path, s3: str) -> None:
    store = make_store(tmp_path, "s3://weights/models/v1/", s3)
    assert store.mirror is None and store.mirror_url == ""
    report = store.sync()
    assert (report.brought, report.not_held, list(report.failed)) == (("tiny",), ("absent", "flat"), ["broken"])
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny.onnx"]
    assert (tmp_path / "models" / "tiny.onnx").read_bytes() == WEIGHTS


def test_files_may_lie_at_the_root_of_the_bucket(tmp_path: Path, s3: str) -> None:
    assert make_store(tmp_path, "s3://weights", s3).fetch("flat").read_bytes() == WEIGHTS


def test_a_transfer_from_a_bucket_is_continued(tmp_path: Path, s3: str) -> None:
    store = make_store(tmp_path, "s3://weights/models/v1", s3)
    part = part_path(store.model("tiny"), store.models_dir)
    part.parent.mkdir()
    part.write_bytes(WEIGHTS[:700_000])
    seen: list[int] = []
    assert store.fetch("tiny", lambda done, _total: seen.append(done)).read_bytes() == WEIGHTS
    assert seen[0] == 700_000


@pytest.mark.parametrize(
    ("mirror", "endpoint", "words"),
    [
        ("s3://no-such-bucket/x", None, "no such bucket"),
        ("s3://weights/nothing", None, "not there"),
        ("s3://weights/x", "http://127.0.0.1:1", "does not answer"),
    ],
)
def test_a_bucket_that_does_not_give_it(tmp_path: Path, s3: str, mirror: str, endpoint: str | None, words: str) -> None:
    store = make_store(tmp_path, mirror, endpoint or s3)
    with pytest.raises(AnalyzerError, match=words) as caught:
        store.fetch("tiny")
    assert "very-secret" not in caught.value.message and "upload" not in caught.value.message
    assert list((tmp_path / "models").iterdir()) == []
    if words != "not there":
        with pytest.raises(AnalyzerError, match=words):
            store.sync()


def test_the_command_speaks_to_the_bucket(
    tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {**KEYS, "MODELS_MIRROR": "s3://weights/models/v1", "S3_ENDPOINT_URL": s3, "MODELS_DIR": "here"}.items():
        monkeypatch.setenv(name, value)
    assert main(["sync"]) == 0
    assert "not in the mirror" in capsys.readouterr().out
    monkeypatch.setenv("MODELS_MIRROR", "s3://")
    assert main(["sync"]) == 1
    assert "must name a bucket" in capsys.readouterr().err


def test_without_a_bucket_there_is_no_place_for_one(tmp_path: Path) -> None:
    assert model_store(Settings.from_env({"MODELS_MIRROR": str(tmp_path)})).bucket is None
    assert isinstance(make_store(tmp_path, "s3://weights/a", "http://127.0.0.1:1").bucket, BucketPlace)
