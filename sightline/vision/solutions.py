"""Loading of mediapipe's "solutions" (the models inside its wheel), without the noise its native code writes to standard error.

Used by the analyzers' factories only: importing mediapipe takes half a second and 65 MB.
"""

import importlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from sightline.errors import AnalyzerError

NOISE = (
    b"inference_feedback_manager.cc",
    b"TensorFlow Lite XNNPACK delegate",
    b"All log messages before absl::InitializeLog",
    b"landmark_projection_calculator.cc",
)
"""Lines that mediapipe always writes, and that tell an operator nothing."""

LANDMARKS = frozenset({"pose", "hands", "face_mesh"})

_stderr_lock = threading.Lock()


def missing_mediapipe() -> str | None:
    """The reason why mediapipe's models cannot run here, or None. Imports nothing."""
    if find_spec("mediapipe") is None:
        return "The package mediapipe is not installed; install the packages of requirements.lock."
    return None


class Solution:
    """A loaded model.

    mediapipe's objects hold themselves through their native graph and are never collected (a pose model is 110 MB and two
    threads): this one closes its own when it is let go.
    """

    def __init__(self, model: Any) -> None:
        self.process = model.process
        """From an RGB picture to mediapipe's answer."""
        self._end = weakref.finalize(self, model.close)
        # At the end of the process all memory is free anyway, and its threads may be gone already.
        self._end.atexit = False

    def close(self) -> None:
        """Free its memory and threads; again does nothing."""
        self._end()


def open_solution(module: str, make: Callable[[Any], Any], warm_up: Callable[[Solution], object]) -> Solution:
    """Import `mediapipe.python.solutions.<module>`, make the model and run it once.

    Args:
        make: gets the module, gives the model.
        warm_up: runs the model once; native code writes its last noise there.

    Raises:
        AnalyzerError: the package is missing or the model cannot be loaded.
    """
    reason = missing_mediapipe()
    if reason is not None:
        raise AnalyzerError(reason, code="model_unavailable")
    with _held_back_stderr():
        try:
            if module in LANDMARKS:
                _warn_once()
            solution = Solution(make(importlib.import_module(f"mediapipe.python.solutions.{module}")))
            warm_up(solution)
        except (ImportError, RuntimeError, ValueError, OSError) as err:
            raise AnalyzerError(f"mediapipe's model {module} cannot be loaded: {err}", code="model_broken") from err
    return solution


@cache
def _warn_once() -> None:
    """Have mediapipe place landmarks once: it then writes a line, which would else come when the first face is in view."""
    mesh = importlib.import_module("mediapipe.python.solutions.face_mesh").FaceMesh(
        static_image_mode=True, max_num_faces=1, min_detection_confidence=0.0
    )
    mesh.process(np.zeros((128, 128, 3), np.uint8))
    mesh.close()


@contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Hold back all that is written to descriptor 2, then pass it on without the known noise: nothing of other threads is lost."""
    with _stderr_lock:
        original = os.dup(2)
        held = os.memfd_create("stderr")
        os.dup2(held, 2)
        try:
            yield
        finally:
            os.dup2(original, 2)
            os.close(original)
            _pass_on(held)


def _pass_on(held: int) -> None:
    with os.fdopen(held, "rb") as lines:
        lines.seek(0)
        # One noisy line ends without a line feed, so what follows it on the same line is noise as well.
        kept = b"".join(line for line in lines if not any(words in line for words in NOISE))
    if kept:
        os.write(2, kept)
