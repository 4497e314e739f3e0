"""Live pictures of a camera: the MJPEG stream and single snapshots."""

import base64
from typing import Any

from flask import Response

from sightline.web.guard import current_identity
from sightline.web.privacy import must_see
from sightline.web.schemas import CameraPath, PictureQuery, StreamQuery, resource
from sightline.web.services import services

api = resource("pictures", __name__, "Live pictures")
JPEG: dict[Any, Any] = {200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}}
MJPEG: dict[Any, Any] = {200: {"content": {"multipart/x-mixed-replace": {"schema": {"type": "string", "format": "binary"}}}}}


@api.get("/api/cameras/<camera_id>/mjpeg", responses=MJPEG)
def mjpeg(path: CameraPath, query: StreamQuery) -> Response:
    """The live stream as motion JPEG; each part carries X-Timestamp (capture, epoch s) and X-Sequence."""
    return services().media.mjpeg(path.camera_id, query.model_dump(exclude_none=True), current_identity())


@api.get("/api/cameras/<camera_id>/snapshot.jpg", responses=JPEG)
def snapshot(path: CameraPath, query: PictureQuery) -> Response:
    """The picture of this moment."""
    desk = services().desk
    must_see(desk.get(path.camera_id), query.view, current_identity())
    shot: dict[str, Any] = desk.ask(path.camera_id, "GET", "/snapshot", query=query.model_dump(exclude_none=True))
    headers = {"X-Sequence": str(shot["seq"]), "X-Timestamp": f"{shot['captured_at']:.6f}"}
    return Response(base64.b64decode(shot["jpeg_base64"]), mimetype="image/jpeg", headers=headers)
