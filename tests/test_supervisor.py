"""The supervisor: restarts what dies, stops everything, leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sightline import supervisor
from sightline.errors import Conflict
from sightline.settings import Settings
from sightline.supervisor import (
    RESTART_DELAYS_S,
    Program,
    Pulse,
    RestartDelay,
    check_port_free,
    claim_data_dir,
    dashboard_url,
    programs,
)

ROOT = Path(__file__).resolve().parent.parent

SLEEPER = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\nwhile True: signal.pause()"
FAMILY = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import signal; signal.pause()'])"


def test_a_local_engine_is_started_and_a_remote_one_is_not(settings: Settings) -> None:
    assert [p.name for p in programs(settings)] == ["engine", "web", "worker"]
    remote = Settings.from_env({"ENGINES": "http://10.0.0.9:8081"})
    assert [p.name for p in programs(remote)] == ["web", "worker"]
    both = Settings.from_env({"ENGINES": f"unix:{settings.engine_socket},http://b:1"}, data_dir=str(settings.data_dir))
    assert [p.name for p in programs(both)] == ["engine", "web", "worker"]


def test_the_web_server_follows_the_async_mode() -> None:
    threaded, eventlet = (programs(Settings.from_env({"SOCKETIO_ASYNC_MODE": mode}))[1] for mode in ("threading", "eventlet"))
    assert "gunicorn" in threaded.command and "app:create_app()" in threaded.command
    assert eventlet.command[1:] == ("-m", "sightline.web")


def test_restarts_come_at_once_then_slower_and_a_healthy_run_forgives() -> None:
    delay = RestartDelay()
    assert [delay.next_s(1) for _ in range(7)] == [*RESTART_DELAYS_S, RESTART_DELAYS_S[-1], RESTART_DELAYS_S[-1]]
    assert [delay.next_s(61), delay.next_s(1)] == [RESTART_DELAYS_S[0], RESTART_DELAYS_S[1]]


def test_a_child_that_hangs_is_noticed_but_a_slow_start_is_not() -> None:
    now, answer = [0.0], [False]
    pulse = Pulse(lambda: answer[0], lambda: now[0])

    def after(seconds: float, *, answers: bool) -> bool:
        now[0] += seconds
        answer[0] = answers
        return pulse.is_lost()

    assert not any(after(5, answers=False) for _ in range(20))  # still starting
    assert not after(5, answers=True)
    assert [after(5, answers=False) for _ in range(4)] == [False, False, False, True]
    pulse.restart()
    assert not any(after(5, answers=False) for _ in range(20))
    assert not after(5, answers=True)
    assert not any(after(5, answers=number % 4 == 0) for number in range(20))  # a miss now and then is forgiven


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://localhost:5000"), ("0.0.0.0", "http://localhost:5000"), ("10.0.0.4", "http://10.0.0.4:5000")],
)
def test_the_url_shown_can_be_opened(host: str, url: str) -> None:
    assert dashboard_url(Settings.from_env({"HOST": host})) == url


def test_a_taken_port_is_refused_in_words() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} is already in use"):
            check_port_free("127.0.0.1", port)
    check_port_free("127.0.0.1", port)


def test_a_foreign_address_is_refused_in_words(free_port: int) -> None:
    with pytest.raises(Conflict, match="Set HOST"):
        check_port_free("203.0.113.7", free_port)


def test_one_data_dir_serves_one_sightline(settings: Settings) -> None:
    with claim_data_dir(settings), pytest.raises(Conflict, match="already runs with the data folder"):
        claim_data_dir(settings)
    claim_data_dir(settings).close()


@pytest.mark.parametrize(("name", "value"), [("PORT", "no"), ("CAMERA_ALLOW_NETWORKS", "somewhere")])
def test_what_cannot_start_says_why_and_exits_with_2(tmp_path: Path, name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        env={**os.environ, name: value, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"Sightline cannot start: Setting {name}:")
    assert "Traceback" not in done.stderr


class Family:
    """A supervisor over little programs of the test's own."""

    def __init__(self, folder: Path, scripts: dict[str, str]) -> None:
        self.log_path = folder / "log"
        commands = tuple((name, ("-c", script)) for name, script in scripts.items())
        main = f"""
            import sys
            from pathlib import Path
            from sightline import supervisor
            supervisor.programs = lambda _settings: tuple(
                supervisor.Program(name, (sys.executable, *arguments)) for name, arguments in {commands!r}
            )
            sys.exit(supervisor.main(Path.cwd()))
        """
        with self.log_path.open("wb") as log, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
            probe.close()
            environment = {**os.environ, "DATA_DIR": str(folder / "var"), "PORT": port, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", textwrap.dedent(main)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def pids(self, name: str) -> list[int]:
        return [int(line.rsplit(" ", 1)[1]) for line in self.log.splitlines() if f": {name} started, pid " in line]

    def everybody(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; what is dead and only waits for init to notice does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Callable[..., Family]]:
    started: list[Family] = []

    def start(**scripts: str) -> Family:
        started.append(Family(tmp_path, scripts))
        return started[-1]

    yield start
    for each in started:
        for child in each.everybody() if each.process.poll() is None else []:
            child.kill()
        each.process.kill()
        each.process.wait()


@pytest.mark.system
def test_a_child_that_dies_comes_back_and_the_others_are_not_touched(family: Callable[..., Family], wait_until: Callable) -> None:
    running = family(engine=SLEEPER, web=SLEEPER)
    wait_until(lambda: running.pids("engine") and running.pids("web"))
    os.kill(running.pids("engine")[0], signal.SIGKILL)
    wait_until(lambda: len(running.pids("engine")) == 2, what="the restart")
    assert "engine ended (killed by SIGKILL); it starts again now" in running.log
    assert len(running.pids("web")) == 1
    assert psutil.pid_exists(running.pids("web")[0])


@pytest.mark.system
def test_a_child_that_keeps_failing_is_started_ever_more_slowly(family: Callable[..., Family], wait_until: Callable) -> None:
    running = family(web=SLEEPER, worker="raise SystemExit(3)")
    wait_until(lambda: "worker ended (exit code 3); it starts again in 2 s" in running.log)
    assert "it starts again now" in running.log
    assert "it starts again in 1 s" in running.log


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_everything_even_the_deaf(family: Callable[..., Family], wait_until: Callable, number: int) -> None:
    running = family(engine=STUBBORN, web=FAMILY, worker=SLEEPER)
    wait_until(lambda: len(running.everybody()) == 4 and "deaf" in running.log)
    everybody = running.everybody()
    running.process.send_signal(number)
    assert running.process.wait(30) == 0
    assert not any(is_alive(process) for process in everybody)
    assert "engine did not stop" in running.log


@pytest.mark.system
def test_what_a_dead_child_had_started_dies_too(family: Callable[..., Family], wait_until: Callable) -> None:
    running = family(web=FAMILY)
    wait_until(lambda: len(running.everybody()) == 2)
    child, grandchild = sorted(running.everybody(), key=lambda process: process.pid != running.pids("web")[0])
    child.kill()
    wait_until(lambda: not is_alive(grandchild))


@pytest.mark.system
def test_nothing_is_left_when_the_supervisor_is_killed(family: Callable[..., Family], wait_until: Callable) -> None:
    running = family(engine=SLEEPER, web=SLEEPER, worker=SLEEPER)
    wait_until(lambda: len(running.everybody()) == 3)
    everybody = running.everybody()
    running.process.kill()
    wait_until(lambda: not any(is_alive(process) for process in everybody), timeout_s=5, what="the children's end")


def test_programs_are_values() -> None:
    assert Program("a", ("b",)) == Program("a", ("b",))
    assert supervisor.EXIT_CANNOT_START == 2
