"""Fixtures for the whole suite: where the footage is, outside programs, free ports, settings, a real camera, the whole product.

A missing program or clip skips the test with a reason on a developer's machine and fails it where `CI=true`
(`SIGHTLINE_REQUIRE_ASSETS=1` for the clips), so that nothing is silently left out there.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sightline.settings import Settings
from tests.running_product import Product, start_product

ROOT = Path(__file__).resolve().parent.parent
ASSETS = (ROOT / os.environ.get("SIGHTLINE_ASSETS", "../shared/assets")).resolve()
IS_CI = os.environ.get("CI") == "true"
DEBIAN_PYTHON = "/usr/bin/python3"


def _missing(reason: str, is_failure: bool) -> None:
    if is_failure:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def require() -> Callable[..., str]:
    """`require("nginx")` returns the program's path; without it the test is skipped (CI: fails)."""

    def find(tool: str, reason: str = "") -> str:
        path = shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if path is None:
            _missing(reason or f"{tool} is not installed", IS_CI)
        return str(path)

    return find


@pytest.fixture(scope="session")
def unavailable() -> Callable[[str], None]:
    """`unavailable("why")` skips the test (CI: fails), for what is not a program on the PATH."""
    return lambda reason: _missing(reason, IS_CI)


@pytest.fixture(scope="session")
def asset() -> Callable[[str], Path]:
    """`asset("video/street_people_720p.mp4")` returns the clip's path; without the footage the test is skipped."""

    def find(name: str) -> Path:
        path = ASSETS / name
        if not path.exists():
            _missing(f"{name} is not in {ASSETS}", os.environ.get("SIGHTLINE_REQUIRE_ASSETS") == "1")
        return path

    return find


@pytest.fixture(scope="session")
def assets(asset: Callable[[str], Path]) -> Path:
    """The folder of test footage."""
    return asset("video").parent


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Default settings with a DATA_DIR of the test's own."""
    return Settings.from_env({}, data_dir=str(tmp_path / "var"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    """A TCP port on which nothing listens."""
    return _free_port()


@pytest.fixture(scope="session")
def free_ports() -> Callable[[], int]:
    """As `free_port`, several times in one test."""
    return _free_port


def _wait_until(condition: Callable[[], object], timeout_s: float = 30.0, what: str = "the condition") -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true in {timeout_s:g} s")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """`wait_until(lambda: ..., timeout_s=30, what="...")`: for conditions of other processes, which cannot be awaited."""
    return _wait_until


@dataclass
class RtspCamera:
    """The camera of `tests/rtsp_server.py` as a process."""

    process: subprocess.Popen[str]
    port: int
    urls: list[str]

    @property
    def live_url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def tell(self, command: str) -> None:
        """Switch a fault: drop, freeze, thaw, size 320x240."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        while not self.process.stdout.readline().startswith("done"):
            assert self.process.poll() is None, "the RTSP server died"

    def unplug(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.unplug()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


def _start_camera(port: int, arguments: tuple[str, ...]) -> RtspCamera:
    command = [DEBIAN_PYTHON, str(ROOT / "tests" / "rtsp_server.py"), "--port", str(port), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    urls = [line.strip() for line in iter(process.stdout.readline, "ready\n") if line or process.wait()]
    return RtspCamera(process, port, urls)


@pytest.fixture
def rtsp_camera() -> Iterator[Callable[..., RtspCamera]]:
    """`rtsp_camera("--user", "ann", "/clip=path", port=None)` starts a real RTSP camera; stopped after the test."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    if subprocess.run([DEBIAN_PYTHON, "-c", probe], capture_output=True, check=False).returncode:
        _missing("the packages python3-gi and gir1.2-gst-rtsp-server-1.0 are not installed", IS_CI)
    started: list[RtspCamera] = []

    def start(*arguments: str, port: int | None = None) -> RtspCamera:
        started.append(_start_camera(port or _free_port(), arguments))
        return started[-1]

    yield start
    for camera in started:
        camera.close()


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """`product(ENGINE_BIND="…")` starts the whole of Sightline and waits until the web answers; stopped after the test.

    `root=folder` starts a copy of the project instead.
    """
    started: list[Product] = []

    def start(root: Path = ROOT, **environment: str) -> Product:
        started.append(start_product(tmp_path / f"product{len(started)}", _free_port(), root, **environment))
        return started[-1]

    yield start
    for running in started:
        running.close()
