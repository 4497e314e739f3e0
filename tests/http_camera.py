"""HTTP cameras on loopback, for tests: MJPEG in the spellings that real ones use, still pictures, files with ranges, logins.

`web` and `policy` are fixtures, to be imported by the conftest of the folders that use them.
"""

import base64
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sightline.media.address import AddressPolicy
from tests.clips import jpeg

Route = Callable[[BaseHTTPRequestHandler], None]
USER, PASSWORD = "ann", "p/@ss:w%rd"


class HttpCamera:
    """A server whose answers are functions by path; files of `folder` come with ranges."""

    def __init__(self, folder: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Route] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.stopping = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.split("?", 1)[0]
                camera.requests.append((path, dict(self.headers)))
                try:
                    if path in camera.routes:
                        camera.routes[path](self)
                    elif folder is not None and (folder / path.lstrip("/")).is_file():
                        send_file(self, folder / path.lstrip("/"))
                    else:
                        self.send_error(404)
                except OSError:
                    pass  # the client has gone

            def log_message(self, *_args) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def url(self, path: str, user: str = "") -> str:
        return f"{self._scheme}://{user + '@' if user else ''}127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def stream(
        self, *, boundary_header="frame", boundary="--frame", has_length=True, line_end=b"\r\n", sizes=((320, 240),),
        each=10, fps=25.0, count: int | None = None, hang_after: int | None = None,
    ) -> Route:  # fmt: skip
        """A multipart stream; `sizes` change after `each` pictures."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={boundary_header}")
            request.end_headers()
            number = 0
            while not self.stopping.is_set() and (count is None or number < count):
                if hang_after is not None and number >= hang_after:
                    self.stopping.wait()
                    return
                picture = jpeg(number, sizes[number // each % len(sizes)])
                head = [boundary.encode(), b"Content-Type: image/jpeg"]
                if has_length:
                    head.append(b"Content-Length: %d" % len(picture))
                request.wfile.write(line_end.join([*head, b"", b""]) + picture + line_end)
                number += 1
                self.stopping.wait(1 / fps)

        return answer

    def bytes(self, content_type: str, data: bytes | Callable[[], bytes], *, has_length=True) -> Route:
        def answer(request: BaseHTTPRequestHandler) -> None:
            body = data() if callable(data) else data
            request.send_response(200)
            request.send_header("Content-Type", content_type)
            if has_length:
                request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            for start in range(0, len(body), 4096):
                if self.stopping.is_set():
                    return
                request.wfile.write(body[start : start + 4096])

        return answer

    def redirect(self, location: str) -> Route:
        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(302)
            request.send_header("Location", location)
            request.send_header("Content-Length", "0")
            request.end_headers()

        return answer

    def behind_login(self, route: Route) -> Route:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.headers.get("Authorization") == wanted:
                route(request)
                return
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="camera"')
            request.send_header("Content-Length", "0")
            request.end_headers()

        return answer


def send_file(request: BaseHTTPRequestHandler, path: Path) -> None:
    data = path.read_bytes()
    wanted = request.headers.get("Range", "")
    start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
    request.send_response(206 if wanted else 200)
    types = {".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t"}
    request.send_header("Content-Type", types.get(path.suffix, "video/mp4"))
    request.send_header("Accept-Ranges", "bytes")
    request.send_header("Content-Length", str(len(data) - start))
    request.end_headers()
    request.wfile.write(data[start:])


@pytest.fixture
def web(tmp_path):
    """A camera that serves the files of the test's folder."""
    camera = HttpCamera(tmp_path)
    yield camera
    camera.close()


@pytest.fixture
def policy(tmp_path):
    """Lets through what is on this machine, and files of the test's folder."""
    return AddressPolicy(allow_loopback=True, media_folders=(tmp_path,))
