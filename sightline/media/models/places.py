"""Where a weight file can come from: a folder, a web server. A bucket is a place too; it lives with the code that speaks to it.

Foreign errors become AnalyzerError here. Its message completes "Mirror: …" and never holds an address: that may carry a password.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

import httpx

from sightline.errors import AnalyzerError
from sightline.media.models.manifest import Model

CHUNK_BYTES = 256 * 1024
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 20.0
"""Between two pieces of the file."""
FETCH_FAILED = "model_fetch_failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that has begun to arrive."""

    start: int
    """Byte of the file with which `pieces` begin: what was asked for, or 0 where the place cannot resume."""
    pieces: Iterator[bytes]
    is_resumable: bool
    """Whether the rest can be asked for later."""


class Place(Protocol):
    """Something that may hold weight files."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def holds(self, model: Model) -> bool:
        """Whether it has that file. Raises: AnalyzerError: it does not answer."""
        ...

    def open(self, model: Model, start: int) -> AbstractContextManager[Delivery]:
        """Begin to read the file from byte `start`. Raises, also while reading: AnalyzerError."""
        ...


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """A folder in which the files lie."""

    folder: Path
    name: str = "Mirror folder"

    def holds(self, model: Model) -> bool:
        return (self.folder / model.file).is_file()

    @contextmanager
    def open(self, model: Model, start: int) -> Iterator[Delivery]:
        # Only errors of reading are ours: those of whoever writes the pieces pass through.
        try:
            file = (self.folder / model.file).open("rb")
            file.seek(start)
        except OSError as err:
            raise _unreadable(err) from err
        with file:
            yield Delivery(start, _pieces_of(file), is_resumable=True)


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            piece = file.read(CHUNK_BYTES)
        except OSError as err:
            raise _unreadable(err) from err
        if not piece:
            return
        yield piece


def _unreadable(err: OSError) -> AnalyzerError:
    return AnalyzerError(f"it cannot be read ({err.strerror}).", code=FETCH_FAILED)


@dataclass(frozen=True, slots=True)
class UrlPlace:
    """A web server. `base_url` has the files directly below it; without one each model's own address counts."""

    name: str
    base_url: str = ""

    def holds(self, model: Model) -> bool:
        try:
            answer = httpx.head(self._url(model), follow_redirects=True, timeout=_timeout())
        except (httpx.HTTPError, httpx.InvalidURL) as err:
            raise self._problem(err, model) from err
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise AnalyzerError(f"the server answered {answer.status_code}.", code=FETCH_FAILED)
        # A server that does not answer this question may have it all the same.
        return answer.status_code in (httpx.codes.OK, httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.NOT_IMPLEMENTED)

    @contextmanager
    def open(self, model: Model, start: int) -> Iterator[Delivery]:
        # Ranges count bytes of the file as it is: no compression.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with httpx.stream("GET", self._url(model), headers=headers, follow_redirects=True, timeout=_timeout()) as answer:
                yield self._delivery(answer, model, start)
        except (httpx.HTTPError, httpx.InvalidURL) as err:
            raise self._problem(err, model) from err

    def _delivery(self, answer: httpx.Response, model: Model, start: int) -> Delivery:
        # As they come, not gathered: on a slow line progress and cancelling would wait for a whole chunk.
        pieces = answer.iter_bytes()
        if answer.status_code == httpx.codes.PARTIAL_CONTENT and _first_byte(answer) == start:
            return Delivery(start, pieces, is_resumable=True)
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise AnalyzerError("the file there is shorter than it should be.", code=FETCH_FAILED)
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise AnalyzerError("it does not have this file (404).", code=FETCH_FAILED)
        if answer.status_code != httpx.codes.OK:
            raise AnalyzerError(f"the server answered {answer.status_code}.", code=FETCH_FAILED)
        length = answer.headers.get("Content-Length", "")
        # Said before anything is transferred: a login page or a pointer file is no model.
        if length.isdigit() and model.sha256 and int(length) != model.bytes:
            raise AnalyzerError(
                f"the file there has {length} bytes instead of {model.bytes}: it is another one.", code=FETCH_FAILED
            )
        return Delivery(0, pieces, is_resumable=answer.headers.get("Accept-Ranges") == "bytes")

    def _url(self, model: Model) -> str:
        return f"{self.base_url.rstrip('/')}/{model.file}" if self.base_url else model.url

    def _problem(self, err: Exception, model: Model) -> AnalyzerError:
        """The error's own words may hold the address, and with it a password of the mirror."""
        host = _host(self._url(model))
        if isinstance(err, httpx.ConnectError | httpx.ConnectTimeout):
            return AnalyzerError(f"{host} cannot be reached; is this machine online?", code=FETCH_FAILED)
        if isinstance(err, httpx.TimeoutException):
            return AnalyzerError(f"{host} stopped answering.", code=FETCH_FAILED)
        return AnalyzerError(f"the transfer from {host} failed ({type(err).__name__}).", code=FETCH_FAILED)


def _timeout() -> httpx.Timeout:
    return httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)


def _first_byte(answer: httpx.Response) -> int | None:
    """`Content-Range: bytes 100-199/200` → 100 (RFC 9110, section 14.4)."""
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "the server"
    except ValueError:
        return "the server"
