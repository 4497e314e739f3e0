"""Uploaded videos."""

from dataclasses import asdict
from typing import Any

from flask_openapi3.models import RawModel

from sightline.web.guard import current_identity
from sightline.web.schemas import Done, resource
from sightline.web.services import services

api = resource("uploads", __name__, "Uploaded videos")


class VideoForm(RawModel):
    """multipart/form-data with one file in the field `video`."""

    mimetypes = ["multipart/form-data"]  # noqa: RUF012


@api.post("/api/upload_video", responses={200: Done})
def upload_video(raw: VideoForm) -> dict[str, Any]:
    """Upload a video file; it is streamed to disk and examined. Its name is then a source for cameras."""
    return services().upload_desk.take(raw, current_identity().user_id)


@api.get("/api/assets")
def list_assets() -> dict[str, Any]:
    """The uploaded videos, newest first."""
    return {"assets": [_asset_view(asset) for asset in services().assets.list()]}


def _asset_view(asset: Any) -> dict[str, Any]:
    view = asdict(asset)
    view["source"] = view["file_name"]
    return view
