"""Pictures on their way to a viewer: bytes of the engine passed through, or handed to nginx with X-Accel-Redirect.

Runs in the request thread of each viewer; never decodes anything. When the engine dies the viewer stays connected, sees a
"no signal" picture each second, and the stream goes on by itself when the engine is back.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from flask import Response, request

from sightline.errors import EngineUnavailable, NotFound
from sightline.media.signing import sign_path
from sightline.settings import Settings
from sightline.web.accounts import Identity
from sightline.web.camera_desk import CameraDesk
from sightline.web.engine_client import Engine, Engines
from sightline.web.login import Login
from sightline.web.mjpeg_parts import CONTENT_TYPE, BrokenStream, still_part, whole_parts
from sightline.web.privacy import may_see, must_see

log = logging.getLogger(__name__)

NO_SIGNAL = Path(__file__).resolve().parents[2] / "static" / "img" / "no-signal.jpg"
RETRY_S = 1.0
RECHECK_S = 5.0
"""How often an open stream asks whether its viewer still may watch."""
STUCK_VIEWER_S = 30.0
SIGNED_FOR_S = 60
"""How long nginx may take to open a signed address; an open stream goes on after that."""


class Media:
    """Answers requests for live pictures."""

    def __init__(
        self, settings: Settings, engines: Engines, desk: CameraDesk, login: Login, stop: threading.Event
    ) -> None:  # fmt: skip
        self._has_accel = settings.accel_redirect
        self._key = settings.derived_key("media")
        self._engines = engines
        self._desk = desk
        self._login = login
        self._stop = stop

    def mjpeg(self, camera_id: str, query: Mapping[str, object], viewer: Identity) -> Response:
        """The multipart stream of a camera. Raises: NotFound, Invalid, Forbidden (`raw_is_private`)."""
        view = str(query.get("view", "processed"))
        must_see(self._desk.get(camera_id), view, viewer)
        path = f"/media/{camera_id}/mjpeg"
        if self._has_accel:
            return self._hand_to_nginx(camera_id, path, query)
        may_go_on = partial(self._may_go_on, camera_id, view, viewer)
        parts = Viewing(self._engines.of(camera_id), path, query, may_go_on, self._stop).parts()
        first = next(parts, b"")  # opened here, so that a refusal still becomes a problem answer
        _limit_stuck_viewer()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Response(_rejoin(first, parts), content_type=CONTENT_TYPE, headers=headers)

    def _hand_to_nginx(self, camera_id: str, path: str, query: Mapping[str, object]) -> Response:
        signed = sign_path(self._key, f"{path}?{urlencode(query)}" if query else path, int(time.time()) + SIGNED_FOR_S)
        location = f"/_engine/{self._engines.index_of(camera_id)}{signed}"
        return Response(content_type=CONTENT_TYPE, headers={"X-Accel-Redirect": location, "Cache-Control": "no-store"})

    def _may_go_on(self, camera_id: str, view: str, viewer: Identity) -> bool:
        try:
            camera = self._desk.get(camera_id)
        except NotFound:
            return False
        return may_see(camera, view, viewer) and self._login.is_current(viewer)


class Viewing:
    """One viewer's stream over restarts of the engine."""

    def __init__(
        self, engine: Engine, path: str, query: Mapping[str, object], may_go_on: Callable[[], bool], stop: threading.Event
    ) -> None:
        self._engine = engine
        self._path = path
        self._query = query
        self._may_go_on = may_go_on
        self._stop = stop
        self._checked_at = time.monotonic()

    def parts(self) -> Iterator[bytes]:
        """Parts until the viewer or the camera goes away. Raises what the engine answers when it refuses the first request."""
        while True:
            try:
                with self._engine.stream(self._path, self._query) as stream:
                    yield from self._until_refused(whole_parts(stream.chunks()))
            except (EngineUnavailable, BrokenStream) as err:
                log.debug("stream %s interrupted: %s", self._path, err)
            except NotFound:
                # An engine that has just started may not have loaded its cameras yet.
                log.debug("engine does not know %s", self._path)
            if self._stop.is_set() or not self._may_go_on():
                return
            yield still_part(NO_SIGNAL)
            self._stop.wait(RETRY_S)

    def _until_refused(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        for part in parts:
            yield part
            if self._stop.is_set():
                return
            if time.monotonic() - self._checked_at >= RECHECK_S:
                self._checked_at = time.monotonic()
                if not self._may_go_on():
                    return


def _rejoin(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _limit_stuck_viewer() -> None:
    # gunicorn gives the viewer's socket: without a timeout a viewer that stops reading would hold its thread for ever.
    client = request.environ.get("gunicorn.socket")
    if client is not None:
        client.settimeout(STUCK_VIEWER_S)
