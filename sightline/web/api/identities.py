"""The people that are recognised. Pictures are turned into embeddings and dropped; only embeddings and names are kept."""

from typing import Any

from flask_openapi3.models import RawModel

from sightline.errors import Invalid
from sightline.web.guard import current_identity
from sightline.web.picture_form import read_form
from sightline.web.schemas import (
    CameraPath,
    Done,
    FaceBody,
    IdentityList,
    IdentityName,
    IdentityPath,
    IdentityView,
    SeenFaces,
    resource,
)
from sightline.web.services import services

api = resource("identities", __name__, "People that are recognised: enrol, rename, forget")


class PictureForm(RawModel):
    """multipart/form-data with JPEG or PNG files in the field `pictures`, and for a new person the field `name`."""

    mimetypes = ["multipart/form-data"]  # noqa: RUF012


@api.get("/api/identities", responses={200: IdentityList})
def list_identities() -> dict[str, Any]:
    """List the people, and when each was last seen by a camera that you may see."""
    return services().people.views(current_identity().cameras)


@api.post("/api/identities", responses={201: IdentityView})
def add_identity(raw: PictureForm) -> tuple[dict[str, Any], int]:
    """Enrol a person by pictures; each must show exactly one face, of this person. All or nothing."""
    fields, pictures = read_form(raw)
    if "name" not in fields:
        raise Invalid("The form has no field 'name'.", code="missing_field", field="name")
    return services().people.enrol(fields["name"], pictures), 201


@api.post("/api/identities/<int:identity_id>/pictures", responses={200: IdentityView})
def add_pictures(path: IdentityPath, raw: PictureForm) -> dict[str, Any]:
    """Add pictures to a person."""
    fields, pictures = read_form(raw)
    if "name" in fields:
        raise Invalid("There is no field 'name' here.", code="unknown_field", field="name")
    return services().people.add_pictures(path.identity_id, pictures)


@api.post("/api/identities/from_face", responses={201: IdentityView})
def add_face(body: FaceBody) -> tuple[dict[str, Any], int]:
    """Enrol a face that a camera sees (see `POST /api/cameras/{camera_id}/faces`), or add it to a person."""
    return services().people.enrol_face(body.face, body.name, body.identity), 201


@api.post("/api/cameras/<camera_id>/faces", responses={200: SeenFaces})
def look_at_camera(path: CameraPath) -> dict[str, Any]:
    """The picture of this moment and the faces in it, ready to be enrolled for three minutes. Nothing is kept of it."""
    services().desk.get(path.camera_id)
    return services().people.look(path.camera_id)


@api.patch("/api/identities/<int:identity_id>", responses={200: IdentityView})
def rename_identity(path: IdentityPath, body: IdentityName) -> dict[str, Any]:
    """Give a person another name."""
    return services().people.rename(path.identity_id, body.name)


@api.delete("/api/identities/<int:identity_id>", responses={200: Done})
def forget_identity(path: IdentityPath) -> dict[str, Any]:
    """Forget a person: name, embeddings and the events that name this person are deleted and cannot be brought back."""
    name = services().people.forget(path.identity_id)
    return {"success": True, "message": f"{name} is forgotten."}
