"""What the browsers are told: the feed of one engine, and changes of the upload queue.

Each runs in a background thread of the web process, started by `sockets`.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sightline.errors import SightlineError, StorageError
from sightline.web.camera_desk import unknown_status
from sightline.web.services import Services

log = logging.getLogger(__name__)

RETRY_S = 0.5
UPLOAD_POLL_S = 1.0
PUSHED = frozenset({"stats", "findings", "camera", "event"})

Emit = Callable[[str, Mapping[str, Any]], None]


class FeedReader:
    """Reads one engine's feed for ever, over restarts of the engine."""

    def __init__(self, parts: Services, index: int, emit: Emit, stop: threading.Event) -> None:
        self._parts = parts
        self._index = index
        self._emit = emit
        self._stop = stop
        self._is_up = True

    def run(self) -> None:
        """Body of the thread."""
        while not self._stop.is_set():
            try:
                self._read()
            except SightlineError as err:
                log.debug("feed %d: %s", self._index, err)
            except Exception:
                log.exception("the feed of engine %d failed; reading goes on", self._index)
            self._report_down()
            self._stop.wait(RETRY_S)

    def _read(self) -> None:
        with self._parts.engines.all[self._index].stream("/feed") as stream:
            log.info("Connected to engine %d", self._index)
            self._is_up = True
            for line in stream.lines():
                if self._stop.is_set():
                    return
                if line:
                    self._pass_on(line)

    def _pass_on(self, line: bytes) -> None:
        message = json.loads(line)
        if message.get("type") in PUSHED:
            self._emit(message["type"], {**message["data"], "camera": message["camera"]})

    def _report_down(self) -> None:
        if not self._is_up or self._stop.is_set():
            return
        self._is_up = False
        log.warning("Engine %d does not answer", self._index)
        try:
            for camera in self._parts.cameras.list():
                if self._parts.engines.index_of(camera.id) == self._index:
                    self._emit("camera", {**unknown_status(camera), "camera": camera.id})
        except StorageError:
            log.exception("the cameras could not be read")


class UploadWatch:
    """Tells operators when an upload's state changes; the worker, another process, is who delivers."""

    def __init__(self, parts: Services, emit: Emit, stop: threading.Event) -> None:
        self._parts = parts
        self._emit = emit
        self._stop = stop
        self._seen: dict[int, tuple[str, int]] = {}

    def run(self) -> None:
        """Body of the thread."""
        self._look(is_first=True)
        while not self._stop.wait(UPLOAD_POLL_S):
            self._look(is_first=False)

    def _look(self, *, is_first: bool) -> None:
        try:
            items = self._parts.outbox.list(limit=50)
        except StorageError:
            log.exception("the uploads could not be read")
            return
        for item in reversed(items):
            mark = (str(item.state), item.attempts)
            if self._seen.get(item.id) != mark and not is_first:
                self._emit(
                    "upload", {"id": item.id, "key": item.key, "state": mark[0], "attempts": mark[1], "last_error": item.last_error}
                )
        self._seen = {item.id: (str(item.state), item.attempts) for item in items}
