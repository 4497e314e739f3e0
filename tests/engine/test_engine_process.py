"""The engine as a process: stop, crash, start again, a second one, what it keeps."""

import signal
import socket
import subprocess
import sys

import psutil
import pytest

from tests.engine.conftest import free_port, start_engine, stop_engine
from tests.live_fakes import wait_for

pytestmark = pytest.mark.system


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def test_sigterm_stops_cleanly_while_watched(folder):
    engine = start_engine(folder, free_port())
    engine.client.post("/cameras/default/wait?timeout_s=20")
    watcher = engine.watch("default")
    watcher.wait(lambda parts: parts)
    engine.process.send_signal(signal.SIGTERM)
    assert engine.process.wait(30) == 0
    assert watcher.is_ended.wait(30)
    assert not engine.settings.engine_socket.exists()
    engine.client.close()
    assert "Traceback" not in (folder / "engine.log").read_text()


def test_after_a_kill_it_starts_again_with_the_same_cameras_and_switches(folder):
    engine = start_engine(folder, free_port())
    engine.process.kill()
    engine.process.wait(30)
    engine.client.close()
    assert engine.settings.engine_socket.exists(), "the dead engine's socket stays behind"
    again = start_engine(folder, free_port())
    assert again.client.post("/cameras/default/wait?timeout_s=20").status_code == 200
    assert stop_engine(again) == 0


def test_a_second_engine_refuses_to_take_the_first_ones_place(folder):
    engine = start_engine(folder, free_port())
    environ = {"DATA_DIR": str(folder / "var"), "PYTHONPATH": ":".join(p for p in sys.path if p)}
    second = subprocess.run(
        [sys.executable, "-m", "sightline.engine"], env=environ, cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert engine.client.get("/health").status_code == 200
    assert stop_engine(engine) == 0


def test_cameras_that_come_and_go_leave_no_threads_and_descriptors(folder):
    engine = start_engine(folder, free_port())
    process = psutil.Process(engine.process.pid)

    def one_round():
        engine.live("guest", chain=engine.chain(motion_detection=True))
        watcher = engine.watch("guest")
        watcher.wait(lambda parts: len(parts) >= 2)
        assert engine.client.delete("/cameras/guest").status_code == 204
        assert watcher.is_ended.wait(30)

    for _ in range(3):
        one_round()
    wait_for(lambda: engine.client.get("/health").json()["encoders"] == 0, "the encoders to stop")
    threads, descriptors = process.num_threads(), process.num_fds()
    for _ in range(8):
        one_round()
    wait_for(lambda: process.num_threads() <= threads + 1, "the threads to end")
    wait_for(lambda: process.num_fds() <= descriptors + 2, "the descriptors to close")
    assert stop_engine(engine) == 0


def test_a_camera_whose_row_no_longer_reads_does_not_stop_the_others(folder):
    from sightline.records.cameras import Camera, Cameras
    from sightline.records.database import Database

    database = Database(f"sqlite:///{folder}/var/sightline.db")
    database.migrate()
    cameras = Cameras(database)
    cameras.add(Camera("broken", "Broken", "exec:ls", chain={"stages": [{"name": "gone"}]}))
    cameras.add(Camera("good", "Good", "demo:?size=320x180&fps=30"))
    database.close()
    engine = start_engine(folder, free_port())
    assert engine.client.post("/cameras/good/wait?timeout_s=20").status_code == 200
    broken = engine.client.get("/cameras/broken").json()
    assert broken["state"] == "stopped"
    assert broken["message"]
    assert stop_engine(engine) == 0


def test_events_are_kept(folder):
    from sightline.records.database import Database
    from sightline.records.events import Events

    engine = start_engine(folder, free_port())
    engine.client.post("/cameras/default/wait?timeout_s=20")
    assert stop_engine(engine) == 0
    database = Database(engine.settings.database)
    kinds = [event.kind for event in Events(database).list(camera="default")]
    database.close()
    assert "camera.live" in kinds


def test_a_taken_port_is_an_error_not_a_crash(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environ = {
            "DATA_DIR": str(folder / "var"), "PYTHONPATH": ":".join(p for p in sys.path if p),
            "ENGINE_BIND": f"127.0.0.1:{taken.getsockname()[1]}",
        }  # fmt: skip
        result = subprocess.run(
            [sys.executable, "-m", "sightline.engine"],
            env=environ,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert result.returncode == 1
    assert "ENGINE_BIND" in result.stderr
    assert "Traceback" not in result.stderr
