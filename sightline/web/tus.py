"""The words of the tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload): reading its headers. Pure."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from sightline.errors import Invalid, SightlineError

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
CHECKSUMS = ("sha1", "sha256")
CHUNK_TYPE = "application/offset+octet-stream"
METADATA_MAX_CHARS = 4096
NUMBER_MAX_DIGITS = 15


class WrongVersion(SightlineError):
    """The client speaks another version of the protocol."""

    default_code = "tus_version"


class ChecksumMismatch(SightlineError):
    """The bytes that arrived are not those that were sent; none of them is kept."""

    default_code = "checksum_mismatch"


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a client says of the bytes of one request."""

    name: str
    digest: bytes

    def start(self) -> Any:
        return hashlib.new(self.name, usedforsecurity=False)

    def check(self, computed: Any) -> None:
        """Raises: ChecksumMismatch."""
        if computed.digest() != self.digest:
            raise ChecksumMismatch("The bytes were damaged on the way. Send this part again.")


def check_version(headers: Mapping[str, str]) -> None:
    """Raises: WrongVersion."""
    if headers.get("Tus-Resumable") != VERSION:
        raise WrongVersion(f"This address speaks tus {VERSION} (header Tus-Resumable).", allowed=[VERSION])


def number(headers: Mapping[str, str], name: str) -> int:
    """A header that is a number of bytes. Raises: Invalid."""
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit()) or len(text) > NUMBER_MAX_DIGITS:
        raise Invalid(f"The header {name} must be a number of bytes.", code="bad_header", field=name)
    return int(text)


def metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Upload-Metadata: pairs of a name and a text in Base64, separated by commas. Raises: Invalid."""
    text = headers.get("Upload-Metadata", "")
    if len(text) > METADATA_MAX_CHARS:
        raise _bad_metadata()
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        name, _, value = pair.strip().partition(" ")
        if not name or not name.isascii() or name in found:
            raise _bad_metadata()
        try:
            found[name] = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as err:
            raise _bad_metadata() from err
    return found


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Upload-Checksum, when there is one. Raises: Invalid."""
    text = headers.get("Upload-Checksum")
    if text is None:
        return None
    name, _, value = text.partition(" ")
    if name not in CHECKSUMS:
        words = f"Checksums are {' or '.join(CHECKSUMS)}."
        raise Invalid(words, code="bad_header", field="Upload-Checksum", allowed=list(CHECKSUMS))
    try:
        return Checksum(name, base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError) as err:
        raise Invalid("The header Upload-Checksum is not Base64.", code="bad_header", field="Upload-Checksum") from err


def date(at: float) -> str:
    """Epoch seconds as Upload-Expires has them."""
    return formatdate(at, usegmt=True)


def _bad_metadata() -> Invalid:
    words = "The header Upload-Metadata must be pairs such as `filename ZmlsbS5tcDQ=`, separated by commas."
    return Invalid(words, code="bad_header", field="Upload-Metadata")
