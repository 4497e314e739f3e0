"""Lambda and Step Functions behind the HTTP API that boto3 speaks; set AWS_ENDPOINT_URL to `url`."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.stand_ins.lambda_runtime import MOST_ASYNC_BYTES, FunctionFailed, LambdaRuntime
from tests.stand_ins.states import Refused, StateMachines

FUNCTIONS = "/2015-03-31/functions/"
REFUSALS = {
    "throttle": (429, "TooManyRequestsException"), "fail": (500, "ServiceException"), "deny": (403, "AccessDeniedException"),
}  # fmt: skip


class AwsServer:
    """Scripted `faults` are taken one per call that hands something over: those of LambdaRuntime, for machines too."""

    def __init__(self, runtime: LambdaRuntime, machines: StateMachines) -> None:
        self.runtime = runtime
        self.machines = machines
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stand_in": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator["AwsServer"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)
            self.machines.stop_all()
            self.runtime.join()


class _Handler(BaseHTTPRequestHandler):
    stand_in: "AwsServer"
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.removeprefix(FUNCTIONS).partition("/")[0]
        if name in self.stand_in.runtime.functions:
            self.answer(200, {"FunctionName": name, "Timeout": self.stand_in.runtime.limit_s})
        else:
            self.refuse(404, "ResourceNotFoundException")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith(FUNCTIONS):
            self.invoke(self.path.removeprefix(FUNCTIONS).partition("/")[0], body)
        else:
            self.states(self.headers["X-Amz-Target"].partition(".")[2], json.loads(body))

    def invoke(self, name: str, body: bytes) -> None:
        if name not in self.stand_in.runtime.functions:
            self.refuse(404, "ResourceNotFoundException")
        elif self.headers.get("X-Amz-Invocation-Type") == "Event":
            self.invoke_later(name, body)
        else:
            try:
                self.answer(200, self.stand_in.runtime.call(name, json.loads(body)))
            except FunctionFailed as err:
                told = {"errorType": err.error, "errorMessage": err.cause}
                self.answer(200, told, {"X-Amz-Function-Error": "Unhandled"})

    def invoke_later(self, name: str, body: bytes) -> None:
        fault = self.fault()
        if len(body) > MOST_ASYNC_BYTES:
            self.refuse(413, "RequestTooLargeException")
        elif fault in REFUSALS:
            self.refuse(*REFUSALS[fault])
        else:
            self.stand_in.runtime.call_later(name, json.loads(body), fault)
            self.answer(202, None, is_lost=fault == "lose")

    def states(self, action: str, told: dict[str, Any]) -> None:
        fault = self.fault() if action == "StartExecution" else ""
        if fault in REFUSALS:
            self.refuse(*REFUSALS[fault])
            return
        try:
            self.answer(200, self.stand_in.machines.answer(action, told), is_lost=fault == "lose")
        except Refused as err:
            self.refuse(400, err.code)

    def fault(self) -> str:
        return self.stand_in.runtime.faults.pop(0) if self.stand_in.runtime.faults else ""

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, {"__type": code, "message": "no", "Type": "User"}, {"X-Amzn-ErrorType": code})

    def answer(self, status: int, told: Any, headers: dict[str, str] | None = None, *, is_lost: bool = False) -> None:
        if is_lost:
            self.close_connection = True
            self.connection.close()
            return
        body = b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/x-amz-json-1.0",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
