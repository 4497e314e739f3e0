"""The operations on cameras, shared by all routes: validate, write the row, tell the engine.

The web is the only writer of camera rows; the row is the truth, and the engine is told after it is written. When the engine is
down the row is written all the same: the engine reads it when it is back. Called by request threads.
"""

import math
import re
import secrets
import threading
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sightline.errors import Conflict, EngineUnavailable, Invalid, NotFound, SightlineError
from sightline.media.address import AddressPolicy, parse_source
from sightline.media.chain import ChainSpec
from sightline.media.source_options import SourceOptions
from sightline.records.cameras import DEFAULT_CAMERA, Camera, Cameras
from sightline.records.counters import CounterMinutes
from sightline.web.engine_client import Engine, Engines

FIRST_PICTURE_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 20.0
TRACKING = "object_tracking"
MARGIN_S = 3.0
"""How much longer we wait for the engine's answer than the engine waits itself."""


@dataclass(frozen=True, slots=True)
class CameraDraft:
    """What an administrator enters for a new camera."""

    name: str
    source: str = field(repr=False)
    id: str | None = None
    source_options: Mapping[str, Any] = field(default_factory=dict)
    is_running: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    """Flat options; what they do not name has its default."""


class CameraDesk:
    """Everything that may be done to a camera."""

    def __init__(self, cameras: Cameras, counters: CounterMinutes, engines: Engines, policy: AddressPolicy) -> None:
        self._cameras = cameras
        self._counters = counters
        self._engines = engines
        self._policy = policy
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def list(self, sees: Callable[[str], bool]) -> list[dict[str, Any]]:
        """CameraView of every camera that this user sees."""
        states: dict[str, Mapping[str, Any]] = {}
        for engine in self._engines.all:
            try:
                states |= {status["id"]: status for status in engine.call("GET", "/cameras")["cameras"]}
            except EngineUnavailable:
                continue
        return [view_of(camera, states.get(camera.id)) for camera in self._cameras.list() if sees(camera.id)]

    def get(self, camera_id: str) -> Camera:
        """Raises: NotFound."""
        return self._cameras.get(camera_id)

    def view(self, camera_id: str) -> dict[str, Any]:
        """CameraView of one camera. Raises: NotFound."""
        camera = self._cameras.get(camera_id)
        return view_of(camera, self._status(camera_id))

    def create(self, draft: CameraDraft) -> dict[str, Any]:
        """Raises: Invalid, Forbidden (address), NotFound (file), Conflict (id taken)."""
        self.check_source(draft.source)
        options = SourceOptions.parse(draft.source_options).to_json()
        chain = ChainSpec.default().with_options(draft.options)
        wanted = Camera(
            id=draft.id or self._free_id(draft.name), name=draft.name, source=draft.source, source_options=options,
            is_running=draft.is_running, chain=chain.to_json(),
        )  # fmt: skip
        camera = self._cameras.add(wanted)
        with self._locks[camera.id]:
            return self._tell(camera)

    def adopt(self, camera: Camera) -> None:
        """Add a camera of an import, or change the one of that id. Its source and chain are checked already."""
        with self._locks[camera.id]:
            try:
                self._cameras.get(camera.id)
            except NotFound:
                self._tell(self._cameras.add(camera))
                return
            changes = {name: getattr(camera, name) for name in ("name", "source", "source_options", "is_running", "chain")}
            self._tell(self._cameras.update(camera.id, **changes))

    def change(self, camera_id: str, **changes: Any) -> dict[str, Any]:
        """Change name, source, source_options or is_running; only what differs is touched. Raises: as `create`."""
        if "source_options" in changes:
            changes["source_options"] = SourceOptions.parse(changes["source_options"]).to_json()
        with self._locks[camera_id]:
            if "source" in changes and changes["source"] != self._cameras.get(camera_id).source:
                self.check_source(changes["source"])
            return self._tell(self._cameras.update(camera_id, **changes))

    def delete(self, camera_id: str) -> None:
        """Raises: NotFound, Conflict (the default camera)."""
        if camera_id == DEFAULT_CAMERA:
            raise Conflict("The default camera cannot be deleted. Stop it, or give it another source.", code="default_camera")
        with self._locks[camera_id]:
            self._cameras.delete(camera_id)
            self._to_engine(camera_id, lambda engine: engine.call("DELETE", f"/cameras/{camera_id}"))
            # A camera that gets the same id one day must not begin with the counts of this one.
            self._counters.delete(camera_id)
        self._locks.pop(camera_id, None)

    def start(self, camera_id: str) -> dict[str, Any]:
        """Start, and wait for the first picture.

        Raises:
            SourceError: no picture came within 10 s; the camera goes on trying.
            EngineUnavailable: the camera starts when the engine is back.
        """
        self.change(camera_id, is_running=True)
        status = self._engines.of(camera_id).call(
            "POST",
            f"/cameras/{camera_id}/wait",
            query={"timeout_s": FIRST_PICTURE_TIMEOUT_S},
            timeout_s=FIRST_PICTURE_TIMEOUT_S + MARGIN_S,
        )
        return view_of(self._cameras.get(camera_id), status)

    def stop(self, camera_id: str) -> dict[str, Any]:
        return self.change(camera_id, is_running=False)

    def options(self, camera_id: str) -> dict[str, Any]:
        """The flat options map."""
        return chain_of(self._cameras.get(camera_id)).options()

    def chain(self, camera_id: str) -> dict[str, Any]:
        """The chain in full."""
        return chain_of(self._cameras.get(camera_id)).to_json()

    def set_options(self, camera_id: str, changes: Mapping[str, object]) -> dict[str, Any]:
        """Change some flat options, all or nothing; return the whole map. Raises: Invalid."""
        return self.change_chain(camera_id, lambda chain: chain.with_options(changes)).options()

    def set_processing(self, camera_id: str, enabled: bool | None) -> bool:
        """Switch processing; None flips it. Returns what it is now."""
        return self.change_chain(
            camera_id, lambda chain: chain.with_processing(not chain.processing if enabled is None else enabled)
        ).processing

    def set_chain(self, camera_id: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the whole chain: order, switches, parameters. Raises: Invalid."""
        return self.change_chain(camera_id, lambda _chain: ChainSpec.from_json(data)).to_json()

    def follow(self, camera_id: str, bbox: Sequence[float], view: str = "raw") -> None:
        """Follow what is in the box now.

        Args:
            bbox: x, y, width, height in pixels of the source picture.
            view: the picture that it was drawn on, whose filters may have moved things.

        Raises:
            Invalid: empty, or not inside the picture. Conflict: there is no picture.
        """
        status = self.ask(camera_id, "GET")
        box = box_inside(bbox, (status.get("width") or 0, status.get("height") or 0))
        was_on = bool(self.options(camera_id).get(TRACKING))
        self.set_options(camera_id, {TRACKING: True})
        try:
            self.ask(camera_id, "POST", "/track", body={"box": box, "view": view})
        except SightlineError:
            if not was_on:
                self.set_options(camera_id, {TRACKING: False})
            raise

    def unfollow(self, camera_id: str) -> None:
        self.ask(camera_id, "DELETE", "/track")
        self.set_options(camera_id, {TRACKING: False})

    def check_source(self, source: str) -> None:
        """Raises: Invalid (cannot be read, or its scheme is not allowed), Forbidden (address policy), NotFound (file)."""
        self._policy.check(parse_source(source))

    def probe(self, source: str, source_options: Mapping[str, Any]) -> dict[str, Any]:
        """Examine a source without adding it. Raises: Invalid, Forbidden, EngineUnavailable."""
        self.check_source(source)
        body = {"source": source, "source_options": SourceOptions.parse(source_options).to_json()}
        report: dict[str, Any] = self._engines.any().call("POST", "/probe", body=body, timeout_s=PROBE_TIMEOUT_S)
        return report

    def ask(self, camera_id: str, method: str, path: str = "", **more: Any) -> Any:
        """Ask the camera's engine about the camera. Raises: NotFound, EngineUnavailable, what the engine answers."""
        self._cameras.get(camera_id)
        return self._engines.of(camera_id).call(method, f"/cameras/{camera_id}{path}", **more)

    def change_chain(self, camera_id: str, change: Callable[[ChainSpec], ChainSpec]) -> ChainSpec:
        """Make `change` of the camera's chain, nobody else meanwhile. Raises: NotFound, what `change` raises."""
        with self._locks[camera_id]:
            chain = change(chain_of(self._cameras.get(camera_id)))
            self._tell(self._cameras.update(camera_id, chain=chain.to_json()))
        return chain

    def _tell(self, camera: Camera) -> dict[str, Any]:
        """Give the engine the camera as it is now; must hold the camera's lock, so that the last write wins there too."""
        body = {
            "id": camera.id, "name": camera.name, "source": camera.source, "source_options": dict(camera.source_options),
            "is_running": camera.is_running, "chain": dict(camera.chain),
        }  # fmt: skip
        status = self._to_engine(camera.id, lambda engine: engine.call("PUT", f"/cameras/{camera.id}", body=body))
        return view_of(camera, status)

    def _status(self, camera_id: str) -> Any:
        return self._to_engine(camera_id, lambda engine: engine.call("GET", f"/cameras/{camera_id}"))

    def _to_engine(self, camera_id: str, send: Callable[[Engine], Any]) -> Any:
        """Send it; None when the engine is down or does not know the camera (it loads the rows when it is back)."""
        try:
            return send(self._engines.of(camera_id))
        except (EngineUnavailable, NotFound):
            return None

    def _free_id(self, name: str) -> str:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:24] or "camera"
        taken = {camera.id for camera in self._cameras.list()}
        return slug if slug not in taken else f"{slug}-{secrets.token_hex(3)}"


