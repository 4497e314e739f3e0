"""A web server that offers one weight file in several good and bad ways, chosen by the first part of the path."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WEIGHTS = bytes(range(256)) * 4000
HALF = 300_000
ENTRY = """
[[model]]
name = "{name}"
file = "{file}"
sha256 = "{sha256}"
bytes = {size}
licence = "{licence}"
is_extra = {is_extra}
purpose = "Tests."
input = "1×3×8×8"
group = "Objects"
stages = ["object_detection"]
url = "{url}"
source = "Make it yourself."
"""


def entry(url: str, name: str = "tiny", data: bytes = WEIGHTS, *, is_extra: bool = False, is_own: bool = False) -> str:
    """One entry of a manifest; `is_own`: everybody exports their own file."""
    sha256, size = ("", 0) if is_own else (hashlib.sha256(data).hexdigest(), len(data))
    licence = "AGPL-3.0" if is_extra else "MIT"
    return ENTRY.format(
        name=name, file=f"{name}.onnx", sha256=sha256, size=size, licence=licence, url=url, is_extra=str(is_extra).lower()
    )


class ModelServer(ThreadingHTTPServer):
    """Counts what it was asked; `release` lets the stuck answers end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.release = threading.Event()
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.files: dict[str, bytes] = {}
        """What `/mirror/NAME`, `/halting/NAME` and `/headless/NAME` give."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        _, way, name = self.path.split("/", 2)
        answer: Callable[[], None] | None = getattr(self, f"give_{way}", None)
        if way == "headless" and self.command == "HEAD":
            self.send_error(405)
        elif way in ("mirror", "halting", "headless") and name not in self.server.files:
            self.send_error(404)
        elif way in ("mirror", "headless"):
            self._give(self.server.files[name])
        elif way == "halting":
            self._give_in_halves(self.server.files[name])
        elif answer is None:
            self.send_error(404)
        else:
            answer()

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def give_good(self) -> None:
        self._give(WEIGHTS)

    def give_moved(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"{self.server.url}/good/tiny.onnx")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give_round(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"{self.server.url}/round/tiny.onnx")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give_wrong(self) -> None:
        self._give(WEIGHTS[::-1])

    def give_long(self) -> None:
        self._give(WEIGHTS + b"!")

    def give_endless(self) -> None:
        """Longer than it should be, without saying so."""
        self._give(WEIGHTS + b"!" * 100_000, length=None)

    def give_login(self) -> None:
        """What a network gives that wants a login first."""
        self._give(b"<html>Log in</html>")

    def give_truncated(self) -> None:
        self._give(WEIGHTS[:5000], length=len(WEIGHTS))

    def give_short(self) -> None:
        self._give(WEIGHTS[:5000], length=None)

    def give_stuck(self) -> None:
        self._give(WEIGHTS[:5000], length=len(WEIGHTS))
        self.server.release.wait(30)

    def give_slow(self) -> None:
        """In pieces until it is released; then the rest at once."""
        self._head(200, len(WEIGHTS))
        step = 20_000
        for start in range(0, len(WEIGHTS), step):
            try:
                self.wfile.write(WEIGHTS[start : start + step])
                self.wfile.flush()
            except OSError:
                return
            self.server.release.wait(0.2)

    def give_error(self) -> None:
        self.send_error(503)

    def give_halves(self) -> None:
        """Breaks off in the middle of a whole file, and gives the rest when asked for it."""
        start = self._first_byte()
        if start:
            self._partial(WEIGHTS[start:], start)
        else:
            self._give(WEIGHTS[:HALF], length=len(WEIGHTS), ranges=True)

    def give_mixed(self) -> None:
        """Breaks off in the middle of another file, and gives the rest of the right one; whole ones are good from then on."""
        start = self._first_byte()
        if start:
            self._partial(WEIGHTS[start:], start)
        elif self.server.asked.count(self.path) == 1:
            self._give(WEIGHTS[::-1][:HALF], length=len(WEIGHTS), ranges=True)
        else:
            self._give(WEIGHTS, ranges=True)

    def give_stubborn(self) -> None:
        """Promises ranges, breaks off the first time, then always gives the whole file."""
        is_first = self.server.asked.count(self.path) == 1
        self._first_byte()
        self._give(WEIGHTS[:HALF] if is_first else WEIGHTS, length=len(WEIGHTS), ranges=True)

    def _give_in_halves(self, body: bytes) -> None:
        """The first half at once, the rest when the server is released."""
        self._head(200, len(body))
        self._write(body[: len(body) // 2])
        if self.command == "GET" and self.server.release.wait(60):
            self._write(body[len(body) // 2 :])

    def _give(self, body: bytes, *, length: int | None = -1, ranges: bool = False) -> None:
        self._head(200, len(body) if length == -1 else length, {"Accept-Ranges": "bytes"} if ranges else {})
        self._write(body)

    def _partial(self, body: bytes, start: int) -> None:
        last = start + len(body) - 1
        self._head(206, len(body), {"Content-Range": f"bytes {start}-{last}/{last + 1}"})
        self._write(body)

    def _write(self, body: bytes) -> None:
        if self.command == "HEAD":
            return
        try:
            self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            return  # whoever asked has heard enough

    def _head(self, status: int, length: int | None, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def _first_byte(self) -> int:
        asked = self.headers.get("Range", "")
        self.server.ranges.append(asked)
        return int(asked.removeprefix("bytes=").rstrip("-") or 0)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def running_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield running
        finally:
            running.release.set()
            running.shutdown()
            thread.join()


def write_manifest(folder: Path, *entries: str) -> Path:
    path = folder / "manifest.toml"
    path.write_text("\n".join(entries))
    return path
