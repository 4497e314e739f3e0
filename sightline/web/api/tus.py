"""Resumable uploads by tus 1.0 at /api/v1/uploads/tus/. What is sent is read from the request as it comes."""

from typing import Any

from flask import Response, request

from sightline.errors import Invalid, Unsupported
from sightline.web import tus
from sightline.web.guard import current_identity
from sightline.web.job_schemas import PartsUploadPath
from sightline.web.schemas import resource
from sightline.web.services import services
from sightline.web.tus_desk import State

api = resource("tus", __name__, "Resumable uploads (tus 1.0)")

ROOT = "/api/v1/uploads/tus/"
READ_TIMEOUT_S = 60.0
"""A client that is silent for so long has gone; the next request may write."""
ASSET_HEADER = "Sightline-Asset"
NO_CONTENT = 204


@api.after_request
def _add_version(response: Response) -> Response:
    response.headers["Tus-Resumable"] = tus.VERSION
    if response.status_code == 412:
        response.headers["Tus-Version"] = tus.VERSION
    return response


def describe(**_path: str) -> Response:
    """What this server can do."""
    headers = {
        "Tus-Version": tus.VERSION, "Tus-Extension": tus.EXTENSIONS, "Tus-Checksum-Algorithm": ",".join(tus.CHECKSUMS),
        "Tus-Max-Size": str(services().settings.max_upload_bytes), "Allow": "OPTIONS, POST, HEAD, PATCH, DELETE",
    }  # fmt: skip
    return Response(status=NO_CONTENT, headers=headers)


def look(upload_id: str) -> Response:
    """How far an upload is."""
    tus.check_version(_headers())
    return _answer(services().tus.look(upload_id, _owner()), 200)


# Before the others: Flask answers OPTIONS by itself for every address that it knows.
for _rule in (ROOT, f"{ROOT}<upload_id>"):
    api.add_url_rule(_rule, endpoint="describe", view_func=describe, methods=["OPTIONS"], provide_automatic_options=False)
api.add_url_rule(f"{ROOT}<upload_id>", endpoint="look", view_func=look, methods=["HEAD"], provide_automatic_options=False)


@api.post(ROOT, responses={201: None})
def add() -> Response:
    """Begin an upload (Upload-Length, Upload-Metadata with `filename`); a body is its first part."""
    tus.check_version(_headers())
    state = services().tus.begin(_headers(), _owner())
    if request.mimetype == tus.CHUNK_TYPE:
        state = services().tus.write(state.upload.id, _owner(), {**_headers(), "Upload-Offset": "0"}, _body())
    response = _answer(state, 201)
    response.headers["Location"] = ROOT + state.upload.id
    return response


@api.patch(f"{ROOT}<upload_id>", responses={204: None})
def write(path: PartsUploadPath) -> Response:
    """Send bytes from Upload-Offset on. After the last one the file is examined; the header Sightline-Asset names the video."""
    tus.check_version(_headers())
    if request.mimetype != tus.CHUNK_TYPE:
        raise Unsupported(f"Send the bytes with Content-Type: {tus.CHUNK_TYPE}.", code="bad_content_type")
    return _answer(services().tus.write(path.upload_id, _owner(), _headers(), _body()), NO_CONTENT)


@api.delete(f"{ROOT}<upload_id>", responses={204: None})
def end(path: PartsUploadPath) -> Response:
    """Throw away what has come of an upload."""
    tus.check_version(_headers())
    services().tus.end(path.upload_id, _owner())
    return Response(status=NO_CONTENT)


@api.post(f"{ROOT}<upload_id>", responses={204: None})
def override(path: PartsUploadPath) -> Response:
    """PATCH or DELETE of a client that cannot send them (X-HTTP-Method-Override)."""
    wanted = {"PATCH": write, "DELETE": end}.get(request.headers.get("X-HTTP-Method-Override", ""))
    if wanted is None:
        words = "Send PATCH, or POST with X-HTTP-Method-Override: PATCH."
        raise Invalid(words, code="bad_header", field="X-HTTP-Method-Override", allowed=["PATCH", "DELETE"])
    response: Response = wanted(path=path)
    return response


def _headers() -> dict[str, str]:
    return dict(request.headers)


def _owner() -> int | None:
    return current_identity().user_id or None


def _body() -> Any:
    """The body, as it comes: not limited as JSON is, and not waited for without end."""
    request.max_content_length = services().settings.max_upload_bytes
    client = request.environ.get("gunicorn.socket")
    if client is not None:
        client.settimeout(READ_TIMEOUT_S)
    return request.stream


def _answer(state: State, status: int) -> Response:
    upload = state.upload
    headers = {"Upload-Offset": str(state.offset_bytes), "Upload-Length": str(upload.size_bytes)}
    headers |= {ASSET_HEADER: upload.asset_id} if upload.asset_id else {"Upload-Expires": tus.date(upload.expires_at)}
    return Response(status=status, headers=headers)
