"""A server of the KServe v2 protocol over HTTP with binary tensors, as Triton speaks it, with onnxruntime behind it; for tests."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

DATATYPE = "FP32"


@cache
def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options)


class StandIn(ThreadingHTTPServer):
    """Serves ONNX files by their names; `fault` switches one on."""

    daemon_threads = True

    def __init__(self, files: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sessions = {name: _session(path) for name, path in files.items()}
        self.fault = ""
        self.seen_authorization: str | None = None
        self.runs = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """GET v2/models/NAME[/ready|/config], POST v2/models/NAME/infer."""

    protocol_version = "HTTP/1.1"
    server: StandIn

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.server.seen_authorization = self.headers.get("Authorization")
        _, _, _, name, *rest = self.path.split("/")
        session = self.server.sessions.get(name)
        if session is None or (rest == ["ready"] and self.server.fault == "not ready"):
            self._json(400, {"error": f"Request for unknown model: '{name}' is not found"})
        elif rest == ["ready"]:
            self._json(200, None)
        elif rest == ["config"]:
            metadata = session.get_modelmeta().custom_metadata_map
            self._json(200, {"name": name, "parameters": {key: {"string_value": value} for key, value in metadata.items()}})
        else:
            nodes = {"inputs": session.get_inputs(), "outputs": session.get_outputs()}
            described = {
                kind: [{"name": n.name, "datatype": DATATYPE, "shape": n.shape} for n in several] for kind, several in nodes.items()
            }
            self._json(200, {"name": name, "versions": ["1"], "platform": "onnxruntime_onnx", **described})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.fault == "error":
            self._json(500, {"error": "CUDA out of memory"})
            return
        if self.server.fault == "slow":
            time.sleep(2.0)
        session = self.server.sessions[self.path.split("/")[3]]
        head_bytes = int(self.headers["Inference-Header-Content-Length"])
        asked = json.loads(body[:head_bytes])
        feed, start = {}, head_bytes
        for tensor in asked["inputs"]:
            size = tensor["parameters"]["binary_data_size"]
            feed[tensor["name"]] = np.frombuffer(body[start : start + size], np.float32).reshape(tensor["shape"])
            start += size
        names = [output["name"] for output in asked["outputs"]]
        self.server.runs += 1
        self._tensors(names, session.run(names, feed))

    def _tensors(self, names: list[str], arrays: list[Any]) -> None:
        described = [
            {"name": n, "datatype": DATATYPE, "shape": list(a.shape), "parameters": {"binary_data_size": a.nbytes}}
            for n, a in zip(names, arrays, strict=True)
        ]
        head = json.dumps({"model_name": "x", "model_version": "1", "outputs": described}).encode()
        if self.server.fault == "cut":
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
            return
        self.send_response(200)
        self.send_header("Inference-Header-Content-Length", str(len(head)))
        self._end(head + b"".join(a.tobytes() for a in arrays))

    def _json(self, status: int, value: object) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self._end(b"" if value is None else json.dumps(value).encode())

    def _end(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running(files: dict[str, Path]) -> Iterator[StandIn]:
    server = StandIn(files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
