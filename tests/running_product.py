"""`python app.py` as a user runs it, for the tests of the whole product and of its pages."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 100


@dataclass
class Product:
    """A started product, with a DATA_DIR and port of its own."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path
    log_path: Path
    clients: list[httpx.Client] = field(default_factory=list)

    password = "correct horse battery"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def child_pid(self, name: str) -> int:
        """Pid of the newest child of that name (engine, web or worker), from the supervisor's own log."""
        started = [line for line in self.log.splitlines() if f": {name} started, pid " in line]
        return int(started[-1].rsplit(" ", 1)[1])

    def kill(self, name: str) -> None:
        """kill -9 one child: engine, web or worker."""
        os.kill(self.child_pid(name), signal.SIGKILL)

    def login(self) -> httpx.Client:
        """A client with the admin's session and CSRF header; closed with the product."""
        client = httpx.Client(base_url=self.url, timeout=20)
        self.clients.append(client)
        answer = client.post("/api/login", json={"username": "admin", "password": self.password})
        answer.raise_for_status()
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return client

    def stop(self) -> int:
        """SIGTERM, as an init system does; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self) -> None:
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.stop()


def start_product(folder: Path, port: int, root: Path = ROOT, **environment: str) -> Product:
    """Start it with `folder`/var as its DATA_DIR, and wait until the web answers; `root` may be a copy of the project."""
    data_dir, log_path = folder / "var", folder / "product.log"
    folder.mkdir(exist_ok=True)
    own = {"PORT": str(port), "DATA_DIR": str(data_dir), "ADMIN_PASSWORD": Product.password, "COST_PREVIEW": "0"}
    with log_path.open("wb") as log_file:
        process = subprocess.Popen(
            [sys.executable, str(root / "app.py")], env={**os.environ, **own, **environment}, stdout=log_file, stderr=log_file
        )
    product = Product(process, port, data_dir, log_path)
    try:
        _wait_for_start(product)
    except AssertionError:
        product.close()
        raise
    return product


def _wait_for_start(product: Product) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while "The dashboard is at" not in product.log:
        assert product.process.poll() is None, product.log
        assert time.monotonic() < deadline, f"not started in {START_TIMEOUT_S} s: {product.log}"
        time.sleep(0.1)
