"""JOB_CARRIER=runpod: whole jobs on serverless machines of RunPod, by its HTTP API.

Its own client library never repeats a broken connection over https and does not know that CANCELLED is an end; the API is small.
"""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from sightline.errors import Invalid, NotFound, SightlineError, StorageError
from sightline.jobs.carriers.remote import Handover, OutcomeUnknown, RemoteState, RemoteStatus
from sightline.media.redaction import redact
from sightline.settings import Settings

CONNECT_S, ANSWER_S = 5.0, 20.0
LEAST_EXECUTION_S, LEAST_TTL_S, MOST_S = 5.0, 10.0, 7 * 86_400.0
"""What RunPod takes as `executionTimeout` and as `ttl`, which covers the waiting and the running."""
TTL_SPARE_S = 600.0
"""A job whose ttl lapses is deleted in mid-run; ours is ended by its own limits before that."""
DETAIL_CHARS = 2_000
JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")

STATES = {
    "IN_QUEUE": RemoteState.WAITING,
    "IN_PROGRESS": RemoteState.RUNNING,
    "RUNNING": RemoteState.RUNNING,
    "COMPLETED": RemoteState.ENDED,
    "FAILED": RemoteState.FAILED,
    "CANCELLED": RemoteState.CANCELLED,
    "TIMED_OUT": RemoteState.TIMED_OUT,
}
"""A word that is not here ends nothing."""


class RunPodCarrier:
    """Client of one serverless endpoint."""

    name = "runpod"
    label = "RunPod"

    def __init__(self, settings: Settings) -> None:
        """Raises: Invalid: RUNPOD_API_KEY or RUNPOD_ENDPOINT_ID is missing or wrong."""
        key, endpoint = settings.runpod_api_key.get_secret_value(), settings.runpod_endpoint_id
        if not key or not key.isascii() or not key.isprintable():
            raise _bad_setting("JOB_CARRIER=runpod needs RUNPOD_API_KEY, an API key of RunPod.", "RUNPOD_API_KEY")
        if not JOB_ID.fullmatch(endpoint):
            raise _bad_setting(
                "JOB_CARRIER=runpod needs RUNPOD_ENDPOINT_ID, the id of a serverless endpoint.", "RUNPOD_ENDPOINT_ID"
            )
        self._http = httpx.Client(
            base_url=f"{settings.runpod_endpoint_base_url}/{endpoint}/", headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S), follow_redirects=False,
        )  # fmt: skip

    def submit(self, handover: Handover) -> str:
        execution_s = min(MOST_S, max(LEAST_EXECUTION_S, handover.timeout_s))
        ttl_s = min(MOST_S, max(LEAST_TTL_S, execution_s + handover.queue_s + TTL_SPARE_S))
        body: dict[str, Any] = {
            "input": dict(handover.payload),
            "policy": {"executionTimeout": round(execution_s * 1000), "ttl": round(ttl_s * 1000)},
        }
        if handover.webhook_url:
            body["webhook"] = handover.webhook_url
        try:
            external_id = str(self._ask("POST", "run", body).get("id", ""))
        except _MaybeTaken as err:
            raise OutcomeUnknown("RunPod did not say whether it took the job.") from err
        if not JOB_ID.fullmatch(external_id):
            raise OutcomeUnknown("RunPod took the job without telling its id.")
        return external_id

    def find(self, handover: Handover) -> str | None:
        return None  # its jobs have no names of ours, and there is no list of them

    def look(self, external_id: str) -> RemoteStatus:
        try:
            return _status(self._ask("GET", f"status/{external_id}"))
        except NotFound:
            return RemoteStatus(RemoteState.GONE, "GONE")

    def cancel(self, external_id: str) -> None:
        try:
            self._ask("POST", f"cancel/{external_id}")
        except NotFound:
            return

    def health(self) -> str:
        told = self._ask("GET", "health")
        machines, jobs = _counts(told.get("workers")), _counts(told.get("jobs"))
        return (
            f"RunPod has {machines.get('idle', 0)} idle and {machines.get('running', 0)} busy machines; "
            f"{jobs.get('inQueue', 0)} jobs wait, {jobs.get('inProgress', 0)} run."
        )

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """RunPod's answer. Raises: NotFound, Invalid, StorageError; _MaybeTaken where it is not known whether RunPod did it."""
        try:
            answer = self._http.request(method, path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as err:
            raise StorageError("RunPod does not answer. It is tried again.", code="runpod_unreachable") from err
        except (httpx.HTTPError, httpx.InvalidURL) as err:
            raise _MaybeTaken("RunPod broke off its answer. It is asked again.", code="runpod_unreachable") from err
        if answer.is_success:
            return _object(answer)
        raise _refusal(answer)


class _MaybeTaken(StorageError):
    """The request may or may not have had its effect."""


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError as err:
        raise _MaybeTaken("RunPod answered something that is no JSON. It is asked again.", code="runpod_garbage") from err
    if not isinstance(told, dict):
        raise _MaybeTaken("RunPod answered something unexpected. It is asked again.", code="runpod_garbage")
    return told


def _refusal(answer: httpx.Response) -> SightlineError:
    status = answer.status_code
    if status in (401, 403):
        return _bad_setting("RunPod refuses the API key: correct RUNPOD_API_KEY.", "RUNPOD_API_KEY")
    if status == 404:
        return NotFound("RunPod does not know this. Check RUNPOD_ENDPOINT_ID.", code="runpod_not_found")
    if status == 429:
        words = "RunPod takes no more requests at the moment. It is tried again."
        return StorageError(words, code="runpod_throttled", retry_after_s=_retry_after_s(answer))
    if status == 503:
        words = "RunPod is not available at the moment. It is tried again."
        return StorageError(words, code="runpod_unavailable", retry_after_s=_retry_after_s(answer))
    if status >= 500 or status == 408:
        return _MaybeTaken("RunPod has a fault of its own. It is tried again.", code="runpod_fault")
    words = f"RunPod refuses the request (HTTP {status})."
    return StorageError(words, code="runpod_refused", is_transient=False, detail=redact(answer.text[:DETAIL_CHARS]))


def _retry_after_s(answer: httpx.Response) -> float | None:
    told = answer.headers.get("Retry-After", "")
    return float(told) if re.fullmatch(r"\d{1,5}(\.\d{1,3})?", told) else None


def _status(told: Mapping[str, Any]) -> RemoteStatus:
    word = str(told.get("status", ""))[:32]
    state = STATES.get(word, RemoteState.WAITING if not word else RemoteState.RUNNING)
    output = told.get("output")
    progress: Mapping[str, Any] = output if state == RemoteState.RUNNING and isinstance(output, dict) else {}
    stages = progress.get("stages")
    used_ms = told.get("executionTime")
    return RemoteStatus(
        state,
        word or "unknown",
        sequence=_whole(progress.get("seq")),
        stages=tuple(s for s in stages if isinstance(s, dict)) if isinstance(stages, list) else (),
        progress=_number(progress.get("progress")) or 0.0,
        error=redact(str(told.get("error") or "")[:DETAIL_CHARS]),
        used_s=None if _number(used_ms) is None else (_number(used_ms) or 0.0) / 1000,
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value < float("inf") else None


def _counts(told: object) -> dict[str, int]:
    return {str(name): _whole(value) for name, value in told.items()} if isinstance(told, dict) else {}


def _bad_setting(words: str, field: str) -> Invalid:
    return Invalid(words, code="bad_setting", field=field)
