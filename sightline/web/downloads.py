"""Fetching weight files while people watch the progress. Each has a thread; the same one is not fetched twice at once.

What runs and what failed is kept in memory for the page "Models"; `model` events tell of every change.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sightline.errors import Conflict, NotFound, SightlineError
from sightline.media.models import Model, ModelStore, SyncReport
from sightline.media.models.store import check_licence
from sightline.media.models.transfer import Watch

log = logging.getLogger(__name__)

REPORT_EVERY_S = 0.25
UNEXPECTED = "The download failed. The log has the details."

Emit = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Task:
    """One model's download at one moment."""

    state: str
    """downloading | cancelling | failed"""
    done_bytes: int = 0
    total_bytes: int = 0
    """0: unknown."""
    message: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def is_running(self) -> bool:
        return self.state in ("downloading", "cancelling")


class Downloads:
    """The downloads of this process. `on_changed` hears of every model whose file came or went."""

    def __init__(self, store: ModelStore, on_changed: Callable[[Model], None] = lambda _model: None) -> None:
        self._store = store
        self._on_changed = on_changed
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._sync: dict[str, Any] = {"state": "idle", "message": ""}

    def start(self, name: str | None, emit: Emit, *, accept_licence: bool = False) -> dict[str, Any]:
        """Begin to fetch a model; None means the smallest that has a public address. `emit` gets `model` events.

        Raises:
            NotFound: there is no such model.
            Conflict: it is being fetched already, or its licence must be accepted.
        """
        model = self._store.model(name) if name else self._smallest()
        check_licence(model, is_accepted=accept_licence)
        watch = self._begin(model, emit)
        threading.Thread(target=self._fetch, args=(model, emit, watch), name=f"model-{model.name}", daemon=True).start()
        return {
            "success": True, "name": model.name, "bytes": model.bytes, "licence": model.licence,
            "message": f"The download of {model.name} has begun.",
        }  # fmt: skip

    def start_sync(self, emit: Emit, *, accept_licence: bool = False) -> dict[str, Any]:
        """Begin to bring all files that the mirror has. Raises: Conflict: that is running already, or there is no mirror."""
        if not self._store.has_mirror:
            message = "There is no mirror to bring models from: set MODELS_MIRROR to a folder, a URL or s3://bucket/prefix."
            raise Conflict(message, code="no_mirror")
        with self._lock:
            if self._sync["state"] == "running":
                raise Conflict("Models are being brought from the mirror already.", code="already_syncing")
            self._sync = {"state": "running", "message": ""}
        threading.Thread(target=self._bring_all, args=(emit, accept_licence), name="model-sync", daemon=True).start()
        return {"success": True, "message": "Models are brought from the mirror."}

    def cancel(self, name: str, emit: Emit) -> None:
        """End a download; nothing of it is kept. Raises: NotFound. Conflict: it is not being downloaded."""
        model = self._store.model(name)
        with self._lock:
            task = self._tasks.get(model.name)
            if task is None or not task.is_running:
                raise Conflict(f"{model.name} is not being downloaded.", code="not_downloading")
            task.cancelled.set()
            task = self._tasks[model.name] = replace(task, state="cancelling")
        emit("model", _event(model, task))

    def task(self, name: str) -> Task | None:
        """How the model's download stands; None when there is nothing to say."""
        return self._tasks.get(name)

    @property
    def sync_state(self) -> dict[str, Any]:
        """`state` idle | running | done | failed, `message`, and what the last one did."""
        return dict(self._sync)

    def _begin(self, model: Model, emit: Emit) -> Watch:
        with self._lock:
            known = self._tasks.get(model.name)
            if known is not None and known.is_running:
                raise Conflict(f"{model.name} is being downloaded already.", code="already_downloading")
            task = self._tasks[model.name] = Task("downloading", 0, model.bytes)
        reported_at = 0.0

        def report(done_bytes: int, total_bytes: int) -> None:
            nonlocal reported_at
            with self._lock:
                now = self._tasks[model.name] = replace(self._tasks[model.name], done_bytes=done_bytes, total_bytes=total_bytes)
            if time.monotonic() - reported_at >= REPORT_EVERY_S:
                reported_at = time.monotonic()
                emit("model", _event(model, now))

        return Watch(report, task.cancelled.is_set)

    def _fetch(self, model: Model, emit: Emit, watch: Watch) -> None:
        try:
            self._store.fetch(model.name, watch.progress, accept_licence=True, is_cancelled=watch.is_cancelled)
        except SightlineError as err:
            self._end(model, emit, "cancelled" if err.code == "model_cancelled" else "failed", err.message)
        except Exception:
            log.exception("the download of %s failed", model.name)
            self._end(model, emit, "failed", UNEXPECTED)
        else:
            self._end(model, emit, "ready")

    def _end(self, model: Model, emit: Emit, state: str, message: str = "") -> None:
        with self._lock:
            task = replace(self._tasks[model.name], state=state, message=message)
            if state == "failed":
                self._tasks[model.name] = task
            else:
                del self._tasks[model.name]
        log.info("Model %s: %s. %s", model.name, state, message)
        if state == "ready":
            self._on_changed(model)
        emit("model", _event(model, task))

    def _bring_all(self, emit: Emit, accept_licence: bool) -> None:
        result: dict[str, Any]
        try:
            report = self._store.sync(
                lambda model: self._begin(model, emit), accept_licence=accept_licence, ended=self._ender(emit)
            )
            result = {"state": "failed" if report.failed else "done", "message": _sync_words(report), "failed": report.failed}
        except SightlineError as err:
            result = {"state": "failed", "message": err.message}
        except Exception:
            log.exception("bringing models from the mirror failed")
            result = {"state": "failed", "message": UNEXPECTED}
        with self._lock:
            self._sync = result
        log.info("Models of the mirror: %s", result["message"])
        emit("model", {"name": None, "state": "synced", "message": result["message"], "is_failed": result["state"] == "failed"})

    def _ender(self, emit: Emit) -> Callable[[Model, SightlineError | None], None]:
        def ended(model: Model, err: SightlineError | None) -> None:
            if err is None:
                self._end(model, emit, "ready")
            else:
                self._end(model, emit, "cancelled" if err.code == "model_cancelled" else "failed", err.message)

        return ended

    def _smallest(self) -> Model:
        public = [model for model in self._store.models() if model.url]
        if not public:
            raise NotFound("No model has a public address.", code="model_not_found")
        return min(public, key=lambda model: model.bytes)


def _event(model: Model, task: Task) -> dict[str, Any]:
    done_bytes = task.total_bytes or task.done_bytes if task.state == "ready" else task.done_bytes
    return {
        "name": model.name, "state": task.state, "done_bytes": done_bytes, "total_bytes": task.total_bytes, "message": task.message,
    }  # fmt: skip


def _sync_words(report: SyncReport) -> str:
    parts = [f"{len(report.brought)} brought", f"{len(report.here)} here already", f"{len(report.not_held)} not in the mirror"]
    if report.skipped:
        parts.append(f"{len(report.skipped)} left out, because their licence was not accepted")
    if report.failed:
        parts.append(f"{len(report.failed)} failed")
    return ", ".join(parts) + "."
