"""Each process started with a setting that is wrong: one line that names it, no traceback, an exit status, and no second try."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.installation import EVENTLET, GUNICORN, ROOT

pytestmark = pytest.mark.system

ENGINE, WORKER = ("-m", "sightline.engine"), ("-m", "sightline.worker")
COMMANDS = [pytest.param(command, id=name) for name, command in {
    "engine": ENGINE, "worker": WORKER, "gunicorn": GUNICORN, "eventlet": EVENTLET,
}.items()]  # fmt: skip
NOBODY_THERE = "postgresql://x:pass-word@127.0.0.1:1/y"


def run(command: tuple[str, ...], folder: Path, name: str, value: str) -> subprocess.CompletedProcess[str]:
    """Run it until it ends by itself."""
    # eventlet warns of its own age whenever it is imported.
    own = {"DATA_DIR": str(folder), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", name: value}
    environment = {**os.environ, **own}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("name", "value"), [("PORT", "no"), ("CAMERA_ALLOW_NETWORKS", "somewhere")])
def test_a_wrong_value_is_named_in_one_line(tmp_path: Path, command: tuple[str, ...], name: str, value: str) -> None:
    done = run(command, tmp_path, name, value)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith(f"Setting {name}:"), done.stderr
    assert value not in done.stderr.partition(":")[2].split()


@pytest.mark.parametrize(("command", "is_gunicorn"), [(ENGINE, False), (GUNICORN, True), (EVENTLET, False)])
@pytest.mark.parametrize(("value", "status"), [("nonsense", 2), (NOBODY_THERE, 1)])
def test_a_database_that_cannot_be_used_ends_it(
    tmp_path: Path, free_port: int, command: tuple[str, ...], is_gunicorn: bool, value: str, status: int
) -> None:
    done = run((*command, "-b", f"127.0.0.1:{free_port}") if is_gunicorn else command, tmp_path, "DATABASE_URL", value)

    assert done.returncode == (3 if is_gunicorn else status), done.stderr  # 3: gunicorn's "worker failed to boot"
    assert done.stderr.count("DATABASE_URL") == 1, "one try, one line"
    assert "Traceback" not in done.stderr and "pass-word" not in done.stderr, done.stderr
