"""Cameras: list, add, change, delete, examine, start, stop, export, import."""

from typing import Any

from sightline.errors import Invalid
from sightline.web.camera_desk import CameraDraft
from sightline.web.guard import current_identity
from sightline.web.schemas import (
    CameraChange,
    CameraImport,
    CameraList,
    CameraPath,
    CameraView,
    DoctorReport,
    Done,
    ExportQuery,
    NewCamera,
    ProbeRequest,
    resource,
)
from sightline.web.services import services
from sightline.web.sockets import emitter

api = resource("cameras", __name__, "Cameras: add, change, examine, start and stop")


@api.get("/api/cameras", responses={200: CameraList})
def list_cameras() -> dict[str, Any]:
    """List the cameras you may see, with their state."""
    return {"cameras": services().desk.list(current_identity().sees)}


@api.post("/api/cameras", responses={201: CameraView})
def add_camera(body: NewCamera) -> tuple[dict[str, Any], int]:
    """Add a camera. It is started unless is_running is false."""
    draft = CameraDraft(body.name, body.source, body.id, body.source_options, body.is_running, body.options)
    return services().desk.create(draft), 201


@api.get("/api/cameras/<camera_id>", responses={200: CameraView})
def get_camera(path: CameraPath) -> dict[str, Any]:
    """State and configuration of a camera."""
    return services().desk.view(path.camera_id)


@api.patch("/api/cameras/<camera_id>", responses={200: CameraView})
def change_camera(path: CameraPath, body: CameraChange) -> dict[str, Any]:
    """Change name, source, source options, position, or whether it runs."""
    changes = body.model_dump(exclude_none=True)
    return services().desk.change(path.camera_id, **changes)


@api.delete("/api/cameras/<camera_id>", responses={200: Done})
def delete_camera(path: CameraPath) -> dict[str, Any]:
    """Delete a camera; whoever watches it sees the end of the stream. Kept frames stay."""
    services().desk.delete(path.camera_id)
    emitter()("camera", {"camera": path.camera_id, "id": path.camera_id, "state": "stopped", "reason": "deleted"})
    return {"success": True, "message": "The camera is deleted."}


@api.post("/api/cameras/<camera_id>/start", responses={200: CameraView})
def start_camera(path: CameraPath) -> dict[str, Any]:
    """Start a camera and wait for its first picture (10 s at most)."""
    return services().desk.start(path.camera_id)


@api.post("/api/cameras/<camera_id>/stop", responses={200: CameraView})
def stop_camera(path: CameraPath) -> dict[str, Any]:
    """Stop a camera. It stays stopped over restarts."""
    return services().desk.stop(path.camera_id)


@api.post("/api/cameras/probe", responses={200: DoctorReport})
def probe(body: ProbeRequest) -> dict[str, Any]:
    """Examine a source: reachable, login, codec, size, frame rate, keyframes. Takes up to 15 s."""
    desk = services().desk
    if body.camera is not None:
        camera = desk.get(body.camera)
        return desk.probe(camera.source, camera.source_options)
    if body.source is None:
        raise Invalid("Name a source or a camera.", code="missing_field", field="source")
    return desk.probe(body.source, body.source_options)


@api.get("/api/cameras/export")
def export_cameras(query: ExportQuery) -> dict[str, Any]:
    """All cameras with their options, for import elsewhere; without passwords unless secrets=1."""
    return services().transfer.export(with_secrets=query.secrets)


@api.post("/api/cameras/import")
def import_cameras(body: CameraImport) -> dict[str, Any]:
    """Add the cameras and presets of an export; all or nothing."""
    return services().transfer.take(body.cameras, body.presets, replace=body.replace)
