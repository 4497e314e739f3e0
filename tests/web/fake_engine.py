"""An engine that says what a test tells it to, on a real Unix socket."""

import json
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False


class FakeEngine:
    """Answers by path (without query). What it was asked is in `requests`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self._server: _Server | None = None

    @property
    def address(self) -> str:
        return f"unix:{self.path}"

    def start(self) -> None:
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                engine.requests.append((self.command, self.path, json.loads(body) if body else None))
                answer = engine.answers.get(self.path.partition("?")[0], not_found)
                try:
                    answer(self)
                except OSError:
                    self.close_connection = True

            def address_string(self) -> str:
                return "unix"

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.path.unlink(missing_ok=True)
        self._server = _Server(str(self.path), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self.path.unlink(missing_ok=True)
            self._server = None


def says(body: object, status: int = 200, content_type: str = "application/json") -> Answer:
    """An answer with this JSON, or these bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


def streams(chunks: Callable[[], Any], content_type: str = "multipart/x-mixed-replace; boundary=frame") -> Answer:
    """An endless answer; the connection is closed when `chunks` ends."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", content_type)
        request.send_header("Connection", "close")
        request.end_headers()
        for chunk in chunks():
            request.wfile.write(chunk)
            request.wfile.flush()
        request.close_connection = True

    return answer


def not_found(request: BaseHTTPRequestHandler) -> None:
    says({"detail": "no such camera", "code": "camera_not_found", "status": 404}, 404)(request)
