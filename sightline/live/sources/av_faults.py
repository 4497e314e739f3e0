"""Turns what libav raises into SourceError. The only place that knows its exceptions."""

import errno

import av.error

from sightline.errors import SourceError

_MESSAGES = {
    "unreachable": "Nothing answers at this address. Check the address, the port, and that the camera is switched on.",
    "auth_failed": "The camera refuses the user name or password.",
    "not_found": "The camera answers, but has no stream under this path.",
    "timeout": "The camera answers, but no picture came in time.",
    "codec_unsupported": "The pictures come in a format that cannot be decoded here. Set the camera to H.264.",
    "corrupt": "Data came, but there is no usable picture in it.",
    "ended": "The stream has ended.",
}

_NO_PASSWORD = "The camera asks for a user name and password. Put them into the address: rtsp://user:password@host/path."

_UNREACHABLE_NUMBERS = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.ECONNRESET,
        errno.EADDRNOTAVAIL,
    }
)

_CODES: tuple[tuple[type[BaseException], str], ...] = (
    (av.error.HTTPUnauthorizedError, "auth_failed"),
    (av.error.HTTPForbiddenError, "auth_failed"),
    # RTSP servers answer 454 and other 4xx for a path they do not serve.
    (av.error.HTTPClientError, "not_found"),
    (av.error.HTTPServerError, "unreachable"),
    (av.error.FileNotFoundError, "not_found"),
    (av.error.ExitError, "timeout"),
    (av.error.TimeoutError, "timeout"),
    (av.error.EOFError, "ended"),
    (av.error.DecoderNotFoundError, "codec_unsupported"),
    (av.error.DemuxerNotFoundError, "codec_unsupported"),
    (av.error.PatchWelcomeError, "codec_unsupported"),
    (av.error.ProtocolNotFoundError, "codec_unsupported"),
    (av.error.InvalidDataError, "corrupt"),
    (av.error.ArgumentError, "corrupt"),
)


def source_error(code: str, detail: str = "") -> SourceError:
    """A SourceError in words an operator understands; `detail` is added to them and must be free of credentials."""
    return SourceError(f"{_MESSAGES[code]} {detail}".strip(), code=code)


def refused(has_credentials: bool) -> SourceError:
    """The SourceError for a camera that does not let us in."""
    return source_error("auth_failed") if has_credentials else SourceError(_NO_PASSWORD, code="auth_failed")


def from_av(err: av.error.FFmpegError) -> SourceError:
    """The SourceError for an exception of libav. Its own text is left out: it may hold the URL."""
    if err.errno in _UNREACHABLE_NUMBERS:
        return source_error("unreachable")
    for kind, code in _CODES:
        if isinstance(err, kind):
            return source_error(code)
    return source_error("corrupt", f"({err.strerror})" if err.strerror else "")
