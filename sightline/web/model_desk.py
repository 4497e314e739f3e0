"""The page "Models" and its API: which weight files there are, which are here, who uses them, what they cost.

Called by request threads.
"""

import logging
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sightline.errors import Conflict, EngineUnavailable, SightlineError
from sightline.media.models import Model, ModelStore, Verdict
from sightline.web.catalogue import Catalogue
from sightline.web.downloads import Downloads, Emit, Task
from sightline.web.engine_client import Engines

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileHere:
    """A weight file on disk; equal as long as it is still the one that was looked at."""

    path: Path
    size_bytes: int
    changed_ns: int


class ModelDesk:
    """The weight files of this installation."""

    def __init__(self, store: ModelStore, engines: Engines, catalogue: Catalogue) -> None:
        self._store = store
        self._engines = engines
        self._catalogue = catalogue
        self._verdicts: dict[FileHere, Verdict] = {}
        self._lock = threading.Lock()
        self.downloads = Downloads(store, self._tell_engines)

    def list(self) -> dict[str, Any]:
        """Every model with its state, in the order of the manifest."""
        stages = {stage["name"]: stage for stage in self._catalogue.stages()}
        running = self._running()
        models = [self._view(model, stages, running) for model in self._store.models()]
        return {"models": models, "has_mirror": self._store.has_mirror, "sync": self.downloads.sync_state}

    def verify(self, name: str) -> dict[str, Any]:
        """Read a file and compare its checksum. Raises: NotFound, StorageError."""
        model = self._store.model(name)
        verdict = self._store.verify(name)
        file = self._find(model)
        if file is not None:
            with self._lock:
                self._verdicts[file] = verdict
        return {"success": verdict in ("good", "other"), "name": model.name, "verdict": verdict, "message": _VERDICT_WORDS[verdict]}

    def remove(self, name: str, emit: Emit) -> dict[str, Any]:
        """Delete a file. Raises: NotFound, Conflict (it lies in the mirror folder, or is being downloaded), StorageError."""
        model = self._store.model(name)
        task = self.downloads.task(model.name)
        if task is not None and task.is_running:
            raise Conflict(f"{model.name} is being downloaded: cancel that first.", code="already_downloading")
        self._store.remove(name)
        self._tell_engines(model)
        log.info("Model %s: removed", model.name)
        emit("model", {"name": model.name, "state": "removed", "done_bytes": 0, "total_bytes": model.bytes, "message": ""})
        return {"success": True, "name": model.name, "message": f"{model.file} is deleted."}

    def _view(self, model: Model, stages: dict[str, dict[str, Any]], running: dict[str, dict[str, Any]]) -> dict[str, Any]:
        file = self._find(model)
        task = self.downloads.task(model.name)
        facts = asdict(model)
        for hidden in ("sha256", "stages", "url"):
            del facts[hidden]
        return facts | {
            **self._state(model, file, task),
            "is_own_export": not model.url,
            "can_remove": file is not None and file.path.parent == self._store.models_dir,
            "places": [place.name for place in self._store.places_of(model)],
            "stages": [_stage_view(stages[name]) for name in model.stages if name in stages],
            "running": running.get(model.file),
        }

    def _find(self, model: Model) -> FileHere | None:
        path = self._store.find(model.file)
        if path is None:
            return None
        try:
            state = path.stat()
        except FileNotFoundError:
            return None  # deleted this very moment
        return FileHere(path, state.st_size, state.st_mtime_ns)

    def _state(self, model: Model, file: FileHere | None, task: Task | None) -> dict[str, Any]:
        """`state` here | mirror | missing | downloading | cancelling | failed | damaged, and what goes with it."""
        state = {"state": "missing", "message": "", "done_bytes": 0, "total_bytes": model.bytes, "verdict": None}
        if task is not None:
            state |= {"state": task.state, "message": task.message, "done_bytes": task.done_bytes, "total_bytes": task.total_bytes}
        if file is None or (task is not None and task.is_running):
            return state
        verdict = self._known_verdict(model, file)
        here = "here" if file.path.parent == self._store.models_dir else "mirror"
        return state | {"state": "damaged" if verdict == "damaged" else here, "verdict": verdict, "bytes": file.size_bytes}

    def _known_verdict(self, model: Model, file: FileHere) -> Verdict | None:
        if model.url and not model.is_size(file.size_bytes):
            return "damaged"  # seen without reading it
        with self._lock:
            return self._verdicts.get(file)

    def _running(self) -> dict[str, dict[str, Any]]:
        """By file: what runs it in an engine now, and the milliseconds of a run."""
        found: dict[str, dict[str, Any]] = {}
        for engine in self._engines.all:
            try:
                found |= {row["file"]: row for row in engine.call("GET", "/models")["running"]}
            except EngineUnavailable:
                continue
        return found

    def _tell_engines(self, model: Model) -> None:
        """Have the engines load the stages anew that can use this model; one that is down looks at its start."""
        for engine in self._engines.all:
            try:
                engine.call("POST", "/models/changed", body={"stages": list(model.stages)})
            except SightlineError as err:
                log.info("An engine was not told of model %s: %s", model.name, err.message)


_VERDICT_WORDS: dict[Verdict, str] = {
    "good": "The file is whole.",
    "damaged": "The file is damaged: its checksum is wrong. Download it again.",
    "other": "This is another file than the one that was tested, which is usual for a model that everybody exports themselves.",
    "missing": "The file is not here.",
}


def _stage_view(stage: dict[str, Any]) -> dict[str, Any]:
    return {key: stage[key] for key in ("name", "label", "available", "is_hidden")}
