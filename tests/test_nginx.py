"""nginx.conf as shipped, run by a real nginx in front of the real product, filled in by the script that the container runs."""

import base64
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.system


@dataclass
class Front:
    """A running nginx and the product behind it."""

    process: subprocess.Popen[bytes]
    url: str
    log_path: Path
    product: Any
    engine_port: int

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def login(self) -> httpx.Client:
        client = httpx.Client(base_url=self.url, timeout=15)
        self.product.clients.append(client)
        answer = client.post("/api/login", json={"username": "admin", "password": self.product.password})
        answer.raise_for_status()
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return client

    def log_lines(self, path: str) -> list[str]:
        return [line for line in self.log.splitlines() if f" {path} " in line]


Starter = Callable[..., Front]


@pytest.fixture
def front(
    product: Callable[..., Any],
    require: Callable[..., str],
    free_ports: Callable[[], int],
    wait_until: Callable[..., None],
    tmp_path: Path,
) -> Iterator[Starter]:
    """`front(tls_dir)` starts the product with a TCP engine and nginx before it."""
    require("nginx")
    require("envsubst", "envsubst (package gettext-base) is not installed")
    started: list[Front] = []

    def start(tls_dir: Path = ROOT / "infrastructure" / "tls") -> Front:
        engine_port, port = free_ports(), free_ports()
        running = product(ENGINE_BIND=f"127.0.0.1:{engine_port}", ACCEL_REDIRECT="1", TRUSTED_PROXIES="1")
        environment = {
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
            "NGINX_TEMPLATE": str(ROOT / "nginx.conf"),
            "NGINX_LISTEN": f"127.0.0.1:{port}",
            "NGINX_RUN_DIR": str(tmp_path / "nginx"),
            "NGINX_TLS_DIR": str(tls_dir),
            "NGINX_STATIC_DIR": str(ROOT / "static"),
            "NGINX_DIRECTIVES": "user root;" if os.getuid() == 0 else "",  # the test's folder is closed to other users
            "WEB_ADDRESS": f"127.0.0.1:{running.port}",
            "ENGINE_ADDRESS": f"127.0.0.1:{engine_port}",
        }
        log_path = tmp_path / "nginx.log"
        with log_path.open("wb") as log:
            script = ["sh", str(ROOT / "infrastructure" / "start-nginx.sh")]
            process = subprocess.Popen(script, env=environment, stdout=log, stderr=log)
        front = Front(process, f"http://127.0.0.1:{port}", log_path, running, engine_port)
        started.append(front)
        wait_until(lambda: process.poll() is not None or _is_up(front.url), what="nginx")
        assert process.poll() is None, front.log
        return front

    yield start
    for each in started:
        each.process.terminate()
        each.process.wait(30)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/liveness").status_code == 200
    except httpx.TransportError:
        return False


def read_parts(client: httpx.Client, path: str, count: int) -> list[bytes]:
    """The first JPEG parts of a multipart stream."""
    received = b""
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("multipart/x-mixed-replace")
        for chunk in answer.iter_bytes():
            received += chunk
            pictures = re.findall(rb"\xff\xd8\xff.*?\xff\xd9(?=\r\n)", received, re.S)
            if len(pictures) >= count:
                return pictures
    raise AssertionError(f"the stream ended after {len(received)} bytes")


def test_pictures_come_from_the_engine_and_the_rest_from_the_web_process(front: Starter, wait_until: Callable[..., None]) -> None:
    running = front()
    client = running.login()
    assert len(read_parts(client, "/video_feed", 5)) >= 5

    wait_until(lambda: running.log_lines("/_engine/0/media/default/mjpeg"), what="the access log line of the stream")
    line = running.log_lines("/_engine/0/media/default/mjpeg")[0]
    assert f"upstream=127.0.0.1:{running.product.port} : 127.0.0.1:{running.engine_port}" in line
    assert "signature" not in running.log

    assert "Sightline" in client.get("/").text
    script = client.get("/static/js/api.js")
    assert script.status_code == 200
    assert running.log_lines("/static/js/api.js")[0].endswith("upstream=-")


