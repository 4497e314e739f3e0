"""Presets: many switches and parameters in one step."""

from typing import Any

from sightline.web.guard import current_identity
from sightline.web.schemas import CameraPath, Done, NewPreset, PresetBody, PresetList, PresetPath, resource
from sightline.web.services import services

api = resource("presets", __name__, "Presets: many switches and parameters in one step")


@api.get("/api/presets", responses={200: PresetList})
def list_presets() -> dict[str, Any]:
    """The built-in presets and the saved ones."""
    return {"presets": services().presets.views()}


@api.post("/api/presets")
def save_preset(body: NewPreset) -> tuple[dict[str, Any], int]:
    """Save what is on at a camera, or the given options, as a preset."""
    if body.camera is not None:
        current_identity().must_see(body.camera)
    return services().presets.save(body), 201


@api.delete("/api/presets/<name>", responses={200: Done})
def delete_preset(path: PresetPath) -> dict[str, Any]:
    """Delete a saved preset. Cameras that have its settings keep them."""
    services().presets.delete(path.name)
    return {"success": True, "message": "The preset is deleted."}


@api.post("/api/cameras/<camera_id>/preset")
def apply_preset(path: CameraPath, body: PresetBody) -> dict[str, Any]:
    """Put a preset onto a camera; with preview, only tell what would change. What is not available here is left out."""
    return services().presets.put_on(path.camera_id, body.name, is_preview=body.preview)
