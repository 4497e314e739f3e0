"""`.pt` files through ultralytics and torch (extra `[yolo]`; ultralytics is AGPL-3.0 and therefore never part of the default path).

The network alone is taken from there: pictures are prepared and boxes suppressed by the same code as for ONNX files, so that the
same picture gives the same boxes, and torchvision, whose compiled part must match torch exactly, is never loaded.
"""

import importlib
import importlib.metadata
import os
import pickle
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from sightline.errors import AnalyzerError
from sightline.vision.inference.backend import Array, BackendUnusable, TensorSpec

HOW_TO_GET = "Install Sightline's extra [yolo] (torch and ultralytics, AGPL-3.0), or export the file to ONNX."
ALLOWED_MODULES = ("ultralytics.nn.", "torch.nn.")
ALLOWED_OTHERS = ("ultralytics.utils.IterableSimpleNamespace", "torch.Size", "collections.OrderedDict")
_import_lock = threading.Lock()


class TorchBackend:
    """One `.pt` file of ultralytics, on the GPU where torch has one."""

    def __init__(self, path: Path, threads: int) -> None:
        """Load the file.

        Raises:
            AnalyzerError: torch or ultralytics is not here (code `model_unavailable`), or the file is not such a model.
            BackendUnusable: the file cannot be read.
        """
        self._name = path.name
        self._torch = _import_torch(path.name)
        # torch has one pool for all its models; the budget lets only one of them use all of it at a time.
        self._torch.set_num_threads(threads)
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        self._network = _load(self._torch, path).to(self._device)
        self.provider = "Torch CUDA" if self._device == "cuda" else "Torch CPU"
        self.is_on_cpu = self._device == "cpu"
        side = _side_px(self._network)
        self.inputs: tuple[TensorSpec, ...] = (TensorSpec("images", (None, 3, side, side), np.dtype(np.float32)),)
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec("output0", (None, None, None), np.dtype(np.float32)),)
        self.metadata: Mapping[str, str] = _metadata(self._network)

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        torch = self._torch
        try:
            with torch.inference_mode():
                answer = self._network(torch.from_numpy(np.ascontiguousarray(feed["images"])).to(self._device))
                # Beside the decoded answer the network gives what training needs.
                decoded = answer[0] if isinstance(answer, list | tuple) else answer
                return [decoded.float().cpu().numpy()]
        except (RuntimeError, ValueError, TypeError, KeyError) as err:
            raise AnalyzerError(f"{self._name} failed while looking at a picture: {err}", code="inference_failed") from err


def missing_torch() -> str | None:
    """The package that `.pt` files lack here, or None. Imports nothing."""
    return next((name for name in ("torch", "ultralytics") if find_spec(name) is None), None)


def _import_torch(name: str) -> Any:
    # ultralytics asks the internet at import, keeps settings in the user's home, and installs packages: none of that here.
    own = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
    if "ultralytics" not in sys.modules:
        os.environ.update(own, YOLO_CONFIG_DIR=tempfile.mkdtemp(prefix="sightline-ultralytics-"))
    with _import_lock, _torchvision_may_be_missing():
        try:
            torch = importlib.import_module("torch")
            importlib.import_module("ultralytics.nn.tasks")
        except ImportError as err:
            raise AnalyzerError(f"{name} needs a package that is not here ({err}). {HOW_TO_GET}", code="model_unavailable") from err
    return torch


@contextmanager
def _torchvision_may_be_missing() -> Iterator[None]:
    """ultralytics asks for the version of torchvision when it is imported, and uses it for nothing that is needed here."""
    original = importlib.metadata.version

    def version(distribution_name: str) -> str:
        try:
            return original(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            if distribution_name != "torchvision":
                raise
            minor = int(original("torch").split(".")[1])
            return f"0.{minor + 15}.0"

    importlib.metadata.version = version
    try:
        yield
    finally:
        importlib.metadata.version = original


def _load(torch: Any, path: Path) -> Any:
    """The network of a checkpoint, ready to look. Runs none of the code that a pickle may hold."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        with torch.serialization.safe_globals([_allowed(torch, path.name, name) for name in names]):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        network = checkpoint.get("ema") or checkpoint["model"]
        return network.float().eval().fuse(verbose=False)
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        ImportError,
        pickle.UnpicklingError,
    ) as err:
        raise BackendUnusable(str(err)) from err


def _allowed(torch: Any, file: str, name: str) -> Any:
    """The class that a checkpoint names, if it is part of a network."""
    module, _, attribute = name.rpartition(".")
    if name in ALLOWED_OTHERS or name.startswith(ALLOWED_MODULES):
        found = getattr(importlib.import_module(module), attribute)
        if name in ALLOWED_OTHERS or (isinstance(found, type) and issubclass(found, torch.nn.Module)):
            return found
    raise AnalyzerError(
        f"{file} wants to run {name}, which is no part of a network; only checkpoints of ultralytics are taken.",
        code="model_broken",
    )


def _side_px(network: Any) -> int:
    side = getattr(network, "args", None)
    size = side.get("imgsz", 640) if isinstance(side, Mapping) else getattr(side, "imgsz", 640)
    return int(size) if isinstance(size, int) and size > 0 else 640


def _metadata(network: Any) -> dict[str, str]:
    """In the words in which ultralytics writes them into an ONNX file."""
    metadata = {"names": repr(dict(network.names))}
    shape = getattr(network, "kpt_shape", None) or getattr(network.model[-1], "kpt_shape", None)
    return metadata | ({"kpt_shape": str(list(shape))} if shape else {})
