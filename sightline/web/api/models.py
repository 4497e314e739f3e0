"""Weight files: what there is, and downloading them."""

from typing import Any

from sightline.web.schemas import Done, LicenceBody, ModelDownloadBody, ModelList, ModelPath, resource
from sightline.web.services import services
from sightline.web.sockets import emitter

api = resource("models", __name__, "Weight files of analyzers")


@api.get("/api/models", responses={200: ModelList})
def list_models() -> dict[str, Any]:
    """Every weight file that Sightline can use: its licence, whether it is here, what uses it, what it costs now."""
    return services().models.list()


@api.post("/api/models/<name>/download", responses={202: Done})
def download(path: ModelPath, body: LicenceBody) -> tuple[dict[str, Any], int]:
    """Start downloading a weight file; progress comes as Socket.IO `model` events. Some licences need `accept_licence`."""
    return services().models.downloads.start(path.name, emitter(), accept_licence=body.accept_licence), 202


@api.post("/api/models/<name>/cancel", responses={202: Done})
def cancel(path: ModelPath) -> tuple[dict[str, Any], int]:
    """End a download; nothing of it is kept."""
    services().models.downloads.cancel(path.name, emitter())
    return {"success": True, "message": "The download is being ended."}, 202


@api.post("/api/models/<name>/verify", responses={200: Done})
def verify(path: ModelPath) -> dict[str, Any]:
    """Read the whole file and compare its checksum: `verdict` good, damaged, other or missing."""
    return services().models.verify(path.name)


@api.delete("/api/models/<name>", responses={200: Done})
def remove(path: ModelPath) -> dict[str, Any]:
    """Delete a weight file from MODELS_DIR."""
    return services().models.remove(path.name, emitter())


@api.post("/api/models/sync", responses={202: Done})
def sync(body: LicenceBody) -> tuple[dict[str, Any], int]:
    """Bring all files that MODELS_MIRROR (a folder, a URL, a bucket) has and that are not here."""
    return services().models.downloads.start_sync(emitter(), accept_licence=body.accept_licence), 202


@api.post("/api/model_download", responses={202: Done})
def model_download(body: ModelDownloadBody) -> tuple[dict[str, Any], int]:
    """Start downloading a weight file (default: the smallest); progress comes as Socket.IO `model` events."""
    return services().models.downloads.start(body.name, emitter(), accept_licence=body.accept_licence), 202
