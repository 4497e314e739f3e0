"""Uploaded videos, and uploads that are under way. Those by tus are in `tus`."""

from dataclasses import asdict
from typing import Any

from flask_openapi3.models import RawModel

from sightline.records.uploads import Upload
from sightline.storage.s3 import Part
from sightline.web.guard import current_identity
from sightline.web.job_schemas import AssetPath, PartNumbersBody, PartsBody, PartsUploadPath, S3UploadBody
from sightline.web.s3_desk import WAY as S3
from sightline.web.s3_desk import S3State
from sightline.web.schemas import Done, resource
from sightline.web.services import services

api = resource("uploads", __name__, "Uploaded videos")


class VideoForm(RawModel):
    """multipart/form-data with one file in the field `video`."""

    mimetypes = ["multipart/form-data"]  # noqa: RUF012


@api.post("/api/upload_video", responses={200: Done})
def upload_video(raw: VideoForm) -> dict[str, Any]:
    """Upload a video file; it is streamed to disk and examined. Its name is then a source for cameras."""
    return services().upload_desk.take(raw, _owner())


@api.get("/api/assets")
def list_assets() -> dict[str, Any]:
    """The uploaded videos, newest first."""
    return {"assets": [_asset_view(asset) for asset in services().assets.list()]}


@api.delete("/api/assets/<asset_id>", responses={200: Done})
def delete_asset(path: AssetPath) -> dict[str, Any]:
    """Delete an uploaded video. Jobs over it go on: they have their own copy, unless it lies in S3 and they wait."""
    services().upload_desk.delete(path.asset_id, current_identity())
    return {"success": True, "message": "The video is deleted."}


@api.get("/api/v1/uploads/ways")
def ways() -> dict[str, Any]:
    """How to send a large file: `s3`, straight into the bucket, or `tus`."""
    settings = services().settings
    return {"way": S3 if settings.storage_type == "s3" else "tus", "most_bytes": settings.max_upload_bytes}


@api.get("/api/v1/uploads/<upload_id>")
def get_upload(path: PartsUploadPath) -> dict[str, Any]:
    """How far an upload is, and the video that it became. Of one in S3 also where the missing parts are to be put."""
    parts = services()
    if parts.uploads.get(path.upload_id).way == S3:
        return _s3_view(parts.s3_uploads.look(path.upload_id, _owner()))
    state = parts.tus.look(path.upload_id, _owner())
    return _upload_view(state.upload, state.offset_bytes)


@api.post("/api/v1/uploads/s3", responses={201: None})
def begin_s3(body: S3UploadBody) -> tuple[dict[str, Any], int]:
    """Begin an upload into S3. PUT each part of `part_bytes` to its address, then complete it."""
    return _s3_view(services().s3_uploads.begin(body.name, body.size_bytes, _owner())), 201


@api.post("/api/v1/uploads/s3/<upload_id>/parts")
def s3_parts(path: PartsUploadPath, body: PartNumbersBody) -> dict[str, Any]:
    """Fresh addresses for parts."""
    return {"parts": [asdict(part) for part in services().s3_uploads.urls(path.upload_id, _owner(), body.numbers)]}


@api.post("/api/v1/uploads/s3/<upload_id>/complete", responses={200: Done})
def complete_s3(path: PartsUploadPath, body: PartsBody) -> dict[str, Any]:
    """All parts are sent: the file is examined, without being fetched, and becomes a video."""
    told = [Part(part.number, part.etag, 0) for part in body.parts]
    asset = services().s3_uploads.complete(path.upload_id, _owner(), told)
    return {"success": True, "message": "The video is here.", "asset_id": asset.id}


@api.delete("/api/v1/uploads/s3/<upload_id>", responses={200: Done})
def end_s3(path: PartsUploadPath) -> dict[str, Any]:
    """Throw away what has come of an upload."""
    services().s3_uploads.end(path.upload_id, _owner())
    return {"success": True, "message": "The upload is cancelled."}


def _owner() -> int | None:
    return current_identity().user_id or None


def _asset_view(asset: Any) -> dict[str, Any]:
    view = asdict(asset)
    # A camera can play only what lies here.
    view["source"] = None if view.pop("storage_key") else view["file_name"]
    return view


def _upload_view(upload: Upload, offset_bytes: int) -> dict[str, Any]:
    return {
        "id": upload.id, "way": upload.way, "name": upload.name, "size_bytes": upload.size_bytes, "offset_bytes": offset_bytes,
        "asset_id": upload.asset_id or None, "created_at": upload.created_at, "expires_at": upload.expires_at,
    }  # fmt: skip


def _s3_view(state: S3State) -> dict[str, Any]:
    view = _upload_view(state.upload, state.arrived_bytes)
    parts = [asdict(part) for part in state.missing]
    return {**view, "part_bytes": state.upload.facts["part_bytes"], "part_count": state.part_count, "parts": parts}
