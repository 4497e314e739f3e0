"""The filters and analyzers of a camera: flat options, the whole chain, processing, and what they find and cost."""

from typing import Any

from sightline.web.schemas import BoxBody, CameraPath, ChainBody, Done, OptionsBody, ProcessingBody, resource
from sightline.web.services import services

api = resource("processing", __name__, "Filters, analyzers, statistics and findings of a camera")


@api.get("/api/cameras/<camera_id>/options")
def get_options(path: CameraPath) -> dict[str, Any]:
    """The flat options map."""
    return services().desk.options(path.camera_id)


@api.patch("/api/cameras/<camera_id>/options")
def change_options(path: CameraPath, body: OptionsBody) -> dict[str, Any]:
    """Change some options, all or nothing; the picture follows within two frames."""
    return services().desk.set_options(path.camera_id, body.root)


@api.get("/api/cameras/<camera_id>/chain")
def get_chain(path: CameraPath) -> dict[str, Any]:
    """The chain in full: order, switches, parameters."""
    return services().desk.chain(path.camera_id)


@api.put("/api/cameras/<camera_id>/chain")
def put_chain(path: CameraPath, body: ChainBody) -> dict[str, Any]:
    """Replace the chain. Stages it does not name are off."""
    return services().desk.set_chain(path.camera_id, body.model_dump())


@api.post("/api/cameras/<camera_id>/processing")
def set_processing(path: CameraPath, body: ProcessingBody) -> dict[str, Any]:
    """Switch processing on or off; an empty object flips it."""
    return processing_answer(path.camera_id, body.enabled)


def processing_answer(camera_id: str, enabled: bool | None) -> dict[str, Any]:
    is_on = services().desk.set_processing(camera_id, enabled)
    return {"success": True, "processing_enabled": is_on, "message": f"Processing is {'on' if is_on else 'off'}."}


@api.get("/api/cameras/<camera_id>/stats")
def get_stats(path: CameraPath) -> dict[str, Any]:
    """Statistics: frames, rates, latency, and the cost of every stage."""
    stats: dict[str, Any] = services().desk.ask(path.camera_id, "GET", "/stats")
    return stats


@api.post("/api/cameras/<camera_id>/stats/reset", responses={200: Done})
def reset_stats(path: CameraPath) -> dict[str, Any]:
    """Set the counters to zero."""
    services().desk.ask(path.camera_id, "POST", "/stats/reset")
    return {"success": True, "message": "The statistics are reset."}


@api.get("/api/cameras/<camera_id>/findings")
def get_findings(path: CameraPath) -> dict[str, Any]:
    """The newest findings of each analyzer."""
    findings: dict[str, Any] = services().desk.ask(path.camera_id, "GET", "/findings")
    return findings


@api.post("/api/cameras/<camera_id>/tracking", responses={200: Done})
def start_tracking(path: CameraPath, body: BoxBody) -> dict[str, Any]:
    """Follow the object in a box, [x, y, width, height] in pixels of the picture."""
    services().desk.follow(path.camera_id, body.bbox, body.view)
    return {"success": True, "message": "The object is followed."}


@api.delete("/api/cameras/<camera_id>/tracking", responses={200: Done})
def stop_tracking(path: CameraPath) -> dict[str, Any]:
    """Stop following."""
    services().desk.unfollow(path.camera_id)
    return {"success": True, "message": "Nothing is followed any more."}
