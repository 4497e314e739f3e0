"""Outside programs of a job: run without a shell, watched, and ended when the job is cancelled."""

import contextlib
import logging
import selectors
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from sightline.errors import JobError, SightlineError
from sightline.parent_death import ending_with_us

log = logging.getLogger(__name__)

TICK_S = 0.5
END_CHARS = 2_000
"""So much of the end of what a program said stands in the error."""
SEARCHED_BYTES = 256 * 1024
"""What led to the end may stand well before it."""
TERMINATE_S = 5.0
NO_SPACE = ("No space left on device", "Disk quota exceeded", "Read-only file system")


def disk_full(detail: str) -> JobError:
    """The disk takes nothing more; it may again, once something was deleted."""
    message = "The disk is full, or refuses to be written. Delete jobs, frames or files, then try again."
    return JobError(message, code="disk_full", detail=detail, is_transient=True)


class Cancelled(SightlineError):
    """Somebody wants the job to end."""

    default_code = "cancelled"


def run_command(command: Sequence[str], on_progress: Callable[[float], None], *, duration_s: float | None = None) -> None:
    """Run a program to its end.

    Args:
        on_progress: called with the share 0..1 at least twice a second; what it raises ends the program.
        duration_s: length of what ffmpeg writes; None: the share stays 0.

    Raises:
        JobError: `command_missing`, `command_failed` (facts: command, detail), `disk_full`.
    """
    log.debug("Running %s", shlex.join(command))
    with tempfile.TemporaryFile() as said:
        with started(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as process:
            assert process.stdout is not None
            for share in _shares(process.stdout, duration_s):
                on_progress(share)
            code = process.wait()
        if code != 0:
            raise failure_of(command, code, said)


def _shares(stdout: IO[bytes], duration_s: float | None) -> Iterator[float]:
    """The share that is done, twice a second, until the program closes its output."""
    share = 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while True:
            if selector.select(TICK_S):
                lines = stdout.read1(65536)  # type: ignore[attr-defined]
                if not lines:
                    return
                share = max(share, _share(lines, duration_s))
            yield share


def _share(lines: bytes, duration_s: float | None) -> float:
    done_us = [value for key, _, value in (line.partition(b"=") for line in lines.splitlines()) if key == b"out_time_us"]
    if not duration_s or not done_us or not done_us[-1].strip().lstrip(b"-").isdigit():
        return 0.0
    return min(1.0, max(0.0, int(done_us[-1]) / 1e6 / duration_s))


@contextlib.contextmanager
def started(command: Sequence[str], *, stdin: int, stdout: int, stderr: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """A program that outlives neither what happens inside nor this process, however that ends.

    Raises:
        JobError: `command_missing`.
    """
    try:
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, preexec_fn=ending_with_us())
    except OSError as err:
        raise JobError(f"The program {Path(command[0]).name} cannot be started.", code="command_missing", detail=str(err)) from err
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            _close(process.stdin)  # it may wait for more
            try:
                process.wait(TERMINATE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _close(process.stdin)
        _close(process.stdout)


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError):  # what the program did not take any more
            pipe.close()


def failure_of(command: Sequence[str], code: int, said: IO[bytes]) -> JobError:
    """The error of a program that ended with that code; `said` is what it wrote to its standard error."""
    said.seek(0, 2)
    said.seek(max(0, said.tell() - SEARCHED_BYTES))
    searched = said.read().decode("utf-8", "replace").strip()
    words = searched[-END_CHARS:]
    name = Path(command[0]).name
    if any(sign in searched for sign in NO_SPACE):
        return disk_full(words)
    return JobError(_end_in_words(name, code), code="command_failed", command=shlex.join(command), detail=words)


def _end_in_words(name: str, code: int) -> str:
    if code == -signal.SIGKILL:
        return f"{name} was killed from outside; mostly the machine had no memory left. Try again when it has less to do."
    return f"{name} failed (signal {-code})." if code < 0 else f"{name} failed (exit code {code})."
