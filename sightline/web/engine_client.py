"""The way to the engines: REST over a Unix socket or TCP, and raw streams for pictures and the feed.

Used by request threads and by the feed thread; both classes are thread-safe. Foreign errors of http.client
become EngineUnavailable here; problem JSON of an engine becomes the same SightlineError again.
"""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from sightline.errors import (
    Conflict,
    EngineUnavailable,
    Forbidden,
    Invalid,
    NotFound,
    SightlineError,
    SourceError,
    TooLarge,
    Unsupported,
)
from sightline.records.cameras import engine_index_of
from sightline.unix_http import UnixConnection

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 8.0
STREAM_SILENCE_S = 8.0
"""Feed and pictures speak at least every 5 s (ping, "no signal" picture); longer silence means a dead engine."""
CHUNK_BYTES = 65536

ERROR_OF_STATUS: dict[int, type[SightlineError]] = {
    403: Forbidden, 404: NotFound, 409: Conflict, 413: TooLarge, 415: Unsupported, 422: Invalid, 400: Invalid, 502: SourceError,
}  # fmt: skip

DOWN = "The video engine does not answer. It is restarted by itself; try again in a few seconds."


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where one engine listens: a Unix socket, or host and port."""

    unix_path: str | None
    host: str = "engine"
    port: int = 80

    @classmethod
    def parse(cls, text: str) -> "EngineAddress":
        """Read `unix:/path` or `http://host:port`.

        Raises:
            Invalid: anything else.
        """
        if text.startswith("unix:"):
            return cls(text.removeprefix("unix:").removeprefix("//"))
        parts = urlsplit(text)
        if parts.scheme != "http" or not parts.hostname:
            raise Invalid(f"ENGINES: {text!r} is neither unix:/path nor http://host:port.", code="bad_setting", field="ENGINES")
        return cls(None, parts.hostname, parts.port or 80)

    def connect(self, timeout_s: float) -> http.client.HTTPConnection:
        """A connection of its own, for a stream."""
        if self.unix_path is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        return UnixConnection(self.unix_path, timeout_s)


class Engine:
    """One engine."""

    def __init__(self, address: EngineAddress, key: str) -> None:
        self._address = address
        self._headers = {"X-Sightline-Key": key}

    def call(
        self, method: str, path: str, *, body: object = None, query: Mapping[str, Any] | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Any:  # fmt: skip
        """Send one request; return the JSON of the answer, or None when it is empty.

        Raises:
            EngineUnavailable: no answer.
            SightlineError: the problem that the engine answered with.
        """
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        target = f"{path}?{urlencode(query)}" if query else path
        status, data = self._exchange(method, target, None if body is None else json.dumps(body), headers, timeout_s)
        if status >= 400:
            raise _error_of(status, data)
        return json.loads(data) if data else None

    def send(self, path: str, data: bytes, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        """POST bytes as they are; return the JSON of the answer. Raises: as `call`."""
        headers = self._headers | {"Content-Type": "application/octet-stream"}
        status, answer = self._exchange("POST", path, data, headers, timeout_s)
        if status >= 400:
            raise _error_of(status, answer)
        return json.loads(answer)

    def text(self, path: str) -> str:
        """The body of a GET as text. Raises: EngineUnavailable."""
        status, data = self._exchange("GET", path, None, self._headers, ANSWER_TIMEOUT_S)
        if status != HTTPStatus.OK:
            raise _error_of(status, data)
        return data.decode()

    def _exchange(
        self, method: str, target: str, body: str | bytes | None, headers: dict[str, str], timeout_s: float
    ) -> tuple[int, bytes]:
        # A connection per call: on a Unix socket it costs less than keeping a pool honest over restarts of the engine.
        connection = self._address.connect(CONNECT_TIMEOUT_S)
        try:
            connection.connect()
            connection.sock.settimeout(timeout_s)
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as err:
            raise EngineUnavailable(DOWN) from err
        finally:
            connection.close()

    @contextmanager
    def stream(self, path: str, query: Mapping[str, object] | None = None) -> Iterator["EngineStream"]:
        """Open an endless answer; chunks come as the engine sends them.

        Raises:
            EngineUnavailable: at opening, or while reading when the engine dies or falls silent.
            SightlineError: the problem that the engine answered with.
        """
        connection = self._address.connect(CONNECT_TIMEOUT_S)
        try:
            yield self._open_stream(connection, path + ("?" + urlencode(query) if query else ""))
        finally:
            connection.close()

    def _open_stream(self, connection: http.client.HTTPConnection, target: str) -> "EngineStream":
        try:
            connection.request("GET", target, headers=self._headers)
            connection.sock.settimeout(STREAM_SILENCE_S)
            response = connection.getresponse()
            if response.status >= 400:
                raise _error_of(response.status, response.read())
        except (OSError, http.client.HTTPException) as err:
            raise EngineUnavailable(DOWN) from err
        return EngineStream(response)


class EngineStream:
    """An open answer of an engine."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.content_type = response.getheader("Content-Type", "application/octet-stream")

    def chunks(self) -> Iterator[bytes]:
        """Bytes as they come, until the engine ends the answer. Raises: EngineUnavailable."""
        while chunk := self._read(CHUNK_BYTES):
            yield chunk

    def lines(self) -> Iterator[bytes]:
        """Whole lines as they come. Raises: EngineUnavailable."""
        rest = b""
        for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole

    def _read(self, size: int) -> bytes:
        try:
            return self._response.read1(size)
        except (OSError, http.client.HTTPException) as err:
            raise EngineUnavailable(DOWN) from err


class Engines:
    """All engines; each camera belongs to one, by a hash of its id that never changes."""

    def __init__(self, addresses: tuple[str, ...], key: str) -> None:
        self.all = tuple(Engine(EngineAddress.parse(text), key) for text in addresses)

    def index_of(self, camera_id: str) -> int:
        return engine_index_of(camera_id, len(self.all))

    def of(self, camera_id: str) -> Engine:
        """The engine that runs this camera."""
        return self.all[self.index_of(camera_id)]

    def any(self) -> Engine:
        """An engine for work that belongs to no camera."""
        return self.all[0]


def _error_of(status: int, data: bytes) -> SightlineError:
    try:
        problem = json.loads(data)
    except ValueError:
        problem = None
    if status == HTTPStatus.UNAUTHORIZED:
        return EngineUnavailable("The engine refuses this web server: both need the same SECRET_KEY.", code="engine_refused")
    kind = ERROR_OF_STATUS.get(status)
    if kind is None or not isinstance(problem, dict):
        return EngineUnavailable(f"The video engine failed (HTTP {status}). Its log has the details.", code="engine_failed")
    standard = {"type", "title", "status", "detail", "code", "message", "success"}
    facts = {str(name): value for name, value in problem.items() if name not in standard}
    return kind(
        str(problem.get("detail") or "The engine refused this."), code=str(problem.get("code") or kind.default_code), **facts
    )
