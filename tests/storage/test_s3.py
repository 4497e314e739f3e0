"""S3: what each refusal becomes, and that nothing secret is in it."""

import base64
import hashlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from moto.server import ThreadedMotoServer

from sightline.errors import NotFound, SightlineError, StorageError, TooLarge
from sightline.storage import s3
from sightline.storage.s3 import S3Access, S3Storage

KEY_ID = "AKIASECRETKEYID"
SECRET = "very/secret+key"


class Faulty(ThreadingHTTPServer):
    """A service that answers every request with one status and body, or hangs up."""

    def __init__(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), FaultyRequest)
        self.status, self.body, self.headers = status, body, headers or {}  # of the answers to HEAD
        self.requests: list[str] = []

    @property
    def access(self) -> S3Access:
        return S3Access(f"http://127.0.0.1:{self.server_port}", "us-east-1", KEY_ID, SECRET)

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


class FaultyRequest(BaseHTTPRequestHandler):
    server: Faulty

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append(self.command)
        if not self.server.status:
            return  # hang up without a word
        self.send_response(self.server.status)
        body = b"" if self.command == "HEAD" else self.server.body
        extra = self.server.headers if self.command == "HEAD" else {}
        for name, value in ({"Content-Length": str(len(body))} | extra).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET = do_HEAD = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_):
        """Say nothing."""


def _xml(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{KEY_ID} {SECRET}</Message></Error>".encode()


@pytest.fixture(scope="module")
def moto_access():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield S3Access(f"http://{host}:{port}", "us-east-1", KEY_ID, SECRET)
    finally:
        server.stop()


def _refusal(access: S3Access, bucket: str = "frames") -> SightlineError:
    with pytest.raises(SightlineError) as caught:
        S3Storage(bucket, access).put("a.jpg", b"x", "image/jpeg")
    assert KEY_ID not in caught.value.message
    assert SECRET not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "ours", "is_transient"),
    [
        (403, "AccessDenied", "s3_denied", False),
        (403, "InvalidAccessKeyId", "s3_denied", False),
        (403, "SignatureDoesNotMatch", "s3_denied", False),
        (400, "ExpiredToken", "s3_denied", False),
        (404, "NoSuchBucket", "s3_no_bucket", False),
        (301, "PermanentRedirect", "s3_bad_settings", False),
        (400, "BadDigest", "s3_checksum", True),
        (400, "RequestTimeout", "s3_busy", True),
        (503, "SlowDown", "s3_busy", True),
        (500, "InternalError", "s3_busy", True),
        (502, "", "s3_busy", True),
        (400, "InvalidArgument", "s3_refused", False),
        (418, "Strange", "s3_refused", False),
    ],
)
def test_refusals_are_classified(status, code, ours, is_transient):
    with Faulty(status, _xml(code) if code else b"<html>bad gateway</html>") as service:
        err = _refusal(service.access)
    assert isinstance(err, StorageError)
    assert (err.code, err.is_transient) == (ours, is_transient)
    assert service.requests.count("PUT") <= 2


def test_nobody_there_is_transient():
    with Faulty(200) as service:
        access = service.access
    err = _refusal(access)
    assert (err.code, err.is_transient) == ("s3_unreachable", True)


def test_a_connection_that_breaks_off_is_transient():
    with Faulty(0) as service:
        err = _refusal(service.access)
    assert (err.code, err.is_transient) == ("s3_unreachable", True)


def test_a_service_that_never_answers_times_out(monkeypatch):
    monkeypatch.setattr(s3, "READ_TIMEOUT_S", 0.3)
    with Faulty(200) as service:
        released = threading.Event()
        monkeypatch.setattr(FaultyRequest, "do_PUT", lambda _self: released.wait(20))
        err = _refusal(service.access)
        released.set()
    assert (err.code, err.is_transient) == ("s3_unreachable", True)


def test_other_bytes_at_the_other_end_are_noticed():
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    with Faulty(200, headers={"x-amz-checksum-sha256": other, "Content-Length": "1"}) as service:
        err = _refusal(service.access)
    assert (err.code, err.is_transient) == ("s3_checksum", True)
    assert service.requests == ["PUT", "HEAD"]


