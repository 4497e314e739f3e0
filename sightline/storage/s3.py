"""Storage in an S3 bucket, of AWS or of any service that speaks its protocol.

Beside `jobs/carriers/aws.py` the only module that touches boto3, and it imports it at the first use: the web process and an idle
worker stay small. Error messages are our own words: botocore's may carry addresses and key ids.
"""

import base64
import io
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlsplit, urlunsplit

from sightline.errors import NotFound, SightlineError, StorageError, TooLarge
from sightline.storage.contract import CHUNK_BYTES, Listed, Stored, check_digest, check_key, check_prefix, sha256_of

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 20
PUT_MAX_BYTES = 5 * 1024**3
"""What S3 takes in one request."""

NOT_FOUND = frozenset({"NoSuchKey", "NoSuchUpload", "404", "NotFound"})
DENIED = frozenset(
    {
        "AccessDenied",
        "403",
        "401",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "AllAccessDisabled",
    }
)
DAMAGED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "IncompleteBody"})
BUSY = frozenset(
    {"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "RequestTimeTooSkewed", "TooManyRequests", "429"}
)
ELSEWHERE = frozenset({"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
FIRST_SERVER_ERROR = 500


_clients: dict[tuple["S3Access", str], Any] = {}
"""One client and connection pool per service in a process: making one takes 0.2 s. Clients are thread-safe."""
_clients_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where the service is and who we are to it."""

    endpoint_url: str = ""
    """Empty: AWS."""
    region: str = "us-east-1"
    key_id: str = field(default="", repr=False)
    """Empty: boto3's own search (role, profile)."""
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an object that is under way."""

    number: int
    """From 1."""
    tag: str
    size_bytes: int


class S3Storage:
    """One bucket. Safe from any thread."""

    kind = "s3"

    def __init__(self, bucket: str, access: S3Access) -> None:
        self._bucket = bucket
        self._access = access

    def put(self, key: str, data: bytes | Path, content_type: str) -> Stored:
        check_key(key)
        digest, size_bytes = _measured(data)
        if size_bytes > PUT_MAX_BYTES:
            raise TooLarge(f"{key} is larger than the 5 GiB that S3 takes at once.", limit_bytes=PUT_MAX_BYTES)
        with _as_file(data) as body, self._mapped_errors(key):
            # The service compares the checksum with the bytes that arrived, and keeps it beside them.
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=body, ContentLength=size_bytes, ContentType=content_type,
                ChecksumAlgorithm="SHA256", ChecksumSHA256=base64.b64encode(bytes.fromhex(digest)).decode(),
                Metadata={"sha256": digest},
            )  # fmt: skip
        return self._confirmed(key, digest, size_bytes)

    def open(self, key: str) -> BinaryIO:
        check_key(key)
        with self._mapped_errors(key):
            return cast(BinaryIO, self._client.get_object(Bucket=self._bucket, Key=key)["Body"])

    def pieces(self, key: str, start: int = 0) -> Generator[bytes, None, None]:
        """The object's bytes from `start` on, piece by piece; nothing is asked before the first one.

        Raises: as `open`, also between two pieces.
        """
        check_key(key)
        with self._mapped_errors(key):
            part = {"Range": f"bytes={start}-"} if start else {}
            # As a context manager itself, the body would give urllib3's stream, with errors that nobody maps.
            with closing(self._client.get_object(Bucket=self._bucket, Key=key, **part)["Body"]) as body:
                yield from body.iter_chunks(CHUNK_BYTES)

    def get(self, key: str, sha256: str = "") -> bytes:
        check_key(key)
        with self._mapped_errors(key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with answer["Body"] as body:
                data: bytes = body.read()
        return check_digest(key, data, sha256 or answer["Metadata"].get("sha256", ""))

    def stat(self, key: str) -> Stored:
        check_key(key)
        with self._mapped_errors(key):
            head = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
            digest = _digest(head)
        if not digest:  # put there by somebody else, without a checksum
            with self.open(key) as body:
                digest = sha256_of(body.read())[0]
        return Stored(key, digest, int(head["ContentLength"]), self.url(key))

    def list(self, prefix: str = "") -> tuple[Listed, ...]:
        check_prefix(prefix)
        with self._mapped_errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            found = [item for page in pages for item in page.get("Contents", ())]
        listed = (Listed(item["Key"], int(item["Size"]), item["LastModified"].timestamp()) for item in found)
        return tuple(sorted(listed, key=lambda item: item.key))

    def delete(self, key: str) -> None:
        check_key(key)
        with self._mapped_errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def url(self, key: str) -> str:
        check_key(key)
        if self._access.endpoint_url:
            return f"{_without_user(self._access.endpoint_url)}/{self._bucket}/{quote(key)}"
        return f"https://{self._bucket}.s3.{self._access.region}.amazonaws.com/{quote(key)}"

    # Objects that others send in parts, by addresses that hold our permission

    def begin_parts(self, key: str, content_type: str) -> str:
        """Begin an object that comes in parts; the service's name for it."""
        check_key(key)
        with self._mapped_errors(key):
            begun = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=content_type)
        return str(begun["UploadId"])

    def part_url(self, key: str, upload_id: str, number: int, valid_s: int) -> str:
        """The address to which part `number` (from 1) may be put for that long. It is a secret."""
        about = {"Bucket": self._bucket, "Key": check_key(key), "UploadId": upload_id, "PartNumber": number}
        with self._mapped_errors(key):
            return str(self._client.generate_presigned_url("upload_part", Params=about, ExpiresIn=valid_s))

    def parts(self, key: str, upload_id: str) -> tuple[Part, ...]:
        """What has arrived, by number. Raises: NotFound (no such upload any more)."""
        check_key(key)
        with self._mapped_errors(key):
            pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
            found = [item for page in pages for item in page.get("Parts", ())]
        return tuple(Part(int(item["PartNumber"]), str(item["ETag"]), int(item["Size"])) for item in found)

    def complete_parts(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Make the object of its parts. Raises: NotFound (no such upload any more)."""
        check_key(key)
        told = {"Parts": [{"PartNumber": part.number, "ETag": part.tag} for part in parts]}
        with self._mapped_errors(key):
            self._client.complete_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload=told)

    def abort_parts(self, key: str, upload_id: str) -> None:
        """Throw away the parts of an object that was not made; nothing happens when there are none."""
        check_key(key)
        with suppress(NotFound), self._mapped_errors(key):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)

    def size_bytes(self, key: str) -> int:
        """Raises: NotFound."""
        check_key(key)
        with self._mapped_errors(key):
            return int(self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"])

    def download_url(self, key: str, valid_s: int) -> str:
        """The address from which it may be read for that long. It is a secret."""
        about = {"Bucket": self._bucket, "Key": check_key(key)}
        with self._mapped_errors(key):
            return str(self._client.generate_presigned_url("get_object", Params=about, ExpiresIn=valid_s))

    @property
    def _client(self) -> Any:
        # Services other than AWS seldom have a DNS name for each bucket, and AWS has no certificate for a name with dots.
        style = "path" if self._access.endpoint_url or "." in self._bucket else "virtual"
        with _clients_lock:
            if (self._access, style) not in _clients:
                _clients[self._access, style] = _connect(self._access, style)
            return _clients[self._access, style]

    def _confirmed(self, key: str, digest: str, size_bytes: int) -> Stored:
        stored = self.stat(key)
        if (stored.sha256, stored.size_bytes) != (digest, size_bytes):
            message = f"S3 kept other bytes of {key} than were sent (bucket {self._bucket})."
            raise StorageError(message, code="s3_checksum")
        return stored

    @contextmanager
    def _mapped_errors(self, key: str) -> Iterator[None]:
        from botocore import exceptions

        try:
            yield
        except exceptions.ClientError as err:
            raise self._refusal(key, err.response) from err
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.TokenRetrievalError) as err:
            message = "There are no usable AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            raise StorageError(message, code="s3_no_credentials", is_transient=False) from err
        except (exceptions.ParamValidationError, ValueError, RecursionError) as err:
            # RecursionError: botocore follows the redirect of a web server that is no S3 service round and round.
            message = f"S3 cannot be asked with these settings: check S3_BUCKET_NAME ({self._bucket}), S3_ENDPOINT_URL, AWS_REGION."
            raise StorageError(message, code="s3_bad_settings", is_transient=False) from err
        except (exceptions.BotoCoreError, OSError) as err:
            message = "S3 does not answer. Check the network and S3_ENDPOINT_URL; uploads wait until it is back."
            raise StorageError(message, code="s3_unreachable") from err

    def _refusal(self, key: str, response: dict[str, Any]) -> SightlineError:
        code = str(response.get("Error", {}).get("Code", ""))
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in ELSEWHERE:
            message = f"Bucket {self._bucket} lies in another region: correct AWS_REGION."
            return StorageError(message, code="s3_bad_settings", is_transient=False)
        if code == "NoSuchBucket":
            message = f"S3 has no bucket {self._bucket}: create it or correct S3_BUCKET_NAME."
            return StorageError(message, code="s3_no_bucket", is_transient=False)
        if code in NOT_FOUND:
            return NotFound(f"There is nothing in bucket {self._bucket} under {key}.", code="object_not_found")
        if code in DENIED:
            message = (
                f"S3 refuses our credentials for bucket {self._bucket}: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, its policy."
            )
            return StorageError(message, code="s3_denied", is_transient=False)
        if code in DAMAGED:
            return StorageError(f"The bytes of {key} were damaged on the way to S3.", code="s3_checksum")
        if code in BUSY or status >= FIRST_SERVER_ERROR:
            return StorageError("S3 is busy or has a fault of its own; uploads are tried again.", code="s3_busy")
        return StorageError(f"S3 refused {key} ({code or status}).", code="s3_refused", is_transient=False)


def _connect(access: S3Access, addressing_style: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        # The outbox retries with its own patience; here one more try covers a connection that the server had closed.
        retries={"mode": "standard", "total_max_attempts": 2},
        s3={"addressing_style": addressing_style, "us_east_1_regional_endpoint": "regional"},
        signature_version="s3v4",  # addresses with our permission would be signed the old way
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = boto3.Session(
        aws_access_key_id=access.key_id or None,
        aws_secret_access_key=access.secret_key or None,
        aws_session_token=access.session_token or None,
        region_name=access.region,
    )
    return session.client("s3", endpoint_url=access.endpoint_url or None, config=config)


def _measured(data: bytes | Path) -> tuple[str, int]:
    try:
        return sha256_of(data)
    except OSError as err:
        raise NotFound(f"The file {Path(str(data)).name} cannot be read.", code="file_unreadable") from err


def _as_file(data: bytes | Path) -> BinaryIO:
    return io.BytesIO(data) if isinstance(data, bytes) else data.open("rb")


def _digest(head: dict[str, Any]) -> str:
    # The service's own checksum is of the bytes it has; the metadata only repeats what we said.
    kept = head.get("ChecksumSHA256", "")
    if kept and "-" not in kept:
        return base64.b64decode(kept).hex()
    return str(head.get("Metadata", {}).get("sha256", ""))


def _without_user(endpoint_url: str) -> str:
    parts = urlsplit(endpoint_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
