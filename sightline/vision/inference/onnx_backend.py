"""ONNX files through onnxruntime: on the processor, or on a GPU where its package brings one of the providers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sightline.errors import AnalyzerError
from sightline.vision.inference.backend import Array, BackendUnusable, TensorSpec

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"
COMPANIONS = {TENSORRT: [CUDA, CPU], CUDA: [CPU], OPENVINO: [CPU], CPU: []}
"""Who takes the operators that a provider does not know."""
QUIET, SILENT = 3, 4
"""Severities that onnxruntime logs itself: errors; nothing that is not fatal."""
DTYPES = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8, "tensor(int32)": np.int32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_,
}  # fmt: skip

NVIDIA_DEVICE = Path("/dev/nvidiactl")


def has_gpu() -> bool:
    """Whether ONNX files run on a GPU here: there is one, and onnxruntime is the package that uses it."""
    import onnxruntime

    return NVIDIA_DEVICE.exists() and CUDA in onnxruntime.get_available_providers()


class OnnxBackend:
    """One ONNX file at one execution provider."""

    def __init__(self, path: Path, provider: str, threads: int, cache_dir: Path | None = None) -> None:
        """Load the file.

        Args:
            cache_dir: where TensorRT keeps what it compiled for minutes; None = nowhere.

        Raises:
            BackendUnusable: this provider is not here, or does not take this model.
        """
        import onnxruntime

        if provider not in onnxruntime.get_available_providers():
            raise BackendUnusable(f"{provider} is not part of the installed onnxruntime")
        self._name = path.name
        options = _options(onnxruntime, threads, is_first_choice=provider == CPU)
        try:
            kept = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(cache_dir)} if cache_dir is not None else {}
            chosen = (provider, kept | {"trt_fp16_enable": "1"}) if provider == TENSORRT else provider
            self._session = onnxruntime.InferenceSession(str(path), options, providers=[chosen, *COMPANIONS[provider]])
        except _runtime_errors() as err:
            raise BackendUnusable(str(err)) from err
        # A provider whose libraries are missing makes the runtime fall back without an error.
        if self._session.get_providers()[0] != provider:
            raise BackendUnusable(f"{provider} lacks its libraries")
        self.provider = provider.removesuffix("ExecutionProvider")
        self.is_on_cpu = provider in (CPU, OPENVINO)
        self.inputs = tuple(_spec(node) for node in self._session.get_inputs())
        self.outputs = tuple(_spec(node) for node in self._session.get_outputs())
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        try:
            return self._session.run(None, dict(feed))  # type: ignore[no-any-return]
        except _runtime_errors() as err:
            raise AnalyzerError(f"{self._name} failed while looking at a picture: {err}", code="inference_failed") from err


def metadata_of(path: Path) -> Mapping[str, str]:
    """What an ONNX file says about itself. Raises: BackendUnusable."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = SILENT
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[CPU])
    except _runtime_errors() as err:
        raise BackendUnusable(str(err)) from err
    return session.get_modelmeta().custom_metadata_map  # type: ignore[no-any-return]


def _options(onnxruntime: Any, threads: int, *, is_first_choice: bool) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A provider that is only tried may fail; that is no news for the operator.
    options.log_severity_level = QUIET if is_first_choice else SILENT
    # Idle threads of the runtime would otherwise spin and take time from the video.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _spec(node: Any) -> TensorSpec:
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in node.shape)
    return TensorSpec(node.name, shape, np.dtype(DTYPES.get(node.type, np.float32)))


def _runtime_errors() -> tuple[type[BaseException], ...]:
    """All that onnxruntime raises; its exceptions have no common root but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    named = [value for value in vars(native).values() if isinstance(value, type) and issubclass(value, Exception)]
    return (*named, ValueError, RuntimeError)
