"""Starts the real product for a benchmark, talks to it as a program would, and adds up what its processes cost."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.report import fail

ROOT = Path(__file__).parents[1]
PASSWORD = "benchmark-password"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Product:
    """A running `python app.py` with a data folder of its own."""

    process: subprocess.Popen[bytes]
    url: str
    engine_port: int
    data_dir: Path
    http: httpx.Client
    started_s: float

    def call(self, method: str, path: str, **body: Any) -> Any:
        answer = self.http.request(method, path, json=body or None)
        if answer.status_code >= 400:
            fail(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json() if answer.content else None

    def options(self, **options: object) -> None:
        self.call("POST", "/api/update_options", **options)

    def play(self, source: str) -> None:
        """Put the default camera on `source` and wait for its first picture."""
        self.call("POST", "/api/start_camera", source=source)

    def engine_media_url(self, query: str = "") -> str:
        return f"http://127.0.0.1:{self.engine_port}/media/default/mjpeg" + (f"?{query}" if query else "")

    def encoders(self) -> int:
        """Encoders at work for the default camera at this moment."""
        return int(self.call("GET", "/api/stats")["encoders"])

    @property
    def engine_key_header(self) -> str:
        from sightline.settings import Settings

        return f"X-Sightline-Key: {Settings.from_env({}, data_dir=self.data_dir).derived_key('engine')}"

    def processes(self) -> list[psutil.Process]:
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def rss_bytes(self) -> int:
        """Sum of resident sizes; pages shared by fork are counted in each process, as an operator's `top` would."""
        return sum(p.memory_info().rss for p in self.processes())


@contextlib.contextmanager
def running(data_dir: Path, **environ: str) -> Iterator[Product]:
    """Start the product, wait until it serves, log in; stop it at the end."""
    port, engine_port = free_port(), free_port()
    settings = {
        "PORT": str(port), "DATA_DIR": str(data_dir), "ADMIN_PASSWORD": PASSWORD, "ENGINE_BIND": f"127.0.0.1:{engine_port}",
        "CAMERA_ALLOW_LOOPBACK": "1", "MEDIA_DIRS": str(data_dir), "LOG_LEVEL": "WARNING", "COST_PREVIEW": "0",
    }  # fmt: skip
    started_s = time.monotonic()
    log_file = (data_dir / "product.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=os.environ | settings | environ, stdout=log_file, stderr=log_file
    )
    try:
        http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        wait_until(lambda: _answers(http), 30, "the web server")
        token = http.post("/api/token", json={"username": "admin", "password": PASSWORD}).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield Product(process, f"http://127.0.0.1:{port}", engine_port, data_dir, http, started_s)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(15)
        log_file.close()


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health/liveness").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(is_true: Any, timeout_s: float, what: str) -> float:
    """Poll `is_true` until it holds; return the seconds it took."""
    begin = time.monotonic()
    while not is_true():
        if time.monotonic() - begin > timeout_s:
            fail(f"{what} did not come within {timeout_s:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - begin


def watch(
    url: str,
    *,
    header: str = "",
    viewers: int = 1,
    seconds: float = 10.0,
    warmup: float = 3.0,
    halfway: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Run the viewers in a process of their own and return what they saw; `halfway` is called while they watch."""
    command = [sys.executable, "-m", "benchmarks.mjpeg_client", url]
    command += ["--viewers", str(viewers), "--seconds", str(seconds), "--warmup", str(warmup)]
    command += ["--header", header] if header else []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    timer = threading.Timer(warmup + seconds / 2, halfway)
    timer.start()
    out, err = process.communicate(timeout=seconds + warmup + 120)
    timer.join()
    if process.returncode != 0:
        fail(f"viewers: {err[-400:]}")
    seen: dict[str, float] = json.loads(out)
    return seen


@contextlib.contextmanager
def cpu_of(processes: list[psutil.Process]) -> Iterator[dict[str, float]]:
    """CPU that `processes` use inside the block: fills `percent` (of one core) and `seconds` of the yielded dict."""
    result: dict[str, float] = {}
    before, begin = _cpu_s(processes), time.monotonic()
    yield result
    result["seconds"] = _cpu_s(processes) - before
    result["percent"] = 100 * result["seconds"] / (time.monotonic() - begin)


def _cpu_s(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
