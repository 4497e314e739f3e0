"""Engine and web server as processes, for tests that need the real thing."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from sightline.errors import EngineUnavailable
from sightline.settings import Settings
from sightline.web.engine_client import Engines
from tests.web.callers import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
GUNICORN = ("-m", "gunicorn", "-c", "python:sightline.web.gunicorn_conf", "app:create_app()")
EVENTLET = ("-m", "sightline.web")


@dataclass
class EngineProcess:
    """`python -m sightline.engine` on a DATA_DIR of its own."""

    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self, wait_until: Callable[..., None]) -> None:
        with (self.data_dir / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sightline.engine"],
                cwd=ROOT,
                env={**os.environ, "COST_PREVIEW": "0", **self.environment},
                stdout=log,
                stderr=log,
            )
        settings = Settings.from_env(self.environment)
        wait_until(lambda: _is_live(settings), 120, "the engine's start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _is_live(settings: Settings) -> bool:
    try:
        states = Engines(settings.engine_addresses, settings.derived_key("engine")).any().call("GET", "/health")["cameras"]
    except EngineUnavailable:
        return False
    return all(state["state"] == "live" for state in states.values())


@dataclass
class WebServer:
    """The web process as it is run: gunicorn, or eventlet with SOCKETIO_ASYNC_MODE=eventlet."""

    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return int(self.environment["PORT"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data_dir / "web.log").read_text(errors="replace")

    def start(self, wait_until: Callable[..., None]) -> None:
        arguments = EVENTLET if self.environment.get("SOCKETIO_ASYNC_MODE") == "eventlet" else GUNICORN
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        with (self.data_dir / "web.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)
        wait_until(self._answers, 120, "the web server's start")

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    @contextmanager
    def logged_in(self, username: str = "admin", password: str = PASSWORD) -> Iterator[httpx.Client]:
        """A browser with a session."""
        with httpx.Client(base_url=self.url, timeout=20) as client:
            answer = client.post("/api/login", json={"username": username, "password": password})
            assert answer.status_code == 200, answer.text
            client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
            yield client

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log
        try:
            return httpx.get(self.url + "/health/liveness").status_code == 200
        except httpx.TransportError:
            return False
