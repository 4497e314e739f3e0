"""Export and import of cameras and presets as JSON: for backup, and for moving to another machine. Called by request threads."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sightline.errors import Invalid, NotFound
from sightline.media.address import parse_source
from sightline.media.chain import ChainSpec
from sightline.media.source_options import SourceOptions
from sightline.records.cameras import Camera, Cameras, check_name
from sightline.web.camera_desk import CameraDesk
from sightline.web.preset_desk import PresetDesk
from sightline.web.schemas import CameraEntry, PresetEntry

Entry = TypeVar("Entry")
VERSION = 1
REDACTED = "***"
_entries = TypeAdapter(list[CameraEntry])
_preset_entries = TypeAdapter(list[PresetEntry])


class CameraTransfer:
    """Reads and writes the cameras and the saved presets as one document."""

    def __init__(self, cameras: Cameras, desk: CameraDesk, presets: PresetDesk) -> None:
        self._cameras = cameras
        self._desk = desk
        self._presets = presets

    def export(self, *, with_secrets: bool) -> dict[str, Any]:
        """The document. Without secrets the user names and passwords in addresses are `***`."""
        return {
            "sightline": VERSION, "exported_at": time.time(), "with_secrets": with_secrets,
            "cameras": [_entry_of(camera, with_secrets) for camera in self._cameras.list()],
            "presets": self._presets.export(),
        }  # fmt: skip

    def take(
        self, items: Sequence[Mapping[str, Any]], presets: Sequence[Mapping[str, Any]], *, replace: bool
    ) -> dict[str, Any]:  # fmt: skip
        """Add the cameras and presets of a document; everything is checked before anything is changed.

        Args:
            replace: change cameras and presets that exist; otherwise they are left alone.

        Raises:
            Invalid, Forbidden, NotFound: as for adding a camera; the message names it.
        """
        entries = self._checked(items)
        own_presets = self._presets.checked(_read(_preset_entries, presets, "presets"))
        known = {camera.id: camera for camera in self._cameras.list()}
        answer: dict[str, list[str]] = {"added": [], "changed": [], "left_alone": []}
        saved = self._presets.take(own_presets, replace=replace)
        for entry in entries:
            if entry.id not in known:
                self._desk.adopt(_camera_of(entry, entry.source))
                answer["added"].append(entry.id)
            elif replace:
                self._desk.adopt(_camera_of(entry, _kept_source(entry.source, known[entry.id])))
                answer["changed"].append(entry.id)
            else:
                answer["left_alone"].append(entry.id)
        words = f"{len(answer['added'])} added, {len(answer['changed'])} changed, {len(answer['left_alone'])} left alone."
        if own_presets:
            words += f" {saved} of {len(own_presets)} presets saved."
        return {"success": True, "message": words, "presets_saved": saved, **answer}

    def _checked(self, items: Sequence[Mapping[str, Any]]) -> list[CameraEntry]:
        entries = _read(_entries, items, "cameras")
        ids = [entry.id for entry in entries]
        if len(set(ids)) != len(ids):
            raise Invalid("A camera id stands twice in the import.", code="bad_import", field="cameras")
        for index, entry in enumerate(entries):
            check_name(entry.name)
            self._check_source(index, entry)
            ChainSpec.from_json(entry.chain)
            SourceOptions.parse(entry.source_options)
        return entries

    def _check_source(self, index: int, entry: CameraEntry) -> None:
        address = parse_source(entry.source)
        if address.has_credentials and REDACTED in (address.username, address.password) and not self._is_known(entry.id):
            raise Invalid(
                f"Camera {entry.id!r}: the password is not in this export. Export with secrets=1, or write it in.",
                code="bad_import", field=f"cameras.{index}.source",
            )  # fmt: skip
        try:
            self._desk.check_source(entry.source)
        except NotFound as err:
            raise Invalid(f"Camera {entry.id!r}: {err.message}", code=err.code, field=f"cameras.{index}.source") from err

    def _is_known(self, camera_id: str) -> bool:
        return any(camera.id == camera_id for camera in self._cameras.list())


def _read(adapter: TypeAdapter[list[Entry]], items: Sequence[Mapping[str, Any]], where: str) -> list[Entry]:
    try:
        return adapter.validate_python(list(items))
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in (where, *first["loc"]))
        raise Invalid(f"{field}: {first['msg']}.", code="bad_import", field=field) from None


def _entry_of(camera: Camera, with_secrets: bool) -> dict[str, Any]:
    return {
        "id": camera.id, "name": camera.name, "source": camera.source if with_secrets else parse_source(camera.source).redacted,
        "source_options": dict(camera.source_options), "is_running": camera.is_running, "chain": dict(camera.chain),
        "position": camera.position,
    }  # fmt: skip


def _kept_source(source: str, known: Camera) -> str:
    """The address to keep: the known one when the document holds it without its password."""
    return known.source if source == parse_source(known.source).redacted else source


def _camera_of(entry: CameraEntry, source: str) -> Camera:
    options = SourceOptions.parse(entry.source_options).to_json()
    return Camera(
        entry.id, entry.name, source, options, entry.is_running, ChainSpec.from_json(entry.chain).to_json(), entry.position
    )