@pytest.mark.parametrize("bucket", ["", "no/slash", "x" * 300])
def test_an_impossible_bucket_name_is_about_the_settings(moto_access, bucket):
    err = _refusal(moto_access, bucket)
    assert (err.code, err.is_transient) == ("s3_bad_settings", False)


def test_an_impossible_endpoint_is_about_the_settings():
    err = _refusal(S3Access("not an address", "us-east-1", KEY_ID, SECRET))
    assert (err.code, err.is_transient) == ("s3_bad_settings", False)


def test_missing_credentials_are_named(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with Faulty(200) as service:
        err = _refusal(S3Access(service.access.endpoint_url))
    assert (err.code, err.is_transient) == ("s3_no_credentials", False)
    assert "AWS_ACCESS_KEY_ID" in err.message


def test_the_service_keeps_our_checksum(moto_access):
    storage = S3Storage("checksums", moto_access)
    storage._client.create_bucket(Bucket="checksums")
    stored = storage.put("a", b"bytes", "image/jpeg")
    head = storage._client.head_object(Bucket="checksums", Key="a", ChecksumMode="ENABLED")
    assert base64.b64decode(head["ChecksumSHA256"]).hex() == stored.sha256
    assert head["Metadata"]["sha256"] == stored.sha256
    assert head["ContentType"] == "image/jpeg"


def test_an_object_that_somebody_else_put_there_has_a_digest_too(moto_access):
    storage = S3Storage("foreign", moto_access)
    storage._client.create_bucket(Bucket="foreign")
    storage._client.put_object(Bucket="foreign", Key="a", Body=b"bytes")
    assert storage.stat("a").sha256 == hashlib.sha256(b"bytes").hexdigest()


def test_damage_is_noticed_at_reading_without_being_told_the_digest(moto_access):
    storage = S3Storage("damaged", moto_access)
    storage._client.create_bucket(Bucket="damaged")
    metadata = {"sha256": hashlib.sha256(b"what was sent").hexdigest()}
    storage._client.put_object(Bucket="damaged", Key="a", Body=b"what is there", Metadata=metadata)
    with pytest.raises(StorageError) as caught:
        storage.get("a")
    assert caught.value.code == "corrupt"


def test_addresses_are_the_services_or_those_of_aws_and_carry_no_password():
    with_user = S3Access("http://user:pass-word@minio:9000/", "eu-central-1")
    assert S3Storage("b", with_user).url("a b/1.jpg") == "http://minio:9000/b/a%20b/1.jpg"
    assert S3Storage("b", S3Access(region="eu-central-1")).url("x/1.jpg") == "https://b.s3.eu-central-1.amazonaws.com/x/1.jpg"
    assert "pass-word" not in repr(S3Access(secret_key="pass-word", key_id="pass-word", session_token="pass-word"))


def test_more_than_s3_takes_is_refused_before_anything_is_sent(monkeypatch):
    monkeypatch.setattr(s3, "PUT_MAX_BYTES", 10)
    with Faulty(200) as service, pytest.raises(TooLarge):
        S3Storage("b", service.access).put("a", b"x" * 11, "text/plain")
    assert service.requests == []


def test_many_threads_share_one_client(moto_access, monkeypatch):
    made: list[object] = []
    connect = s3._connect
    monkeypatch.setattr(s3, "_connect", lambda *about: made.append(about) or connect(*about))
    monkeypatch.setattr(s3, "_clients", {})
    storage = S3Storage("threads", moto_access)
    storage._client.create_bucket(Bucket="threads")
    threads = [threading.Thread(target=storage.put, args=(f"k{n}", b"x", "text/plain")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(storage.list()) == 8
    assert len(made) == 1


def test_a_missing_object_is_not_a_missing_bucket(moto_access):
    storage = S3Storage("there", moto_access)
    storage._client.create_bucket(Bucket="there")
    with pytest.raises(NotFound):
        storage.get("nothing")
    with pytest.raises(StorageError) as caught:
        S3Storage("not-there", moto_access).get("nothing")
    assert caught.value.code == "s3_no_bucket"


def test_boto3_is_not_imported_before_the_first_use(root):
    program = (
        "import sys; from sightline.settings import Settings; from sightline.storage import make_storage;"
        "storage = make_storage(Settings.from_env({'STORAGE_TYPE': 's3', 'S3_BUCKET_NAME': 'b'}));"
        "storage.url('a'); sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
