"""The error tree. Every error a user can meet is one of these.

SightlineError
├── Invalid            a value the caller sent is wrong (facts: field, allowed)
├── Forbidden          the caller may not do this, or a policy forbids the address
├── Unauthenticated    nobody is logged in, or the password or token is wrong
├── NotFound           the named thing does not exist
├── Conflict           the thing is in a state that does not allow this
├── TooLarge           more bytes than the limit (facts: limit_bytes)
├── RateLimited        too many tries (facts: retry_after_s)
├── Unsupported        bytes of a kind we do not take
├── SourceError        a camera or file that does not deliver (code: see SOURCE_CODES)
├── AnalyzerError      a filter or model that does not work
├── JobError           a batch job that cannot go on (is_transient: another try may help; facts: stage, detail)
├── StorageError       local disk or S3 refused (facts: is_transient)
└── EngineUnavailable  the engine process does not answer

Foreign exceptions are mapped onto this tree (`raise ... from err`) in the module that imports the foreign
library. The HTTP status of each class is in `sightline/web/errors.py`, for the engine's own API in `sightline/engine/errors.py`.
"""

SOURCE_CODES = (
    "unreachable",  # nothing answers at that address
    "auth_failed",  # the camera wants another user name or password
    "not_found",  # the address answers, but has no such stream or file
    "timeout",  # connected, but no picture within the time limit
    "codec_unsupported",  # a stream came, in a format that cannot be decoded
    "corrupt",  # bytes came, but no usable picture is in them
    "ended",  # the stream or file is over
)


class SightlineError(Exception):
    """Root of the tree.

    Args:
        message: one sentence that tells a person what happened and what to do. Never holds credentials.
        code: stable machine-readable word, snake_case.
        facts: JSON-serialisable details (field, allowed, limit_bytes, ...).
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.facts = facts


class Invalid(SightlineError):
    default_code = "invalid"


class Forbidden(SightlineError):
    default_code = "forbidden"


class Unauthenticated(SightlineError):
    default_code = "unauthenticated"


class NotFound(SightlineError):
    default_code = "not_found"


class Conflict(SightlineError):
    default_code = "conflict"


class TooLarge(SightlineError):
    default_code = "too_large"


class RateLimited(SightlineError):
    default_code = "rate_limited"


class Unsupported(SightlineError):
    default_code = "unsupported"


class SourceError(SightlineError):
    """A camera or file that does not deliver; `code` is one of SOURCE_CODES."""

    default_code = "unreachable"


class AnalyzerError(SightlineError):
    default_code = "analyzer_failed"


class StorageError(SightlineError):
    """Storage refused. `is_transient` says whether trying again later can help."""

    default_code = "storage_failed"

    def __init__(self, message: str, *, is_transient: bool = True, code: str | None = None, **facts: object) -> None:
        super().__init__(message, code=code, **facts)
        self.is_transient = is_transient


class EngineUnavailable(SightlineError):
    default_code = "engine_unavailable"


class JobError(SightlineError):
    """A batch job cannot go on. `is_transient` says whether trying the same again later can help."""

    default_code = "job_failed"

    def __init__(self, message: str, *, is_transient: bool = False, code: str | None = None, **facts: object) -> None:
        super().__init__(message, code=code, **facts)
        self.is_transient = is_transient
