"""An S3 service as a process of its own, that can be killed and comes back at the same address; what it was sent is in its log."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from sightline.jobs.outbox import Outbox
from sightline.records.database import Database
from sightline.records.outbox import OutboxItems
from sightline.settings import Settings
from sightline.storage import bucket_storage

BUCKET = "frames"
_PUT = re.compile(rf'"PUT /{BUCKET}/(\S+) HTTP[^"]*" 200')


class S3Service:
    """moto's server. It forgets everything when it is killed, so the log of requests is the memory."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, with_bucket: bool = True) -> None:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{self.url}/moto-api/", timeout=5)
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "moto did not start"
                time.sleep(0.1)
        if with_bucket:
            self.make_bucket()

    def make_bucket(self) -> None:
        httpx.put(f"{self.url}/{BUCKET}", timeout=5).raise_for_status()

    def kill(self) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it hang: connections are taken, nothing is answered."""
        assert self._process
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        os.kill(self._process.pid, signal.SIGCONT)

    def puts(self) -> list[str]:
        """Keys of all objects that arrived, in order, over all its lives."""
        return _PUT.findall(self._log.read_text())


@pytest.fixture
def s3(free_port, tmp_path):
    service = S3Service(free_port, tmp_path / "s3.log")
    yield service
    service.kill()


@pytest.fixture
def environ(s3, tmp_path) -> dict[str, str]:
    """The environment of a process that uses `s3`."""
    return {
        "DATA_DIR": str(tmp_path / "var"), "S3_BUCKET_NAME": BUCKET, "S3_ENDPOINT_URL": s3.url, "DISK_RESERVE": "0",
        "AWS_ACCESS_KEY_ID": "key-id", "AWS_SECRET_ACCESS_KEY": "very-secret",
    }  # fmt: skip


@pytest.fixture
def s3_settings(environ) -> Settings:
    return Settings.from_env(environ)


@pytest.fixture
def database(s3_settings):
    opened = Database(s3_settings.database)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def outbox(s3_settings, database) -> Outbox:
    return Outbox(s3_settings, database)


@pytest.fixture
def items(database) -> OutboxItems:
    return OutboxItems(database)


@pytest.fixture
def bucket(s3_settings):
    return bucket_storage(s3_settings)