def test_the_engine_cannot_be_reached_past_the_web_process(front: Starter) -> None:
    running = front()
    client = running.login()
    tries = (
        "/_engine/0/health",
        "/_engine/0/media/default/mjpeg",
        "/%5fengine/0/health",
        "//_engine/0/cameras",
        "/static/../_engine/0/health",
    )
    assert {path: client.get(path).status_code for path in tries} == dict.fromkeys(tries, 404)
    assert httpx.get(f"{running.url}/video_feed").status_code == 401
    # Knowing the engine's own port does not help either.
    assert httpx.get(f"http://127.0.0.1:{running.engine_port}/cameras").status_code in (401, 403)
    assert httpx.get(f"http://127.0.0.1:{running.engine_port}/media/default/mjpeg").status_code in (401, 403)


def open_websocket(running: Front, cookies: str, origin: str) -> tuple[int, bytes]:
    """A browser's handshake; returns the status and the first bytes after it."""
    host = running.url.removeprefix("http://")
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        *("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", f"Host: {host}", f"Origin: {origin}", f"Cookie: {cookies}"),
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", ""),
    ]
    with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        received = b""
        while b"\r\n\r\n" not in received or (received.startswith(b"HTTP/1.1 101") and b'"sid"' not in received):
            chunk = connection.recv(4096)
            if not chunk:
                break
            received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), rest


def test_websockets_are_upgraded(front: Starter) -> None:
    running = front()
    cookies = "; ".join(f"{name}={value}" for name, value in running.login().cookies.items())
    status, first_frame = open_websocket(running, cookies, running.url)
    assert status == 101
    assert first_frame[0] == 0x81  # one whole text frame
    assert b'0{"sid"' in first_frame
    # Another page's script may not use the operator's cookie.
    assert open_websocket(running, cookies, "http://elsewhere.example")[0] in (400, 403)


def test_too_large_and_not_there_are_problem_json(front: Starter) -> None:
    running = front()
    client = running.login()
    big = client.post("/api/update_options", content=b"x" * 17_000_000, headers={"Content-Type": "application/json"})
    assert (big.status_code, big.headers["content-type"]) == (413, "application/problem+json")
    assert big.json()["code"] == "too_large"

    # Uploads are not cut by nginx: the web process itself answers.
    upload = client.post("/api/upload_video", files={"video": ("text.mp4", b"not a video " * 2_000_000)})
    assert upload.status_code in (415, 422)
    assert upload.json()["success"] is False

    running.product.stop()
    down = client.get("/api/stats")
    assert (down.status_code, down.json()["code"], down.headers["retry-after"]) == (503, "unavailable", "2")


def test_the_address_of_the_client_is_the_one_nginx_saw(front: Starter) -> None:
    running = front()
    # A client cannot choose under which address its failed logins are counted.
    answers = [
        httpx.post(
            f"{running.url}/api/login",
            json={"username": "admin", "password": "wrong"},
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
        ).status_code
        for number in range(7)
    ]
    assert answers[0] == 401
    assert answers[-1] == 429


def test_tls_as_the_example_has_it(front: Starter, free_ports: Callable[[], int], tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for part in certificate.cert_chain_pems:
        part.write_to_path(folder / "certificate.pem", append=True)
    port = free_ports()
    example = (ROOT / "infrastructure" / "tls" / "tls.conf.example").read_text()
    (folder / "tls.conf").write_text(example.replace("listen 8443", f"listen 127.0.0.1:{port}"))

    running = front(folder)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusting, timeout=15) as client:
        answer = client.post("/api/login", json={"username": "admin", "password": running.product.password})
        assert answer.status_code == 200
        assert "Secure" in answer.headers["set-cookie"]
        assert len(read_parts(client, "/video_feed", 2)) >= 2
