"""Presets as people use them: list, save from a camera, preview, apply. Called by request threads."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sightline.errors import Conflict, Invalid
from sightline.media.chain import ChainSpec
from sightline.media.presets import Applied, Preset, apply, check_preset, preset_of
from sightline.records.presets import Presets
from sightline.web.camera_desk import CameraDesk, chain_of
from sightline.web.catalogue import Catalogue
from sightline.web.schemas import NewPreset, PresetEntry


class PresetDesk:
    """Everything that may be done with a preset."""

    def __init__(self, presets: Presets, desk: CameraDesk, catalogue: Catalogue) -> None:
        self._presets = presets
        self._desk = desk
        self._catalogue = catalogue

    def views(self) -> list[dict[str, Any]]:
        return [preset.to_json() for preset in self._presets.list()]

    def save(self, wanted: NewPreset) -> dict[str, Any]:
        """Save what is on at a camera, or the given options. Raises: Invalid, Conflict, NotFound (camera)."""
        if (wanted.camera is None) == (wanted.options is None):
            raise Invalid("Name the camera whose settings are saved, or give the options.", code="ambiguous", field="camera")
        if wanted.camera is not None:
            preset = preset_of(
                chain_of(self._desk.get(wanted.camera)), wanted.name, wanted.description,
                with_shapes=wanted.with_shapes, others_off=wanted.others_off,
            )  # fmt: skip
        else:
            preset = Preset(wanted.name, wanted.description, wanted.options or {}, wanted.others_off, tuple(wanted.order))
        return self._presets.save(check_preset(preset), replace=wanted.replace).to_json()

    def delete(self, name: str) -> None:
        """Raises: NotFound, Conflict (a built-in one)."""
        self._presets.delete(name)

    def put_on(self, camera_id: str, name: str, *, is_preview: bool) -> dict[str, Any]:
        """Put a preset onto a camera, or only tell what would change. Raises: NotFound."""
        preset = self._presets.get(name)
        unavailable = self._unavailable()
        if is_preview:
            applied = apply(preset, chain_of(self._desk.get(camera_id)), unavailable)
        else:
            applied = self._apply(camera_id, preset, unavailable)
        words = f"{preset.name}: {len(applied.changes)} changed, {len(applied.skipped)} left out."
        return {
            "success": True, "message": words, "preset": preset.name, "changes": [asdict(change) for change in applied.changes],
            "skipped": list(applied.skipped), "options": applied.chain.options(),
        }  # fmt: skip

    def export(self) -> list[dict[str, Any]]:
        """The saved presets, for the document of `CameraTransfer`."""
        return [_entry_of(preset) for preset in self._presets.list() if not preset.is_builtin]

    def checked(self, entries: Sequence[PresetEntry]) -> tuple[Preset, ...]:
        """Presets of a document. Raises: Invalid."""
        presets = [Preset(e.name, e.description, e.options, e.others_off, tuple(e.order)) for e in entries]
        return tuple(check_preset(preset) for preset in presets)

    def take(self, presets: Sequence[Preset], *, replace: bool) -> int:
        """Save those of a document; one that is here already stays unless `replace`. Returns how many were saved.

        Raises:
            Conflict: there are too many.
        """
        saved = 0
        for preset in presets:
            try:
                self._presets.save(preset, replace=replace)
            except Conflict as err:
                if err.code == "too_many_presets":
                    raise
                continue
            saved += 1
        return saved

    def _apply(self, camera_id: str, preset: Preset, unavailable: Mapping[str, str]) -> Applied:
        results: list[Applied] = []

        def change(chain: ChainSpec) -> ChainSpec:
            results.append(apply(preset, chain, unavailable))
            return results[-1].chain

        self._desk.change_chain(camera_id, change)
        return results[-1]

    def _unavailable(self) -> dict[str, str]:
        """Stage name → reason."""
        stages = self._catalogue.stages()
        return {stage["name"]: stage["reason"] or "Not available here." for stage in stages if not stage["available"]}


def _entry_of(preset: Preset) -> dict[str, Any]:
    entry = preset.to_json()
    del entry["is_builtin"]
    return entry
