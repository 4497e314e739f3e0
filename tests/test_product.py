"""The whole of Sightline as a user starts it: `python app.py`, real processes, the demo camera, HTTP from outside."""

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from sightline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.system

Start = Callable[..., Any]
STOPPED_WITHIN_S = 5.0
BACK_WITHIN_S = 5.0
SLACK_S = 5.0
"""Allowed on top for a machine that runs other things at the same time."""


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; what is dead and only waits for init to notice does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_live(client: httpx.Client) -> bool:
    answer = client.get("/api/cameras/default")
    return answer.status_code == 200 and answer.json()["state"] == "live"


def first_picture(client: httpx.Client) -> bytes:
    received = b""
    with client.stream("GET", "/video_feed") as answer:
        for chunk in answer.iter_bytes():
            received += chunk
            found = re.search(rb"\xff\xd8\xff.*?\xff\xd9(?=\r\n)", received, re.S)
            if found:
                return found[0]
    raise AssertionError("the stream ended")


def test_the_demo_runs_and_everything_stops_at_sigterm(product: Start, wait_until: Callable[..., None]) -> None:
    running = product()
    client = running.login()
    wait_until(lambda: is_live(client), what="the demo camera")
    assert len(first_picture(client)) > 1000
    everybody = family(running.process.pid)
    assert len(everybody) >= 5  # supervisor, engine, gunicorn and its worker, worker
    viewer = Viewer(client)
    wait_until(lambda: viewer.received > 0, what="a viewer who holds a connection open")
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began <= STOPPED_WITHIN_S
    viewer.leave()
    assert [process for process in everybody if is_alive(process)] == []
    assert "Traceback" not in running.log


def test_nothing_is_left_when_the_supervisor_is_killed(product: Start, wait_until: Callable[..., None]) -> None:
    running = product()
    everybody = family(running.process.pid)
    running.process.kill()
    running.process.wait()
    wait_until(lambda: not any(is_alive(process) for process in everybody), timeout_s=STOPPED_WITHIN_S + SLACK_S)


def test_an_engine_that_is_killed_comes_back_and_the_web_answers_on(product: Start, wait_until: Callable[..., None]) -> None:
    running = product()
    client = running.login()
    wait_until(lambda: is_live(client), what="the demo camera")
    client.post("/api/update_options", json={"grayscale": True, "brightness": 20}).raise_for_status()
    options = client.get("/api/get_options").json()
    viewer = Viewer(client)
    wait_until(lambda: viewer.received > 0, what="the viewer's first bytes")

    os.kill(running.child_pid("engine"), signal.SIGKILL)
    web_answers = []

    def is_back() -> bool:
        web_answers.append(client.get("/health/liveness").status_code)
        return len(re.findall(": engine started", running.log)) == 2 and is_live(client)

    wait_until(is_back, timeout_s=BACK_WITHIN_S + SLACK_S, what="the picture")
    assert set(web_answers) == {200}
    assert client.get("/api/get_options").json() == options
    seen = viewer.received
    wait_until(lambda: viewer.received > seen + 50_000, what="more bytes on the viewer's old connection")
    assert viewer.is_connected
    viewer.leave()


def test_a_web_process_that_is_killed_comes_back_and_the_cameras_run_on(product: Start, wait_until: Callable[..., None]) -> None:
    running = product()
    client = running.login()
    wait_until(lambda: is_live(client), what="the demo camera")
    engine = psutil.Process(running.child_pid("engine"))
    os.kill(running.child_pid("web"), signal.SIGKILL)
    wait_until(lambda: len(re.findall(": web started", running.log)) == 2 and answers(running.url), what="the web process")
    assert engine.is_running()
    assert is_live(client)  # the old session is still good


def test_cameras_options_and_users_survive_a_restart(product: Start, wait_until: Callable[..., None]) -> None:
    running = product()
    client = running.login()
    client.post("/api/cameras", json={"id": "yard", "name": "Yard", "source": "demo:?size=320x240&fps=10"}).raise_for_status()
    client.patch("/api/cameras/yard/options", json={"blur": True}).raise_for_status()
    assert running.stop() == 0
    again = product(DATA_DIR=str(running.data_dir))
    client = again.login()
    wait_until(lambda: client.get("/api/cameras/yard").json()["state"] == "live", what="the camera added before")
    assert client.get("/api/cameras/yard/options").json()["blur"] is True


def test_the_first_start_prints_a_password_once(product: Start) -> None:
    first = product(ADMIN_PASSWORD="")
    kept = first.data_dir / "admin_password"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert first.log.count(kept.read_text().strip()) == 1
    answer = httpx.post(f"{first.url}/api/login", json={"username": "admin", "password": kept.read_text().strip()})
    assert answer.status_code == 200
    first.stop()
    second = product(ADMIN_PASSWORD="", DATA_DIR=str(first.data_dir))
    assert kept.read_text().strip() not in second.log


