"""RunPod's serverless API as far as it is documented, over HTTP, with faults that a test scripts.

Jobs are really worked on, each in a thread that calls `work`. A fault is `{"on": …, "do": …}` and serves once:

    on run      429 | 500 | 503 | 401 | garbage | lost (taken, but the answer does not come)
    on status   429 | 500 | garbage | lost | strange (a status that nobody knows) | expire (404 from now on)
    on cancel   500
    on work     fail | time_out | vanish (it stays IN_PROGRESS for ever) | no_output (COMPLETED without output, nothing done)
    on webhook  drop | duplicate | late

`POST /_script` takes a list of them as JSON.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

KEY = "very-secret-key"
ENDPOINT = "endpoint1"
LATE_S = 0.5
WEBHOOK_TRIES, WEBHOOK_PAUSE_S = 3, 0.2

Tell = Callable[[dict[str, Any]], None]
Work = Callable[[dict[str, Any], Tell], dict[str, Any]]
"""`work(job, tell)` does what a handler does with `{"id", "input"}`; a dict with "error" is a failure."""


@dataclass
class RunPodJob:
    id: str
    body: dict[str, Any]
    status: str = "IN_QUEUE"
    output: Any = None
    error: str = ""
    submitted_s: float = field(default_factory=time.monotonic)
    begun_s: float | None = None
    ended_s: float | None = None

    @property
    def is_over(self) -> bool:
        return self.ended_s is not None

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.begun_s is not None:
            told["delayTime"] = round((self.begun_s - self.submitted_s) * 1000)
            told["executionTime"] = round(((self.ended_s or time.monotonic()) - self.begun_s) * 1000)
        if self.output is not None:
            told["output"] = self.output
        if self.error:
            told["error"] = self.error
        return told


class RunPodServer(ThreadingHTTPServer):
    """`url` is for RUNPOD_ENDPOINT_BASE_URL. While `hold` is cleared no job leaves the queue."""

    def __init__(self, work: Work) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.url = f"http://127.0.0.1:{self.server_port}/v2"
        self.jobs: dict[str, RunPodJob] = {}
        self.faults: list[dict[str, Any]] = []
        self.asked: list[str] = []
        """`METHOD operation` of every request."""
        self.calls: list[int] = []
        """What the webhooks were answered."""
        self.machines = threading.Event()
        self.machines.set()
        self._work = work
        self._runs: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._serving = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._serving.start()

    def close(self) -> None:
        self.machines.set()
        self.shutdown()
        self.server_close()
        self._serving.join(10)
        self.join()

    def join(self) -> None:
        """Until every job that was taken has been worked on, and its webhook called."""
        for thread in self._runs:
            thread.join(30)

    def script(self, on: str, do: str, **more: Any) -> None:
        self.faults.append({"on": on, "do": do, **more})

    def fault(self, on: str) -> dict[str, Any]:
        """The next fault of that place, which is used up by it."""
        with self._lock:
            found = next((fault for fault in self.faults if fault["on"] == on), None)
            if found is not None:
                self.faults.remove(found)
            return found or {}

    def take(self, body: dict[str, Any]) -> RunPodJob:
        job = RunPodJob(f"{uuid.uuid4()}-e1", body)
        self.jobs[job.id] = job
        thread = threading.Thread(target=self._run, args=(job,), daemon=True)
        self._runs.append(thread)
        thread.start()
        return job

    def cancel(self, job: RunPodJob) -> None:
        if not job.is_over:
            self._end(job, "CANCELLED")

    def _run(self, job: RunPodJob) -> None:
        self.machines.wait()
        if job.is_over:
            return
        job.begun_s, job.status = time.monotonic(), "IN_PROGRESS"
        fault = self.fault("work").get("do")
        if fault == "fail":
            self._end(job, "FAILED", error='{"error_type": "MemoryError", "error_message": "out of memory"}')
        elif fault in ("time_out", "no_output"):
            self._end(job, "TIMED_OUT" if fault == "time_out" else "COMPLETED")
        elif fault != "vanish":
            self._work_on(job)

    def _work_on(self, job: RunPodJob) -> None:
        def tell(progress: dict[str, Any]) -> None:
            if not job.is_over:
                job.output = progress

        output = self._work({"id": job.id, "input": job.body["input"]}, tell)
        error = output.pop("error", "") if isinstance(output, dict) else ""
        self._end(job, "FAILED" if error else "COMPLETED", output=None if error else output, error=str(error))

    def _end(self, job: RunPodJob, status: str, *, output: Any = None, error: str = "") -> None:
        with self._lock:
            if job.is_over:
                return
            job.status, job.output, job.error, job.ended_s = status, output, error, time.monotonic()
        if job.body.get("webhook"):
            self._call(job)

    def _call(self, job: RunPodJob) -> None:
        fault = self.fault("webhook").get("do")
        if fault == "drop":
            return
        if fault == "late":
            time.sleep(LATE_S)
        for _ in range(2 if fault == "duplicate" else 1):
            for _ in range(WEBHOOK_TRIES):
                try:
                    self.calls.append(httpx.post(job.body["webhook"], json=job.told(), timeout=10).status_code)
                    if self.calls[-1] == 200:
                        break
                except httpx.HTTPError:
                    pass
                time.sleep(WEBHOOK_PAUSE_S)


class _Request(BaseHTTPRequestHandler):
    server: RunPodServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/_script":
            self.server.faults += body
            return self._say(200, {})
        operation, _, job_id = self.path.removeprefix(f"/v2/{ENDPOINT}/").partition("/")
        self.server.asked.append(f"{self.command} {operation}")
        if self.headers.get("Authorization") not in (f"Bearer {KEY}", KEY):
            return self._say(401, {"error": "unauthorized"})
        fault = self.server.fault(operation)
        if str(fault.get("do", "")).isdigit():
            headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            return self._say(int(fault["do"]), {"error": "as scripted"}, headers)
        if fault.get("do") == "garbage":
            return self._send(200, b"<html>welcome</html>", {})
        known = {("POST", "run"): self._run, ("GET", "status"): self._status, ("POST", "cancel"): self._cancel}
        if (self.command, operation) == ("GET", "health"):
            return self._health()
        if (self.command, operation) not in known:
            return self._say(404, {"error": "not found"})
        return known[self.command, operation](job_id, body, str(fault.get("do", "")))

    def _run(self, _job_id: str, body: dict[str, Any], fault: str) -> None:
        policy = body.get("policy", {})
        if not 5_000 <= policy.get("executionTimeout", 0) <= 604_800_000 or not 10_000 <= policy.get("ttl", 0) <= 604_800_000:
            return self._say(400, {"error": "policy is out of range"})
        job = self.server.take(body)
        if fault == "lost":
            return self._break_off()
        return self._say(200, {"id": job.id, "status": job.status})

    def _status(self, job_id: str, _body: dict[str, Any], fault: str) -> None:
        if fault == "expire":
            self.server.jobs.pop(job_id, None)
        if fault == "lost":
            return self._break_off()
        job = self.server.jobs.get(job_id)
        if job is None:
            return self._say(404, {"error": "job not found"})
        return self._say(200, {**job.told(), "status": "HIBERNATING"} if fault == "strange" else job.told())

    def _cancel(self, job_id: str, _body: dict[str, Any], _fault: str) -> None:
        job = self.server.jobs.get(job_id)
        if job is None:
            return self._say(404, {"error": "job not found"})
        self.server.cancel(job)
        return self._say(200, {"id": job.id, "status": job.status})

    def _health(self) -> None:
        states = [job.status for job in self.server.jobs.values()]
        words = {"completed": "COMPLETED", "failed": "FAILED", "inQueue": "IN_QUEUE", "inProgress": "IN_PROGRESS"}
        jobs = {name: states.count(word) for name, word in words.items()}
        self._say(200, {"jobs": {**jobs, "retried": 0}, "workers": {"idle": 1, "running": 0}})

    def _break_off(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _say(self, status: int, told: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(told).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests need no log of it."""
