"""Socket.IO: pushes statistics, findings, events and states to the browsers that may see them.

A room per camera holds those who subscribed to it; a second one per camera those who may see its state. One thread per engine
reads the engine's feed and emits; when the engine is gone its cameras are reported as such until it is back.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, current_app, request
from flask_socketio import ConnectionRefusedError, SocketIO, join_room, leave_room

from sightline.errors import SightlineError
from sightline.web.accounts import Identity
from sightline.web.feed import FeedReader, UploadWatch
from sightline.web.guard import Guard, check_host
from sightline.web.job_watch import JobWatch
from sightline.web.policy import EVENTS, Public
from sightline.web.services import Services

log = logging.getLogger(__name__)

SOCKETS_EXTENSION = "sightline.sockets"
RECHECK_S = 5.0
ALL_CAMERAS = "all-cameras"
STAFF = "staff"


class Sockets:
    """The Socket.IO server of one app."""

    def __init__(self, app: Flask, parts: Services, guard: Guard) -> None:
        self._parts = parts
        self._identities: dict[str, Identity] = {}
        self._lock = threading.Lock()
        self._stop = parts.stop
        self.io = SocketIO(
            app,
            async_mode=parts.settings.socketio_async_mode,
            cors_allowed_origins=guard.is_allowed_origin,
            manage_session=False,
            logger=False,
            engineio_logger=False,
            ping_interval=10,
            ping_timeout=10,
            max_http_buffer_size=100_000,
        )
        for name, handler in self._handlers().items():
            self.io.on_event(name, handler)

    def start(self) -> None:
        """Start the feed threads. Once per process."""
        for index, _engine in enumerate(self._parts.engines.all):
            self.io.start_background_task(FeedReader(self._parts, index, self.emit, self._stop).run)
        self.io.start_background_task(UploadWatch(self._parts, self.emit, self._stop).run)
        self.io.start_background_task(JobWatch(self._parts.jobs.jobs, self.emit, self._stop).run)
        self.io.start_background_task(self._drop_outdated)

    def stop(self) -> None:
        """Let the threads end."""
        self._stop.set()

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        """Send one message to those who may have it: by camera when it names one, else to operators."""
        camera = data.get("camera")
        if camera is None:
            self.io.emit(kind, dict(data), to=STAFF)
        elif kind == "camera":
            self.io.emit(kind, dict(data), to=[ALL_CAMERAS, _state_room(camera)])
        else:
            self.io.emit(kind, dict(data), to=_room(camera))

    def _handlers(self) -> dict[str, Any]:
        return {
            "connect": self._on_connect,
            "disconnect": self._on_disconnect,
            "subscribe": self._on_subscribe,
            "unsubscribe": self._on_unsubscribe,
        }

    def _on_connect(self, auth: object = None) -> None:
        with self._lock:
            if _sid() in self._identities:
                return  # a client may send an event of this name: nobody becomes somebody else on an open connection
        try:
            identity = self._identify(auth)
        except SightlineError as err:
            raise ConnectionRefusedError({"code": err.code, "message": err.message}) from err
        if identity is None:
            raise ConnectionRefusedError({"code": "login_needed", "message": "Log in first."})
        with self._lock:
            self._identities[_sid()] = identity
        for room in _rooms_of(identity):
            join_room(room)

    def _on_disconnect(self, _reason: object = None) -> None:
        with self._lock:
            self._identities.pop(_sid(), None)
        # After an event of this name, sent by a client, the connection is still open, and nobody would look after it any more.
        self.io.server.disconnect(_sid())

    def _on_subscribe(self, data: object = None) -> dict[str, Any]:
        return self._checked("subscribe", data, join_room)

    def _on_unsubscribe(self, data: object = None) -> dict[str, Any]:
        return self._checked("unsubscribe", data, leave_room)

    def _checked(self, event: str, data: object, change_room: Any) -> dict[str, Any]:
        camera = data.get("camera") if isinstance(data, dict) else None
        if not isinstance(camera, str):
            return _refusal("invalid", "Name a camera.")
        with self._lock:
            identity = self._identities.get(_sid())
        access = EVENTS.get(event)
        if identity is None or access is None or (not isinstance(access, Public) and identity.role < access):
            return _refusal("forbidden", "You may not do this.")
        if not identity.sees(camera):
            return _refusal("camera_forbidden", "You have no access to this camera.")
        change_room(_room(camera))
        return {"success": True, "camera": camera}

    def _identify(self, auth: object) -> Identity | None:
        if self._parts.login.is_off:
            check_host(request.host)  # the gate before the views does not stand before sockets
        token = auth.get("token") if isinstance(auth, dict) else None
        if isinstance(token, str) and token and not self._parts.login.is_off:
            return self._parts.login.of_token(token)
        return self._parts.login.identify(request)

    def _drop_outdated(self) -> None:
        """Disconnect those whose account was changed or deleted, or who logged out everywhere."""
        while not self._stop.wait(RECHECK_S):
            with self._lock:
                known = dict(self._identities)
            for sid, identity in known.items():
                if not self._parts.login.is_current(identity):
                    self.io.server.disconnect(sid)
        with self._lock:
            known = dict(self._identities)
        for sid in known:
            self.io.server.disconnect(sid)  # their browsers come back as soon as there is a server again


def emitter() -> Callable[[str, Mapping[str, Any]], None]:
    """For views: what sends a message through the present app's server; may be called from any thread."""
    sockets: Sockets = current_app.extensions[SOCKETS_EXTENSION]
    return sockets.emit


def _rooms_of(identity: Identity) -> list[str]:
    rooms = [ALL_CAMERAS] if identity.cameras is None else [_state_room(camera) for camera in sorted(identity.cameras)]
    return rooms + ([STAFF] if identity.role > 1 else [])


def _room(camera: str) -> str:
    return f"camera:{camera}"


def _state_room(camera: str) -> str:
    return f"state:{camera}"


def _refusal(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "error": {"code": code, "message": message}}


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]
