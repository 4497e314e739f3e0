"""A real engine process per test module, on its Unix socket and on TCP, playing the demo scene and short clips."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

from sightline.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Part:
    """One part of a multipart stream."""

    seq: int
    timestamp: float
    captured_ns: int
    jpeg: bytes


class PartReader:
    """Takes a multipart stream apart, strictly by its own headers."""

    def __init__(self) -> None:
        self._buffer = b""
        self.parts: list[Part] = []

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while True:
            self._buffer = self._buffer.lstrip(b"\r\n")
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            lines = head.decode().split("\r\n")
            assert lines[0] == "--frame", lines[0]
            fields = dict(line.split(": ", 1) for line in lines[1:])
            length = int(fields["Content-Length"])
            if len(rest) < length:
                return
            assert fields["Content-Type"] == "image/jpeg"
            self.parts.append(
                Part(int(fields["X-Sequence"]), float(fields["X-Timestamp"]), int(fields["X-Captured-Ns"]), rest[:length])
            )
            self._buffer = rest[length:]


class Watcher:
    """A viewer in a thread of its own."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self.reader = PartReader()
        self.is_ended = threading.Event()
        self.error: Exception | None = None
        self.stop = threading.Event()
        self._grew = threading.Condition()
        self._client, self._url = client, url
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def wait(self, condition: Callable[[list[Part]], object], timeout_s: float = 20.0) -> list[Part]:
        """Wait until the parts so far fulfil `condition`."""
        with self._grew:
            assert self._grew.wait_for(lambda: condition(self.reader.parts), timeout_s), "the pictures did not come"
        return self.reader.parts

    def close(self) -> None:
        self.stop.set()
        self._thread.join(10)

    def _watch(self) -> None:
        try:
            with self._client.stream("GET", self._url) as response:
                assert response.status_code == 200
                for data in response.iter_raw():
                    with self._grew:
                        self.reader.feed(data)
                        self._grew.notify_all()
                    if self.stop.is_set():
                        return
        except httpx.TransportError as err:
            self.error = err
        finally:
            self.is_ended.set()


@dataclass
class EngineProcess:
    """A running engine and clients for it."""

    process: subprocess.Popen[bytes]
    settings: Settings
    port: int
    client: httpx.Client
    folder: Path
    watchers: list[Watcher] = field(default_factory=list)

    def put(self, camera_id: str, source: str = "demo:?size=320x180&fps=30", **changes: Any) -> httpx.Response:
        body = {"id": camera_id, "name": camera_id, "source": source, "source_options": {}, "is_running": True, "chain": {}}
        return self.client.put(f"/cameras/{camera_id}", json=body | changes)

    def chain(self, **on: dict[str, Any] | bool) -> dict[str, Any]:
        """`chain(grayscale=True, blur={"kernel_px": 9})`"""
        stages = [{"name": name, "enabled": True, "params": value if isinstance(value, dict) else {}} for name, value in on.items()]
        return {"stages": stages, "processing": True}

    def live(self, camera_id: str, source: str = "demo:?size=320x180&fps=30", **changes: Any) -> None:
        """Put a camera and wait for its first picture."""
        assert self.put(camera_id, source, **changes).status_code == 200
        waited = self.client.post(f"/cameras/{camera_id}/wait?timeout_s=20")
        assert waited.status_code == 200, waited.text

    def watch(self, camera_id: str, query: str = "") -> Watcher:
        watcher = Watcher(self.client, f"/media/{camera_id}/mjpeg{query}")
        self.watchers.append(watcher)
        return watcher

    def stats(self, camera_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/cameras/{camera_id}/stats")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def tcp(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=20)


def start_engine(folder: Path, port: int, **variables: str) -> EngineProcess:
    """Start an engine with its data in `folder`; returns once it answers."""
    own = {
        "DATA_DIR": str(folder / "var"), "MEDIA_DIRS": str(folder), "ENGINE_BIND": f"127.0.0.1:{port}",
        "VIDEO_FILE_PATH": "demo:?size=320x180&fps=30", "COST_PREVIEW": "0", **variables,
    }  # fmt: skip
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), **own}
    settings = Settings.from_env(own)
    log = (folder / "engine.log").open("ab")
    process = subprocess.Popen([sys.executable, "-m", "sightline.engine"], env=environ, cwd=folder, stderr=log, stdout=log)
    log.close()
    client = httpx.Client(
        transport=httpx.HTTPTransport(uds=str(settings.engine_socket), limits=httpx.Limits(max_connections=200)),
        base_url="http://engine", timeout=30,
    )  # fmt: skip
    engine = EngineProcess(process, settings, port, client, folder)
    pause = threading.Event()
    for _ in range(300):
        if process.poll() is not None:
            break
        if _answers(settings.engine_socket):
            return engine
        pause.wait(0.1)
    raise AssertionError((folder / "engine.log").read_text())


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def stop_engine(engine: EngineProcess) -> int:
    for watcher in engine.watchers:
        watcher.stop.set()
    engine.process.terminate()
    status = engine.process.wait(30)
    engine.client.close()
    return status


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    engine = start_engine(tmp_path_factory.mktemp("engine"), free_port())
    yield engine
    log = (engine.folder / "engine.log").read_text()
    assert stop_engine(engine) == 0, log
    assert "Traceback" not in log, log


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of 320×180 at 30 fps: plain orange, so that a filter shows in every pixel."""
    path = tmp_path_factory.mktemp("clips") / "orange.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 180, "yuv420p", 2_000_000
        image = np.full((180, 320, 3), (0, 100, 220), np.uint8)
        for _ in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode())
    return path
