"""Starts engine, web and worker as child processes, restarts the one that dies, and stops them all at the end.

Runs in the main thread of `python app.py` and has no other thread: signals wake one select loop. Children write their logs to our
own stderr directly. A child that dies takes nobody along; when this process itself is killed, the kernel tells the children to
stop (parent-death signal). In containers the three commands are run separately and nothing of this is used.
"""

import errno
import fcntl
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

from sightline import logs, pulse
from sightline.errors import Conflict, SightlineError
from sightline.parent_death import ending_with_us
from sightline.settings import Settings

log = logging.getLogger(__name__)

RESTART_DELAYS_S = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Pause before the first, second, … restart in a row; the last one repeats."""
HEALTHY_AFTER_S = 60.0
"""A child that ran this long starts its row of restarts anew."""
STOP_GRACE_S = 3.5
"""From SIGTERM to SIGKILL; with the reaping the whole stop stays below 5 s."""
TICK_S = 0.5
EXIT_CANNOT_START = 2
PULSE_INTERVAL_S = 5.0
PULSE_TIMEOUT_S = 1.0
PULSE_MISSES = 4
"""So many questions without an answer, after it had answered once, and a hanging child is killed."""


@dataclass(frozen=True, slots=True)
class Program:
    """One kind of child process."""

    name: str
    command: tuple[str, ...]
    answers: Callable[[], bool] | None = None
    """Whether it answers now, within PULSE_TIMEOUT_S; None: it cannot be asked."""


def programs(settings: Settings) -> tuple[Program, ...]:
    """What runs here, in start order. The engine only when one of the engine addresses is the local one."""
    python = sys.executable
    gunicorn = (python, "-m", "gunicorn", "-c", "python:sightline.web.gunicorn_conf", "app:create_app()")
    web = (python, "-m", "sightline.web") if settings.socketio_async_mode == "eventlet" else gunicorn
    engine = Program(
        "engine", (python, "-m", "sightline.engine"), lambda: pulse.engine_status(settings, PULSE_TIMEOUT_S) is not None
    )
    others = (Program("web", web), Program("worker", (python, "-m", "sightline.worker")))
    is_engine_local = f"unix:{settings.engine_socket}" in settings.engine_addresses
    return (engine, *others) if is_engine_local else others


class RestartDelay:
    """How long to wait before the next restart of one child."""

    def __init__(self) -> None:
        self._restarts_in_a_row = 0

    def next_s(self, ran_s: float) -> float:
        """Args: ran_s: how long the child that just died had run."""
        if ran_s >= HEALTHY_AFTER_S:
            self._restarts_in_a_row = 0
        delay_s = RESTART_DELAYS_S[min(self._restarts_in_a_row, len(RESTART_DELAYS_S) - 1)]
        self._restarts_in_a_row += 1
        return delay_s


class Pulse:
    """Notices that a child hangs: it answered once, and then PULSE_MISSES times in a row it did not."""

    def __init__(self, answers: Callable[[], bool] | None, clock: Callable[[], float]) -> None:
        self._answers, self._clock = answers, clock
        self.restart()

    def restart(self) -> None:
        """Forget everything: a new process has been started."""
        self._has_answered, self._misses, self._asked_at = False, 0, self._clock()

    def is_lost(self) -> bool:
        """Ask when it is time to; True when the child must be considered dead."""
        if self._answers is None or self._clock() - self._asked_at < PULSE_INTERVAL_S:
            return False
        self._asked_at = self._clock()
        if self._answers():
            self._has_answered, self._misses = True, 0
        else:
            self._misses += self._has_answered
        return self._misses >= PULSE_MISSES


class Child:
    """One program, kept running."""

    def __init__(self, program: Program, root: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = program.name
        self._program, self._root, self._clock = program, root, clock
        self._delay = RestartDelay()
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = clock()
        self._pulse = Pulse(program.answers, clock)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def tend(self) -> None:
        """Start it when it is due; notice its death and plan the restart. Never blocks."""
        if self._process is not None and self._process.poll() is not None:
            self._plan_restart(self._process)
            self._process = None
        if self._process is None and self._clock() >= self._start_at:
            self._start()
        elif self._process is not None and self._pulse.is_lost():
            log.error("%s does not answer any more and is killed", self.name)
            self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal to the child and everything it started."""
        if self._process is not None:
            _signal_group(self._process.pid, number)

    def has_stopped(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _start(self) -> None:
        self._started_at = self._clock()
        self._pulse.restart()
        # A process group of its own: Ctrl-C in the terminal reaches us alone, and `signal` reaches grandchildren too.
        self._process = subprocess.Popen(
            self._program.command,
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=ending_with_us(signal.SIGTERM),
        )
        log.info("%s started, pid %d", self.name, self._process.pid)

    def _plan_restart(self, dead: subprocess.Popen[bytes]) -> None:
        _signal_group(dead.pid, signal.SIGKILL)  # what it had started must not hold ports or sockets
        delay_s = self._delay.next_s(self._clock() - self._started_at)
        self._start_at = self._clock() + delay_s
        log.warning(
            "%s ended (%s); it starts again %s", self.name, _how(dead.returncode), f"in {delay_s:g} s" if delay_s else "now"
        )


class Supervisor:
    """The loop that tends the children until SIGTERM or SIGINT."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings = settings
        self._children = [Child(program, root) for program in programs(settings)]
        self._is_stopping = False
        self._is_announced = False

    def run(self) -> None:
        """Start everything, watch until a stop signal, stop everything. Main thread only."""
        with Wakeups() as wakeups:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._on_stop_signal)
            signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
            while not self._is_stopping:
                for child in self._children:
                    child.tend()
                self._announce_once()
                wakeups.wait(TICK_S)
            self._stop(wakeups)

    def _on_stop_signal(self, number: int, _frame: object) -> None:
        self._is_stopping = True

    def _stop(self, wakeups: "Wakeups") -> None:
        log.info("Stopping")
        for child in self._children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_GRACE_S
        while time.monotonic() < deadline and not all(child.has_stopped() for child in self._children):
            wakeups.wait(0.05)
        for child in self._children:
            if not child.has_stopped():
                log.warning("%s did not stop in %.1f s and is killed", child.name, STOP_GRACE_S)
            child.signal(signal.SIGKILL)
        while not all(child.has_stopped() for child in self._children):
            wakeups.wait(0.05)

    def _announce_once(self) -> None:
        if self._is_announced or pulse.web_status(self._settings, PULSE_TIMEOUT_S) != HTTPStatus.OK:
            return
        self._is_announced = True
        log.info("The dashboard is at %s", dashboard_url(self._settings))


def dashboard_url(settings: Settings) -> str:
    """The address to open in a browser on this machine."""
    host = "localhost" if settings.host in ("0.0.0.0", "::", "127.0.0.1") else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def main(root: Path) -> int:
    """Run the product; returns the exit code: 0 after a stop signal, 2 when it could not start."""
    try:
        settings = Settings.from_env()
        logs.configure(settings, "supervisor")
        lock = claim_data_dir(settings)
        check_port_free(settings.host, settings.port)
    except SightlineError as err:
        sys.stderr.write(f"Sightline cannot start: {err.message}\n")
        return EXIT_CANNOT_START
    with lock:
        Supervisor(settings, root).run()
    return 0


def claim_data_dir(settings: Settings) -> IO[str]:
    """Hold DATA_DIR for this installation until the returned file is closed.

    Raises:
        Conflict: another supervisor runs on the same DATA_DIR.
    """
    folder = settings.data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (folder / "supervisor.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        file.close()
        message = (
            f"another Sightline already runs with the data folder {settings.data_dir}. Stop it, or set DATA_DIR to another folder."
        )
        raise Conflict(message, code="already_running") from err
    return file


def check_port_free(host: str, port: int) -> None:
    """Raises:
    Conflict: nothing can listen there; says what to do.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as err:
        reasons = {
            errno.EADDRINUSE: f"port {port} is already in use. Stop the program that uses it, or set PORT to another number.",
            errno.EACCES: f"port {port} needs special rights. Set PORT to a number from 1024 up.",
        }
        fallback = f"it cannot listen on {host}:{port} ({err.strerror}). Set HOST to an address of this machine."
        raise Conflict(reasons.get(err.errno or 0, fallback), code="port_unavailable", port=port) from err


class Wakeups:
    """Makes every signal end the current `wait`."""

    def __enter__(self) -> "Wakeups":
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_error: object) -> None:
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

    def wait(self, timeout_s: float) -> None:
        if select.select([self._reader], [], [], timeout_s)[0]:
            self._reader.recv(4096)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        log.debug("Process group %d is gone already", pid)


def _how(returncode: int) -> str:
    return f"killed by {signal.Signals(-returncode).name}" if returncode < 0 else f"exit code {returncode}"
