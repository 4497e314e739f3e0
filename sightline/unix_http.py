"""HTTP to a process of our own through its Unix socket. Used by the web process and by the pulse of the engine."""

import http.client
import socket
from pathlib import Path


class UnixConnection(http.client.HTTPConnection):
    """A connection to the server that listens at `path`."""

    def __init__(self, path: str | Path, timeout_s: float) -> None:
        super().__init__("engine", timeout=timeout_s)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
