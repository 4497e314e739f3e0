"""A model that is ready to run: the best runtime that takes it, shared by all who open the same file.

`open_session` is what detectors, embedders and classifiers stand on; a stage with a model of its own kind may call it too.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.models import ModelStore
from sightline.media.window import Window
from sightline.vision.inference import onnx_backend
from sightline.vision.inference.backend import Array, Backend, BackendUnusable, TensorSpec
from sightline.vision.inference.budget import Budget, cores_here, default_threads
from sightline.vision.inference.openvino_backend import OpenVinoBackend
from sightline.vision.inference.torch_backend import TorchBackend, missing_torch
from sightline.vision.inference.triton_backend import TritonBackend, TritonServer

log = logging.getLogger(__name__)

DEFAULT_SIDE_PX = 640
"""Side of a picture where the file leaves it open."""

BATCHES_MEASURED = 4
"""Per way of running a batch, before the quicker one is taken."""
CLEARLY_QUICKER = 0.9
"""Share of the time that a batch must stay below: a machine with other work gives chance results."""

Loader = Callable[[Path, int], Backend]


@dataclass(slots=True)
class _Process:
    """What all sessions of this process share."""

    budget: Budget
    sessions: "WeakValueDictionary[tuple[object, ...], Session]"
    loading: dict[tuple[object, ...], threading.Lock]
    lock: threading.Lock
    triton: TritonServer | None = None
    cache_dir: Path | None = None


_process = _Process(Budget(default_threads(cores_here())), WeakValueDictionary(), {}, threading.Lock())


def configure(threads: int = 0, triton_url: str = "", cache_dir: Path | None = None) -> None:
    """Set what all models of this process share. Before the first session is opened.

    Args:
        threads: cores that all models together may use; 0 = those that the video leaves.
        triton_url: a Triton server; the models that it has run there.
        cache_dir: where compiled models are kept; None = nowhere.

    Raises:
        AnalyzerError: the address is none.
    """
    _process.budget = Budget(threads or default_threads(cores_here()))
    _process.triton = TritonServer.at(triton_url) if triton_url else None
    _process.cache_dir = cache_dir


def thread_budget() -> int:
    """Cores that all models together may use."""
    return _process.budget.threads


def open_session(path: Path, threads: int | None = None) -> "Session":
    """Load a model, or return the one that is loaded already.

    Args:
        threads: cores that one run may use; None = the whole budget of the process.

    Raises:
        AnalyzerError: the file is missing, damaged, or of a kind that no installed runtime takes.
    """
    wanted = min(threads or thread_budget(), thread_budget())
    key = _key(path, wanted)
    with _process.lock:
        lock = _process.loading.setdefault(key, threading.Lock())
    with lock:  # of this file only: another model may load meanwhile
        session = _process.sessions.get(key)
        if session is None:
            session = Session(path, wanted, _process.budget)
            with _process.lock:  # `open_sessions` may be going through them
                _process.sessions[key] = session
        return session


def open_sessions() -> tuple["Session", ...]:
    """The models that are loaded in this process now."""
    with _process.lock:
        return tuple(_process.sessions.values())


def _key(path: Path, threads: int) -> tuple[object, ...]:
    """A file that was fetched anew is another model."""
    try:
        state = path.stat()
    except OSError:
        return (path, threads)
    return (path.absolute(), state.st_mtime_ns, state.st_size, threads)


@dataclass(slots=True)
class _Batching:
    """Whether several pictures go through a model together or one after the other; on a processor only measuring tells.

    Each way gets a few batches in turn, then the quicker one gets all. Both give the same numbers.
    """

    together_ns: list[float] = field(default_factory=list)
    """Per picture."""
    single_ns: list[float] = field(default_factory=list)

    def is_together(self) -> bool:
        if len(self.single_ns) < BATCHES_MEASURED or len(self.together_ns) < BATCHES_MEASURED:
            return len(self.together_ns) < len(self.single_ns)
        return min(self.together_ns) < CLEARLY_QUICKER * min(self.single_ns)

    def add(self, is_together: bool, picture_ns: float) -> None:
        times = self.together_ns if is_together else self.single_ns
        if len(times) < BATCHES_MEASURED:
            times.append(picture_ns)


class Session:
    """One loaded model. `run` may be called by several threads at once."""

    def __init__(self, path: Path, threads: int, budget: Budget) -> None:
        self.name = path.name
        self.path = path
        self.threads = threads
        self.cost_ms = Window()
        """Milliseconds of its runs, waiting for cores included."""
        self._budget = budget
        self._batching = _Batching()
        self._left = list(_loaders(path))
        self._has_run = False
        self._failure: BaseException | None = None
        self._backend = self._next_backend()
        self._warm_up()

    @property
    def provider(self) -> str:
        """What runs it, for the operator: `CPU`, `CUDA`, `OpenVINO`…"""
        return self._backend.provider

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return self._backend.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self._backend.outputs

    @property
    def metadata(self) -> Mapping[str, str]:
        return self._backend.metadata

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the first input; None = open."""
        return self.inputs[0].shape

    @property
    def picture_size_px(self) -> tuple[int, int]:
        """Width, height of the colour pictures `(n, 3, height, width)` that it takes.

        Raises:
            AnalyzerError: it takes something else, or pictures of any size.
        """
        shape = self.input_shape
        if len(self.inputs) != 1 or len(shape) != 4 or shape[1] != 3 or shape[2] is None or shape[3] is None:
            raise AnalyzerError(f"{self.name} does not take colour pictures of one size.", code="model_unknown_layout")
        return shape[3], shape[2]

    @property
    def has_open_batch(self) -> bool:
        """Whether several pictures may go through in one run."""
        return bool(self.input_shape) and self.input_shape[0] is None

    def run(self, feed: Array | Mapping[str, Array]) -> list[Array]:
        """Run once; one array per output.

        Args:
            feed: an array per input name, or the array of the only input.

        Raises:
            AnalyzerError: code `inference_failed`; no runtime could do it.
        """
        named = feed if isinstance(feed, Mapping) else {self.inputs[0].name: feed}
        while True:
            started_ns = time.monotonic_ns()
            try:
                answer = self._run_once(named)
            except AnalyzerError as err:
                # A runtime that never worked is not the right one; one that did has met a fault that the caller must see.
                if self._has_run or not self._left:
                    raise
                log.warning("Model %s cannot run on %s: %s", self.name, self.provider, err.message)
                self._backend = self._next_backend()
            else:
                if self._has_run:  # the first one is slower than all that follow
                    self.cost_ms.add((time.monotonic_ns() - started_ns) / 1e6)
                self._has_run = True
                return answer

    def held(self) -> AbstractContextManager[None]:
        """Take the cores once for several short runs in a row; each would else wait for a long run of another model."""
        return self._budget.taken(self.threads) if self._backend.is_on_cpu else nullcontext()

    def run_batch(self, batch: Array) -> list[Array]:
        """Run `(n, ...)` through the only input; outputs `(n, ...)`, the same whether that takes one run or several.

        Raises:
            AnalyzerError: code `inference_failed`.
        """
        if not self.has_open_batch:
            return self._run_parts(batch, self.input_shape[0] or 1)
        if len(batch) == 1 or not self._backend.is_on_cpu:
            return self.run(batch)
        is_together = self._batching.is_together()
        started_ns = time.monotonic_ns()
        answer = self.run(batch) if is_together else self._run_parts(batch, 1)
        self._batching.add(is_together, (time.monotonic_ns() - started_ns) / len(batch))
        return answer

    def _run_parts(self, batch: Array, size: int) -> list[Array]:
        if len(batch) == size:
            return self.run(batch)
        parts = [self._run_part(batch[start : start + size], size) for start in range(0, len(batch), size)]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _run_part(self, part: Array, size: int) -> list[Array]:
        lacking = size - len(part)
        if not lacking:
            return self.run(part)
        padded = np.concatenate([part, np.zeros((lacking, *part.shape[1:]), part.dtype)])
        return [array[: len(part)] for array in self.run(padded)]

    def _run_once(self, feed: Mapping[str, Array]) -> list[Array]:
        backend = self._backend
        if not backend.is_on_cpu:
            return backend.run(feed)
        with self._budget.taken(self.threads):
            return backend.run(feed)

    def _next_backend(self) -> Backend:
        while self._left:
            load = self._left.pop(0)
            try:
                backend = load(self.path, self.threads)
            except BackendUnusable as err:
                log.debug("Model %s: %s", self.name, err)
                # Its traceback would hold this session, and with it the model's memory, in a circle.
                self._failure = err.with_traceback(None)
            else:
                log.info("Model %s runs on %s", self.name, backend.provider)
                return backend
        raise AnalyzerError(
            f"{self.name} cannot be loaded; the file is damaged or of an unsupported version. Fetch it again.", code="model_broken"
        ) from self._failure

    def _warm_up(self) -> None:
        """The first run reserves memory and shows whether the runtime can do it at all. Only where zeros surely fit."""
        feed = {spec.name: zeros for spec in self.inputs if (zeros := _zeros(spec)) is not None}
        if len(feed) < len(self.inputs):
            return
        try:
            self.run(feed)
        except AnalyzerError as err:
            # Where the file leaves sides open, the guess may be wrong; what it is used for will show.
            if all(side is not None for spec in self.inputs for side in spec.shape[1:]):
                raise
            log.debug("Model %s was not warmed up: %s", self.name, err.message)


