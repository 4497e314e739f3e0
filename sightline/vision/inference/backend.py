"""What runs a model: one class per runtime, all with the same face. A `Session` picks one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model."""

    name: str
    shape: tuple[int | None, ...]
    """None = open: any length."""
    dtype: np.dtype[Any]


class Backend(Protocol):
    """A loaded model. May be called by several threads at once."""

    provider: str
    """For the operator, e.g. `CPU`, `CUDA`, `OpenVINO`."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    metadata: Mapping[str, str]
    """What the file says about itself; Ultralytics writes class names and the task."""
    is_on_cpu: bool
    """Whether a run keeps cores of this machine busy: such runs share the thread budget."""

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        """Run once; one array per output.

        Raises:
            AnalyzerError: code `inference_failed`.
        """
        ...


class BackendUnusable(Exception):
    """A runtime cannot take this model on this machine; the next one is tried. Never leaves this package."""
