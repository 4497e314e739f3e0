"""Resumable uploads against the real web server: lines that break and a server that is killed in the middle of a request."""

import hashlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from sightline.records.uploads import PARTS
from tests.clips import make_clip
from tests.web.callers import PASSWORD
from tests.web.installation import WebServer

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
TUS = {"Tus-Resumable": "1.0.0"}
FREE_BYTES = 6_000_000


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    whole = make_clip(tmp_path_factory.mktemp("film") / "film.mp4", frames=10).read_bytes()
    return whole + FREE_BYTES.to_bytes(4, "big") + b"free" + bytes(FREE_BYTES - 8)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int], wait_until) -> Iterator[WebServer]:
    folder = tmp_path_factory.mktemp("server")
    environment = {"DATA_DIR": str(folder), "PORT": str(free_ports()), "ADMIN_PASSWORD": PASSWORD, "DISK_RESERVE": "0"}
    made = WebServer(folder, environment)
    try:
        made.start(wait_until)
        yield made
    finally:
        kill(made)


def kill(server: WebServer) -> None:
    """As by kill -9, the parent and its worker."""
    if server.process is None:
        return
    children = psutil.Process(server.process.pid).children(recursive=True) if server.process.poll() is None else []
    for pid in [server.process.pid, *(child.pid for child in children)]:
        os.kill(pid, signal.SIGKILL)
    server.process.wait()
    server.process = None


def part_of(server: WebServer, location: str) -> Path:
    return server.data_dir / "uploads" / PARTS / location.rpartition("/")[2]


def begin(client: httpx.Client, film: bytes) -> str:
    answer = client.post("/api/v1/uploads/tus/", headers={**TUS, "Upload-Length": str(len(film))})
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def half_a_request(server: WebServer, client: httpx.Client, location: str, film: bytes) -> socket.socket:
    """A PATCH that announces everything and sends half of it."""
    line = socket.create_connection(("127.0.0.1", server.port))
    headers = {
        "Host": f"127.0.0.1:{server.port}", "Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items()),
        "X-CSRF-Token": client.headers["X-CSRF-Token"], "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0",
        "Content-Length": str(len(film)), **TUS,
    }  # fmt: skip
    head = f"PATCH {location} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    line.sendall(head.encode() + film[: len(film) // 2])
    return line


def offset(client: httpx.Client, location: str) -> int:
    return int(client.head(location, headers=TUS).headers["Upload-Offset"])


def finish(client: httpx.Client, location: str, film: bytes, begin_bytes: int) -> httpx.Response:
    headers = {**TUS, "Upload-Offset": str(begin_bytes), "Content-Type": "application/offset+octet-stream"}
    return client.patch(location, content=film[begin_bytes:], headers=headers)


def check_kept(server: WebServer, client: httpx.Client, answer: httpx.Response, film: bytes) -> None:
    assert answer.status_code == 204, answer.text
    asset = next(item for item in client.get("/api/assets").json()["assets"] if item["id"] == answer.headers["Sightline-Asset"])
    assert asset["sha256"] == hashlib.sha256(film).hexdigest()
    assert hashlib.sha256((server.data_dir / "uploads" / asset["file_name"]).read_bytes()).hexdigest() == asset["sha256"]


def test_a_server_that_was_killed_in_mid_request_goes_on(server, film, wait_until):
    with server.logged_in() as client:
        location = begin(client, film)
        part = part_of(server, location)
        with half_a_request(server, client, location, film):
            wait_until(lambda: part.stat().st_size > 1_000_000, timeout_s=90, what="the first megabyte")
            kill(server)
    has_bytes = part.stat().st_size
    server.start(wait_until)
    with server.logged_in() as client:
        assert offset(client, location) == has_bytes
        check_kept(server, client, finish(client, location, film, has_bytes), film)
        assert not part_of(server, location).exists()


def test_a_line_that_breaks_keeps_what_came_and_lets_go_of_the_upload(server, film, wait_until):
    with server.logged_in() as client:
        location = begin(client, film)
        line = half_a_request(server, client, location, film)
        wait_until(lambda: part_of(server, location).stat().st_size > 1_000_000, timeout_s=90, what="the first megabyte")
        assert finish(client, location, film, 0).status_code == 423
        line.close()
        wait_until(lambda: finish(client, location, film, 0).status_code == 409, timeout_s=90, what="the end of the broken request")
        has_bytes = offset(client, location)
        assert has_bytes > 1_000_000
        check_kept(server, client, finish(client, location, film, has_bytes), film)
        assert not part_of(server, location).exists()
