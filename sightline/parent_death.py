"""Processes that end with the one that started them, whatever kills it: the kernel sends the signal."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def end_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Ask for that signal when the parent dies; False when it is gone already. Does nothing but on Linux.

    The kernel means the thread that started this process: it must live as long as the process may.
    """
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    return os.getppid() == parent


def ending_with_us(number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """For `preexec_fn`: the child ends when we do."""
    parent = os.getpid()

    def prepare() -> None:
        if not end_with_parent(parent, number):
            os._exit(1)

    return prepare
