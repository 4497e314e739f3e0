"""Settings of this run that an administrator may change while it runs: the bucket of uploads, and names that
`/api/stream_config` shows. Never holds secrets.

Kept in memory: after a restart the environment's settings count again. Thread-safe.
"""

import re
import threading
from dataclasses import asdict, dataclass, replace
from typing import Any

from sightline.errors import Invalid
from sightline.settings import Settings

PATTERNS = {
    "s3_bucket": (re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|"), "a bucket name: 3 to 63 of a-z, 0-9, . and -"),
    "kinesis_stream": (re.compile(r"[A-Za-z0-9_.-]{0,128}"), "a stream name of letters, digits, _ . and -"),
    "aws_region": (re.compile(r"[a-z]{2}(-[a-z0-9]+){1,4}"), "a region such as us-east-1"),
}


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """What `/api/stream_config` shows."""

    kinesis_stream: str
    s3_bucket: str
    aws_region: str
    streaming_enabled: bool


class RunConfig:
    """The present StreamConfig."""

    def __init__(self, settings: Settings) -> None:
        self._lock = threading.Lock()
        self._now = StreamConfig(
            settings.kinesis_stream, settings.s3_bucket, settings.aws_region, streaming_enabled=bool(settings.kinesis_stream)
        )

    @property
    def bucket(self) -> str:
        return self._now.s3_bucket

    def to_json(self) -> dict[str, Any]:
        return asdict(self._now)

    def change(self, **changes: Any) -> dict[str, Any]:
        """Change some fields, all or nothing. Raises: Invalid."""
        for name, value in changes.items():
            if name in PATTERNS and not PATTERNS[name][0].fullmatch(value):
                raise Invalid(f"{name} must be {PATTERNS[name][1]}.", code="wrong_value", field=name, allowed=PATTERNS[name][1])
        with self._lock:
            self._now = replace(self._now, **changes)
        return self.to_json()
