"""Models that run on a Triton server (extra `[triton]`), for those who outgrow one machine.

A model that the server has under the name of its file (`yolov8n` for `yolov8n.onnx`) runs there, whether the file is here or not.
There is no silent way back: when the server does not answer, the stage says so and tries again. Its client is no object for
several threads, so that each thread has its own.
"""

import base64
import importlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.redaction import redact
from sightline.vision.inference.backend import Array, TensorSpec

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 10.0
REMEMBERED_S = 10.0
"""For so long the server is not asked again whether it has a model."""


@dataclass(slots=True)
class TritonServer:
    """A server and what it said lately. Used by all threads."""

    host: str
    """host:port, and a path where it has one"""
    is_https: bool
    headers: dict[str, str]
    answer_timeout_s: float = ANSWER_TIMEOUT_S
    _clients: threading.local = field(default_factory=threading.local)
    _known: dict[str, tuple[float, bool]] = field(default_factory=dict)

    @classmethod
    def at(cls, url: str) -> "TritonServer":
        """From `http(s)://[user:password@]host:port`.

        Raises:
            AnalyzerError: it is no such address.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AnalyzerError("TRITON_URL must be http://host:port or https://host:port.", code="triton_address")
        headers = {}
        if parts.username is not None:
            user_info = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(user_info.encode()).decode()}"
        return cls(parts.netloc.rpartition("@")[2] + parts.path.rstrip("/"), parts.scheme == "https", headers)

    def serves(self, name: str) -> bool:
        """Whether the server has that model ready.

        Raises:
            AnalyzerError: it does not answer.
        """
        asked_s, answer = self._known.get(name, (-REMEMBERED_S, False))
        if time.monotonic() - asked_s >= REMEMBERED_S:
            answer = bool(self.call("is_model_ready", name))
            self._known[name] = (time.monotonic(), answer)
        return answer

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """One request.

        Raises:
            AnalyzerError: the client is not installed, the server does not answer, or it refuses.
        """
        client, refusal = self._client()
        try:
            return getattr(client, method)(*arguments, headers=self.headers, **named)
        except refusal as err:
            raise AnalyzerError(f"The Triton server {self.host} refuses: {redact(str(err))}", code="inference_failed") from err
        except (OSError, HTTPException, ValueError) as err:
            self._clients.__dict__.clear()  # a connection that failed once is not used again
            raise AnalyzerError(
                f"The Triton server {self.host} does not answer ({type(err).__name__}). Start it, or take TRITON_URL away.",
                code="triton_unreachable",
            ) from err

    def _client(self) -> tuple[Any, type[Exception]]:
        """This thread's client, and what it raises when the server refuses."""
        if find_spec("tritonclient") is None:
            raise AnalyzerError("TRITON_URL needs the package tritonclient: install the extra [triton].", code="model_unavailable")
        http = importlib.import_module("tritonclient.http")
        if not hasattr(self._clients, "one"):
            self._clients.one = http.InferenceServerClient(
                self.host, ssl=self.is_https, connection_timeout=CONNECT_TIMEOUT_S, network_timeout=self.answer_timeout_s
            )
        return self._clients.one, importlib.import_module("tritonclient.utils").InferenceServerException


class TritonBackend:
    """One model of the server."""

    is_on_cpu = False

    def __init__(self, server: TritonServer, name: str) -> None:
        """Ask the server what the model takes and gives. Raises: AnalyzerError."""
        self._server = server
        self._name = name
        self.provider = f"Triton {server.host}"
        described = server.call("get_model_metadata", name)
        try:
            self.inputs = tuple(_spec(one) for one in described["inputs"])
            self.outputs = tuple(_spec(one) for one in described["outputs"])
        except (KeyError, TypeError, ValueError) as err:
            raise AnalyzerError(
                f"The Triton server {server.host} does not describe {name} as a model.", code="model_broken"
            ) from err
        self.metadata: Mapping[str, str] = self._parameters()

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        http = importlib.import_module("tritonclient.http")
        datatypes = importlib.import_module("tritonclient.utils")
        inputs = []
        for name, array in feed.items():
            one = http.InferInput(name, list(array.shape), datatypes.np_to_triton_dtype(array.dtype))
            inputs.append(one.set_data_from_numpy(np.ascontiguousarray(array), binary_data=True))
        outputs = [http.InferRequestedOutput(spec.name, binary_data=True) for spec in self.outputs]
        answer = self._server.call("infer", self._name, inputs, outputs=outputs)
        arrays = [answer.as_numpy(spec.name) for spec in self.outputs]
        if any(array is None for array in arrays):
            raise AnalyzerError(f"The Triton server {self._server.host} left out a part of its answer.", code="inference_failed")
        return arrays

    def _parameters(self) -> dict[str, str]:
        """`names` and `kpt_shape` may stand in the model's configuration, as ultralytics writes them into an ONNX file."""
        try:
            parameters = self._server.call("get_model_config", self._name).get("parameters", {})
            return {key: str(value["string_value"]) for key, value in parameters.items()}
        except (AnalyzerError, KeyError, TypeError, AttributeError):
            return {}  # other servers of this protocol have no configuration to tell


def _spec(described: Mapping[str, Any]) -> TensorSpec:
    datatypes = importlib.import_module("tritonclient.utils")
    shape = tuple(int(side) if int(side) > 0 else None for side in described["shape"])
    return TensorSpec(described["name"], shape, np.dtype(datatypes.triton_to_np_dtype(described["datatype"])))
