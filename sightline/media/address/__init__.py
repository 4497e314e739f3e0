"""Where a camera's pictures come from: reading addresses, deciding whether they may be opened, hiding the passwords in them."""

from sightline.media.address.policy import AddressPolicy, CheckedAddress
from sightline.media.address.reading import DemoScene, SourceAddress, SourceKind, parse_source
from sightline.media.redaction import redact

__all__ = [
    "AddressPolicy",
    "CheckedAddress",
    "DemoScene",
    "SourceAddress",
    "SourceKind",
    "parse_source",
    "redact",
]