def test_eventlet_mode_serves_pages_and_pictures(product: Start, wait_until: Callable[..., None]) -> None:
    running = product(SOCKETIO_ASYNC_MODE="eventlet")
    client = running.login()
    wait_until(lambda: is_live(client), what="the demo camera")
    assert len(first_picture(client)) > 1000


def test_everything_works_on_postgresql(product: Start, postgresql: str, wait_until: Callable[..., None]) -> None:
    running = product(DATABASE_URL=postgresql)
    client = running.login()
    wait_until(lambda: is_live(client), what="the demo camera")
    client.post("/api/update_options", json={"sepia": True}).raise_for_status()
    client.post("/api/save_frame", json={}).raise_for_status()
    assert len(client.get("/api/frames").json()["frames"]) == 1
    assert client.get("/api/events").json()["events"][0]["kind"] == "camera.live"
    assert running.stop() == 0
    assert not (running.data_dir / "sightline.db").exists()


@pytest.fixture
def postgresql(unavailable: Callable[[str], None]) -> Iterator[str]:
    """The URL of an empty database on the local server."""
    name = f"sightline_product_{os.getpid()}"
    try:
        server = psycopg.connect("host=127.0.0.1 user=postgres connect_timeout=3", autocommit=True)
    except psycopg.OperationalError as err:
        unavailable(f"PostgreSQL does not answer on 127.0.0.1: {err}")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@127.0.0.1/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_two_engines_share_the_cameras(
    product: Start, free_ports: Callable[[], int], wait_until: Callable[..., None], tmp_path: Path
) -> None:
    ports = [free_ports(), free_ports()]
    shared = {
        "SECRET_KEY": "one key for all of them",
        "DATABASE_URL": f"sqlite:///{tmp_path}/shared.db",
        "ENGINES": ",".join(f"http://127.0.0.1:{port}" for port in ports),
    }
    names = [f"camera-{number}" for number in range(6)]
    with two_engines(tmp_path, ports, shared) as restart:
        running = product(**shared)
        assert ": engine started" not in running.log
        client = running.login()
        for name in names:
            camera = {"id": name, "name": name, "source": "demo:?size=160x120&fps=2"}
            client.post("/api/cameras", json=camera).raise_for_status()
        restart()
        wait_until(
            lambda: all(state == "live" for state in states(client).values()),
            timeout_s=60,
            what="all cameras after a restart of both engines",
        )
        assert set(names) < set(states(client))
        runs = [cameras_of(tmp_path / f"engine{index}") for index in (0, 1)]
        assert all(runs) and not runs[0] & runs[1]
        assert runs[0] | runs[1] == {"default", *names}


def states(client: httpx.Client) -> dict[str, str]:
    return {camera["id"]: camera["state"] for camera in client.get("/api/cameras").json()["cameras"]}


def cameras_of(data_dir: Path) -> set[str]:
    """The cameras that an engine runs, by its Unix socket."""
    transport = httpx.HTTPTransport(uds=str(Settings.from_env({}, data_dir=str(data_dir)).engine_socket))
    with httpx.Client(transport=transport, base_url="http://engine") as client:
        return {camera["id"] for camera in client.get("/cameras").json()["cameras"]}


@contextlib.contextmanager
def two_engines(folder: Path, ports: list[int], shared: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Two engine processes as on two machines; yields a function that restarts both."""
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        for index, port in enumerate(ports):
            own = {"DATA_DIR": str(folder / f"engine{index}"), "ENGINE_BIND": f"127.0.0.1:{port}", "ENGINE_INDEX": str(index)}
            command = [sys.executable, "-m", "sightline.engine"]
            running.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, **shared, **own}))

    def stop() -> None:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)
        running.clear()

    start()
    try:
        yield lambda: (stop(), start())[-1]
    finally:
        stop()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/liveness").status_code == 200
    except httpx.TransportError:
        return False


class Viewer:
    """A browser that watches the default camera, on a thread of its own."""

    def __init__(self, client: httpx.Client) -> None:
        self.received = 0
        self.is_connected = True
        self._leaving = threading.Event()
        self._client = httpx.Client(base_url=client.base_url, cookies=client.cookies, timeout=15)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def leave(self) -> None:
        self._leaving.set()
        self._thread.join()
        self._client.close()

    def _watch(self) -> None:
        with contextlib.suppress(httpx.TransportError), self._client.stream("GET", "/video_feed") as answer:
            for chunk in answer.iter_raw():
                self.received += len(chunk)
                if self._leaving.is_set():
                    return
        self.is_connected = False
