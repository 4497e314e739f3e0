"""Kept frames, cloud uploads, events and exports."""

from dataclasses import asdict
from typing import Any

from flask import Response, send_file

from sightline.errors import NotFound
from sightline.records.events import Event
from sightline.records.frames import KeptFrame
from sightline.records.outbox import OutboxItem
from sightline.web.accounts import Identity, Role
from sightline.web.guard import current_identity
from sightline.web.keeping import frame_url
from sightline.web.privacy import may_see, raw_is_private
from sightline.web.schemas import (
    CameraPath,
    Done,
    EventsQuery,
    ExportBody,
    FileNamePath,
    FramePath,
    FramesQuery,
    PageQuery,
    SaveFrameBody,
    UploadPath,
    resource,
)
from sightline.web.services import services

api = resource("kept", __name__, "Kept frames, uploads, events, exports")


@api.post("/api/cameras/<camera_id>/save_frame", responses={200: Done})
def save_frame(path: CameraPath, body: SaveFrameBody) -> dict[str, Any]:
    """Keep the present picture."""
    return services().keeping.save_frame(path.camera_id, body.view)


@api.post("/api/cameras/<camera_id>/cloud_upload", responses={200: Done, 202: Done})
def cloud_upload(path: CameraPath) -> tuple[dict[str, Any], int]:
    """Send the present picture and its findings to S3; 202 when it is delivered later."""
    return services().keeping.cloud_upload(path.camera_id)


@api.get("/api/frames")
def list_frames(query: FramesQuery) -> dict[str, Any]:
    """Kept frames, newest first. `next` is the `before` of the next page."""
    found = services().frames.list(query.camera, query.limit, query.before, _among(current_identity()))
    return {
        "frames": [_frame_view(frame) for frame in found if _may_see(frame, current_identity())],
        "next": found[-1].id if len(found) == query.limit else None,
    }


@api.get("/api/frames/<int:frame_id>/image")
def frame_image(path: FramePath) -> Response:
    """The JPEG of a kept frame; its checksum is verified."""
    frame = _visible_frame(path.frame_id)
    headers = {"ETag": f'"{frame.sha256}"', "Cache-Control": "private, max-age=86400"}
    return Response(services().keeping.picture(frame), mimetype="image/jpeg", headers=headers)


@api.delete("/api/frames/<int:frame_id>", responses={200: Done})
def delete_frame(path: FramePath) -> dict[str, Any]:
    """Delete a kept frame."""
    services().keeping.delete(_visible_frame(path.frame_id))
    return {"success": True, "message": "The frame is deleted."}


@api.get("/api/uploads")
def list_uploads(query: PageQuery) -> dict[str, Any]:
    """Uploads to the cloud, newest first, and what still waits."""
    parts = services()
    backlog = parts.outbox.backlog()
    items = [_upload_view(item) for item in parts.outbox.list(query.limit, query.before)]
    return {"uploads": items, "backlog": {"count": backlog.count, "bytes": backlog.size_bytes}}


@api.post("/api/uploads/<int:upload_id>/retry")
def retry_upload(path: UploadPath) -> dict[str, Any]:
    """Try an upload again at once."""
    return _upload_view(services().outbox.requeue(path.upload_id))


@api.get("/api/events")
def list_events(query: EventsQuery) -> dict[str, Any]:
    """What happened, newest first. `next` is the `before` of the next page."""
    among, between = _among(current_identity()), (query.from_at, query.to_at)
    found = services().events.list(query.camera, query.kind, query.limit, query.before, among, between)
    return {"events": [event_view(event) for event in found], "next": found[-1].id if len(found) == query.limit else None}


@api.get("/api/cameras/<camera_id>/events")
def camera_events(path: CameraPath, query: PageQuery) -> dict[str, Any]:
    """What happened to one camera, newest first."""
    services().desk.get(path.camera_id)
    found = services().events.list(path.camera_id, None, query.limit, query.before)
    return {"events": [event_view(event) for event in found], "next": found[-1].id if len(found) == query.limit else None}


@api.post("/api/cameras/<camera_id>/export", responses={200: Done})
def export_camera(path: CameraPath, body: ExportBody) -> dict[str, Any]:
    """Write statistics, options, findings and events of a camera to a file."""
    return services().exports.write(path.camera_id, body.format)


@api.get("/api/exports/<filename>")
def get_export(path: FileNamePath) -> Response:
    """Download an export."""
    file, camera_id = services().exports.find(path.filename)
    current_identity().must_see(camera_id)
    return send_file(file, as_attachment=True, download_name=path.filename)


def _among(identity: Identity) -> frozenset[str] | None:
    return identity.cameras


def _visible_frame(frame_id: int) -> KeptFrame:
    frame = services().frames.get(frame_id)
    current_identity().must_see(frame.camera_id)
    if not _may_see(frame, current_identity()):
        raise raw_is_private()
    return frame


def _may_see(frame: KeptFrame, viewer: Identity) -> bool:
    """Whether the viewer may have the picture: one kept before its filters is as private as the live one."""
    if frame.view != "raw" or viewer.role >= Role.OPERATOR:
        return True
    try:
        return may_see(services().desk.get(frame.camera_id), frame.view, viewer)
    except NotFound:
        return False  # the camera is deleted, and with it the answer to whether faces are to be blurred


def _frame_view(frame: KeptFrame) -> dict[str, Any]:
    return {
        "id": frame.id, "camera": frame.camera_id, "view": frame.view, "captured_at": frame.captured_at, "width": frame.width_px,
        "height": frame.height_px, "bytes": frame.size_bytes, "sha256": frame.sha256, "url": frame_url(frame),
        "findings": list(frame.findings),
    }  # fmt: skip


def _upload_view(item: OutboxItem) -> dict[str, Any]:
    names = ("id", "key", "attempts", "last_error", "created_at", "delivered_at", "url")
    return {**{name: getattr(item, name) for name in names}, "state": str(item.state), "bytes": item.size_bytes}


def event_view(event: Event) -> dict[str, Any]:
    """EventJson."""
    view = asdict(event)
    view["camera"] = view.pop("camera_id")
    return view
