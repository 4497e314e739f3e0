"""The other programs a benchmark needs: the naive loop, an RTSP camera, Debian's `motion` daemon."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.product import ROOT, free_port, wait_until
from benchmarks.report import fail

RTSP_SERVER = ROOT / "tests" / "rtsp_server.py"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def program(command: list[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server process that is ready when its port is, and gone after the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        wait_until(lambda: _listens(port), 20, f"{command[0]} (see {log.name})")
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def naive_loop(clip: Path, *, with_stages: bool) -> Iterator[tuple[str, psutil.Process]]:
    """The baseline's MJPEG address and process."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.naive", str(clip), str(port), *(["--stages"] if with_stages else [])]
    with program(command, port, clip.with_name("naive.log")) as process:
        yield f"http://127.0.0.1:{port}/", psutil.Process(process.pid)


@contextlib.contextmanager
def rtsp_server(clip: Path, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """An RTSP address that plays `clip` to each client, and the process behind it."""
    command = ["/usr/bin/python3", str(RTSP_SERVER), "--port", str(port), f"/street={clip}"]
    with program(command, port, clip.with_name("rtsp.log")) as process:
        yield f"rtsp://127.0.0.1:{port}/street", process


@contextlib.contextmanager
def rtsp_camera(clip: Path, port: int | None = None) -> Iterator[str]:
    """An RTSP address that plays `clip` to each client."""
    with rtsp_server(clip, port or free_port()) as (address, _process):
        yield address


@contextlib.contextmanager
def motion_daemon(source: str, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Debian's motion on `source` at the full rate, with its stream on; nothing is written to disk."""
    if shutil.which("motion") is None:
        fail("Debian's motion is not installed (apt-get install motion)")
    port = free_port()
    config = folder / "motion.conf"
    config.write_text(
        f"daemon off\nnetcam_url {source}\nwidth 1280\nheight 720\nframerate 30\nstream_port {port}\nstream_localhost on\n"
        "stream_maxrate 30\nstream_quality 80\npicture_output off\nmovie_output off\nlog_level 4\ntarget_dir /nonexistent\n"
    )
    with program(["motion", "-n", "-c", str(config)], port, folder / "motion.log") as process:
        yield f"http://127.0.0.1:{port}/", psutil.Process(process.pid)
