"""Logging in and out, tokens, and one's own account."""

from typing import Any

from flask import request, session

from sightline.errors import Forbidden
from sightline.web.accounts import hash_password
from sightline.web.guard import current_identity
from sightline.web.login import csrf_token
from sightline.web.schemas import BearerToken, Credentials, Done, LoggedIn, Me, NewPassword, resource
from sightline.web.services import services

api = resource("session", __name__, "Logging in and out")


def _address() -> str:
    return request.remote_addr or "unknown"


@api.post("/api/login", responses={200: LoggedIn})
def login(body: Credentials) -> dict[str, Any]:
    """Open a session for a browser."""
    gate = services().login
    user = gate.check_password(body.username, body.password, _address())
    csrf = gate.open_session(user)
    return {"success": True, "user": {"username": user.username, "role": user.role}, "csrf_token": csrf}


@api.post("/api/logout", responses={200: Done})
def logout() -> dict[str, Any]:
    """Close the session of this browser."""
    session.clear()
    return {"success": True, "message": "Logged out."}


@api.get("/api/me", responses={200: Me})
def me() -> dict[str, Any]:
    """Who is logged in, and the CSRF token for unsafe requests."""
    identity = current_identity()
    cameras = None if identity.cameras is None else sorted(identity.cameras)
    return {"username": identity.username, "role": identity.role.word, "cameras": cameras, "csrf_token": csrf_token()}


@api.post("/api/token", responses={200: BearerToken})
def token(body: Credentials) -> dict[str, Any]:
    """Get a bearer token for a program."""
    gate = services().login
    made = gate.make_token(gate.check_password(body.username, body.password, _address()))
    return {"access_token": made.text, "token_type": "bearer", "expires_in": made.expires_in_s}


@api.post("/api/me/password", responses={200: LoggedIn})
def change_password(body: NewPassword) -> dict[str, Any]:
    """Change one's own password; ends all other sessions and tokens of the account."""
    identity = current_identity()
    if identity.user_id == 0:
        raise Forbidden("With AUTH=off there is no password.", code="auth_off")
    gate, users = services().login, services().users
    gate.check_password(identity.username, body.old, _address())
    user = users.update(identity.user_id, password_hash=hash_password(body.new))
    csrf = gate.open_session(user) if identity.by_session else ""
    return {"success": True, "user": {"username": user.username, "role": user.role}, "csrf_token": csrf}