def chain_of(camera: Camera) -> ChainSpec:
    """The chain of a camera as kept; stages that no longer exist fall back to the default chain."""
    try:
        return ChainSpec.from_json(camera.chain)
    except SightlineError:
        return ChainSpec.default()


def view_of(camera: Camera, status: Mapping[str, Any] | None) -> dict[str, Any]:
    """CameraView: what the engine says about a camera, and what is configured, credentials removed."""
    chain = chain_of(camera)
    configured = {
        "id": camera.id, "name": camera.name, "is_running": camera.is_running, "processing": chain.processing,
        "source": parse_source(camera.source).redacted, "source_options": dict(camera.source_options), "options": chain.options(),
        "is_default": camera.id == DEFAULT_CAMERA, "mjpeg_url": f"/api/cameras/{camera.id}/mjpeg", "position": camera.position,
    }  # fmt: skip
    return {**(status or unknown_status(camera)), **configured}


def unknown_status(camera: Camera) -> dict[str, Any]:
    """CameraStatus while the engine does not answer."""
    return {
        "id": camera.id, "name": camera.name, "kind": parse_source(camera.source).kind, "is_running": camera.is_running,
        "state": "idle", "reason": "engine_unavailable", "message": "The video engine does not answer; it is being restarted.",
        "since": None, "retry_in_s": None, "width": None, "height": None, "fps": 0.0, "source_fps": None, "codec": None,
        "reconnects": 0, "stalls": 0, "processing": False, "chain_version": None, "viewers": 0, "encoders": 0,
    }  # fmt: skip


def box_inside(bbox: Sequence[float], size_px: tuple[int, int]) -> list[float]:
    """Turn x, y, width, height into x1, y1, x2, y2.

    Raises:
        Conflict: there is no picture (its size is 0).
        Invalid: the box is empty or not inside the picture; facts: the picture's width and height.
    """
    x, y, box_width, box_height = bbox
    width, height = size_px
    if not width or not height:
        raise Conflict("There is no picture at the moment, so nothing can be followed.", code="no_frame")
    is_inside = all(map(math.isfinite, bbox)) and x >= 0 and y >= 0 and x + box_width <= width and y + box_height <= height
    if not is_inside or box_width < 1 or box_height < 1:
        raise Invalid(
            f"The box must lie inside the picture, which has {width}x{height} pixels.", code="bad_box", field="bbox",
            allowed={"width": width, "height": height},
        )  # fmt: skip
    return [x, y, x + box_width, y + box_height]