def _zeros(spec: TensorSpec) -> Array | None:
    """An input of zeros, or None when its shape cannot be guessed."""
    shape = spec.shape
    if len(shape) == 4 and shape[1] == 3:
        shape = (shape[0] or 1, 3, shape[2] or DEFAULT_SIDE_PX, shape[3] or DEFAULT_SIDE_PX)
    elif shape and shape[0] is None:
        shape = (1, *shape[1:])
    if any(side is None for side in shape):
        return None
    return np.zeros([side or 0 for side in shape], spec.dtype)


def _loaders(path: Path) -> tuple[Loader, ...]:
    """Runtimes in the order in which they are tried."""
    server = _process.triton
    if server is not None and server.serves(path.stem):
        return (lambda file, _threads: TritonBackend(server, file.stem),)
    if path.suffix == ".pt":
        return (TorchBackend,)

    def onnx(provider: str) -> Loader:
        return lambda file, threads: onnx_backend.OnnxBackend(file, provider, threads, _process.cache_dir)

    return (
        onnx(onnx_backend.TENSORRT), onnx(onnx_backend.CUDA), OpenVinoBackend, onnx(onnx_backend.OPENVINO), onnx(onnx_backend.CPU),
    )  # fmt: skip


def is_runnable(path: Path) -> bool:
    """Whether a runtime for this kind of file is installed; `.pt` files need an extra."""
    return path.suffix != ".pt" or missing_torch() is None


def locate(models: ModelStore, file: str) -> Path | None:
    """Where `open_session` takes that weight file from, or None when it is not to be had.

    Raises:
        AnalyzerError: the Triton server does not answer.
    """
    if _process.triton is not None and _process.triton.serves(Path(file).stem):
        return models.models_dir / file  # it need not be there
    return models.find(file)
