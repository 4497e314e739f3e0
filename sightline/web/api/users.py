"""The accounts, for administrators."""

from typing import Any

from sightline.errors import Invalid
from sightline.records.users import User
from sightline.web.accounts import hash_password
from sightline.web.schemas import NewUser, UserChange, UserPath, resource
from sightline.web.services import services

api = resource("users", __name__, "Accounts: who may log in, and as what")


def _view(user: User) -> dict[str, Any]:
    cameras = None if user.cameras is None else list(user.cameras)
    return {"id": user.id, "username": user.username, "role": user.role, "cameras": cameras, "created_at": user.created_at}


@api.get("/api/users")
def list_users() -> dict[str, Any]:
    """List the accounts."""
    return {"users": [_view(user) for user in services().users.list()]}


@api.post("/api/users")
def add_user(body: NewUser) -> tuple[dict[str, Any], int]:
    """Make an account."""
    return _view(services().users.add(body.username, hash_password(body.password), body.role, body.cameras)), 201


@api.patch("/api/users/<int:user_id>")
def change_user(path: UserPath, body: UserChange) -> dict[str, Any]:
    """Change name, password, role or cameras of an account."""
    changes = body.model_dump(exclude_unset=True)
    if any(value is None for name, value in changes.items() if name != "cameras"):
        raise Invalid("Only cameras may be null (= all cameras).", code="null_value", field=next(iter(changes)))
    if "password" in changes:
        changes["password_hash"] = hash_password(changes.pop("password"))
    return _view(services().users.update(path.user_id, **changes))


@api.delete("/api/users/<int:user_id>")
def delete_user(path: UserPath) -> dict[str, Any]:
    """Delete an account; its sessions end at once."""
    services().users.delete(path.user_id)
    return {"success": True, "message": "The account is deleted."}
