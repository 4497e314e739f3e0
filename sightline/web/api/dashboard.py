"""The routes that drive the default camera, so that one curl is enough. Each is the same operation as under /api/cameras/{id}."""

from typing import Any

from flask import Response

from sightline.errors import Invalid
from sightline.records.cameras import DEFAULT_CAMERA
from sightline.web.accounts import Role
from sightline.web.api.chain import processing_answer
from sightline.web.guard import current_identity
from sightline.web.schemas import (
    BoxBody,
    DefaultSaveFrameBody,
    DefaultStreamQuery,
    Done,
    ExportBody,
    OptionsBody,
    ProcessingBody,
    StartCameraBody,
    StreamConfigBody,
    resource,
)
from sightline.web.services import services

api = resource("dashboard", __name__, "The default camera, in one call each")


@api.get(
    "/video_feed", responses={200: {"content": {"multipart/x-mixed-replace": {"schema": {"type": "string", "format": "binary"}}}}}
)
def video_feed(query: DefaultStreamQuery) -> Response:
    """The processed live stream as motion JPEG."""
    viewer = current_identity()
    viewer.must_see(query.camera)
    return services().media.mjpeg(query.camera, query.model_dump(exclude_none=True, exclude={"camera"}), viewer)


@api.post("/api/start_camera", responses={200: Done})
def start_camera(body: StartCameraBody) -> dict[str, Any]:
    """Start the default camera, on another source if one is named; answers when the first picture is there, 502 after 10 s."""
    desk = services().desk
    source = _named_source(body)
    if source is not None and source != desk.get(DEFAULT_CAMERA).source:
        current_identity().must_be(Role.ADMIN)
        desk.change(DEFAULT_CAMERA, source=source)
    return {"success": True, "message": "The camera is live.", "camera": desk.start(DEFAULT_CAMERA)}


def _named_source(body: StartCameraBody) -> str | None:
    if body.source is not None and body.camera_index is not None:
        raise Invalid("Name either source or camera_index.", code="ambiguous", field="source")
    named = body.source if body.source is not None else body.camera_index
    return None if named is None else str(named)


@api.post("/api/stop_camera", responses={200: Done})
def stop_camera() -> dict[str, Any]:
    """Stop the default camera."""
    services().desk.stop(DEFAULT_CAMERA)
    return {"success": True, "message": "The camera is stopped."}


@api.post("/api/toggle_processing", responses={200: Done})
def toggle_processing(body: ProcessingBody) -> dict[str, Any]:
    """Switch processing on or off; an empty object flips it."""
    return processing_answer(DEFAULT_CAMERA, body.enabled)


@api.post("/api/update_options")
def update_options(body: OptionsBody) -> dict[str, Any]:
    """Change some options, all or nothing; the picture follows within two frames."""
    return {"success": True, "options": services().desk.set_options(DEFAULT_CAMERA, body.root)}


@api.get("/api/get_options")
def get_options() -> dict[str, Any]:
    """The flat options map."""
    return services().desk.options(DEFAULT_CAMERA)


@api.post("/api/save_frame", responses={200: Done})
def save_frame(body: DefaultSaveFrameBody) -> dict[str, Any]:
    """Keep the present picture."""
    current_identity().must_see(body.camera)
    return services().keeping.save_frame(body.camera, body.view)


@api.post("/api/cloud_upload", responses={200: Done, 202: Done})
def cloud_upload() -> tuple[dict[str, Any], int]:
    """Send the present picture and its findings to S3; 202 when it is delivered later."""
    return services().keeping.cloud_upload(DEFAULT_CAMERA)


@api.get("/api/stats")
def stats() -> dict[str, Any]:
    """Statistics of the default camera."""
    answer: dict[str, Any] = services().desk.ask(DEFAULT_CAMERA, "GET", "/stats")
    return answer


@api.post("/api/reset_stats", responses={200: Done})
def reset_stats() -> dict[str, Any]:
    """Set the counters to zero."""
    services().desk.ask(DEFAULT_CAMERA, "POST", "/stats/reset")
    return {"success": True, "message": "The statistics are reset."}


@api.post("/api/start_tracking", responses={200: Done})
def start_tracking(body: BoxBody) -> dict[str, Any]:
    """Follow the object in a box, [x, y, width, height] in pixels of the picture."""
    services().desk.follow(DEFAULT_CAMERA, body.bbox, body.view)
    return {"success": True, "message": "The object is followed."}


@api.post("/api/stop_tracking", responses={200: Done})
def stop_tracking() -> dict[str, Any]:
    """Stop following."""
    services().desk.unfollow(DEFAULT_CAMERA)
    return {"success": True, "message": "Nothing is followed any more."}


@api.get("/api/advanced_options")
def advanced_options() -> dict[str, Any]:
    """Every filter and analyzer with availability, licence and parameters; cloud and stream availability."""
    return services().catalogue.advanced()


@api.get("/api/stages")
def stages() -> dict[str, Any]:
    """Every filter and analyzer, with the parameters it takes."""
    return {"stages": services().catalogue.stages()}


@api.get("/api/stream_config")
def get_stream_config() -> dict[str, Any]:
    """Where uploads and findings go in this run."""
    return services().run_config.to_json()


@api.post("/api/stream_config")
def set_stream_config(body: StreamConfigBody) -> dict[str, Any]:
    """Change where uploads and findings go, until the next restart."""
    return {"success": True, **services().run_config.change(**body.model_dump(exclude_none=True))}


@api.post("/api/export_data", responses={200: Done})
def export_data(body: ExportBody) -> dict[str, Any]:
    """Write statistics, options, findings and events of the default camera to a file."""
    return services().exports.write(DEFAULT_CAMERA, body.format)
