"""All cameras of this engine. Methods may be called from any thread; those that start or stop cameras block."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from sightline.errors import Invalid, NotFound, SightlineError
from sightline.live.camera import LiveCamera
from sightline.live.context import CameraConfig, LiveContext
from sightline.media.address import parse_source
from sightline.media.chain import ChainSpec
from sightline.media.source_options import SourceOptions
from sightline.records.cameras import DEFAULT_CAMERA, ID_PATTERN, Camera, Cameras

log = logging.getLogger(__name__)

MOST_CAMERAS = 256


class Fleet:
    """The running cameras, by id."""

    def __init__(self, context: LiveContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._cameras: dict[str, LiveCamera] = {}

    def load(self, cameras: Cameras, default_source: str, is_own: Callable[[str], bool]) -> None:
        """Take over those cameras of the database that are this engine's; when there is none at all, enter the default one."""
        rows = cameras.list()
        if not rows and is_own(DEFAULT_CAMERA):
            chain = ChainSpec.default().to_json()
            rows = (cameras.add(Camera(DEFAULT_CAMERA, "Default camera", default_source, is_running=True, chain=chain)),)
        for row in rows:
            if is_own(row.id):
                self._load_one(row)

    def all(self) -> tuple[LiveCamera, ...]:
        with self._lock:
            return tuple(self._cameras.values())

    def get(self, camera_id: str) -> LiveCamera:
        """Raises: NotFound."""
        camera = self._cameras.get(camera_id)
        if camera is None:
            raise NotFound(f"There is no camera {camera_id!r}.", code="camera_not_found")
        return camera

    def put(self, config: CameraConfig) -> LiveCamera:
        """Make the camera what `config` says, new or known.

        Raises:
            Invalid: the source or an option of it is wrong; nothing has changed.
        """
        parse_source(config.source)
        SourceOptions.parse(config.source_options)
        with self._lock:
            camera = self._cameras.get(config.id)
            if camera is None:
                if len(self._cameras) >= MOST_CAMERAS:
                    raise Invalid(f"One engine runs at most {MOST_CAMERAS} cameras.", code="too_many_cameras", field="id")
                camera = self._cameras[config.id] = LiveCamera(config, self._context)
                return camera
        camera.configure(replace(config, chain=_next_version(camera.config.chain, config.chain)))
        return camera

    def delete(self, camera_id: str) -> None:
        """Raises: NotFound."""
        camera = self.get(camera_id)
        with self._lock:
            self._cameras.pop(camera_id, None)
        camera.close()

    def close(self) -> None:
        """Stop all cameras, all at the same time."""
        with self._lock:
            cameras, self._cameras = tuple(self._cameras.values()), {}
        if cameras:
            with ThreadPoolExecutor(len(cameras), "close") as pool:
                list(pool.map(LiveCamera.close, cameras))

    def _load_one(self, row: Camera) -> None:
        try:
            config = CameraConfig(row.id, row.name, row.source, row.source_options, row.is_running, _read_chain(row))
            self._cameras[row.id] = LiveCamera(config, self._context)
        except SightlineError as err:
            log.error("Camera %s cannot be loaded: %s", row.id, err.message)


def read_config(camera_id: str, data: object) -> CameraConfig:
    """Build the configuration of a camera from the body of a request.

    Raises:
        Invalid: names the field.
    """
    if not isinstance(data, dict):
        raise Invalid("The body must be a JSON object.", code="wrong_type", field="body")
    if not ID_PATTERN.fullmatch(camera_id) or data.get("id", camera_id) != camera_id:
        raise Invalid("A camera id is 1 to 32 of a-z, 0-9, - and _, the same in path and body.", code="bad_id", field="id")
    values = {name: _typed(data, name, kind, default) for name, kind, default in _FIELDS}
    return CameraConfig(
        camera_id, values["name"] or camera_id, values["source"], values["source_options"], values["is_running"],
        ChainSpec.from_json(values["chain"]),
    )  # fmt: skip


_FIELDS: tuple[tuple[str, type, Any], ...] = (
    ("name", str, ""), ("source", str, None), ("source_options", dict, {}), ("is_running", bool, True), ("chain", dict, {}),
)  # fmt: skip


def _typed(data: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    value = data.get(name, default)
    if not isinstance(value, kind):
        raise Invalid(f"{name} must be {_KIND_WORDS[kind]}.", code="wrong_type", field=name)
    return value


_KIND_WORDS = {str: "text", dict: "an object", bool: "true or false"}


def _next_version(before: ChainSpec, wanted: ChainSpec) -> ChainSpec:
    """The wanted chain with its version; the very same value when nothing differs, so that nothing is rebuilt."""
    if replace(wanted, version=before.version) == before:
        return before
    return replace(wanted, version=before.version + 1)


def _read_chain(row: Camera) -> ChainSpec:
    try:
        return ChainSpec.from_json(row.chain)
    except SightlineError as err:
        # A stage that is no longer installed must not take the camera's picture away.
        log.error("Camera %s: its chain does not read (%s), going on with the default one", row.id, err.message)
        return ChainSpec.default()
