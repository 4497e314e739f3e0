"""Knowing who sends a request: session cookie, bearer token, or nobody; and letting people in.

The cookie and the token carry the user's id and `token_version` only; the account is read again for every request, so that
a changed role, password or deletion counts at once. Runs in request threads and at Socket.IO connects.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
from flask import Request, session

from sightline.errors import Forbidden, NotFound, Unauthenticated
from sightline.records.users import User, Users
from sightline.settings import Settings
from sightline.web.accounts import BUILT_IN_ADMIN, Identity, find_user, identity_of
from sightline.web.rate_limit import LoginLimit

TOKEN_LIFETIME_S = 12 * 3600
AUDIENCE = "sightline-api"
CSRF_HEADER = "X-CSRF-Token"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token for programs."""

    text: str
    expires_in_s: int


class Login:
    """Checks passwords, sessions and tokens."""

    def __init__(self, settings: Settings, users: Users, limit: LoginLimit) -> None:
        self._is_off = settings.auth == "off"
        self._key = settings.derived_key("token")
        self._users = users
        self._limit = limit

    @property
    def is_off(self) -> bool:
        """AUTH=off: everybody on this machine is admin."""
        return self._is_off

    def check_password(self, username: str, password: str, address: str) -> User:
        """Return the user.

        Raises:
            Unauthenticated: wrong name or password.
            RateLimited: too many failures.
        """
        with self._limit.attempt(username, address) as attempt:
            user = find_user(self._users, username, password)
            if user is None:
                attempt.failed()
                raise Unauthenticated("Wrong user name or password.", code="wrong_password")
        return user

    def open_session(self, user: User) -> str:
        """Log the browser of this request in; return its CSRF token."""
        session.clear()
        session.permanent = True
        session["user"] = user.id
        session["version"] = user.token_version
        session["csrf"] = secrets.token_urlsafe(24)
        return str(session["csrf"])

    def make_token(self, user: User) -> Token:
        now_s = int(time.time())
        claims = {
            "sub": str(user.id), "ver": user.token_version, "aud": AUDIENCE, "iat": now_s, "exp": now_s + TOKEN_LIFETIME_S,
        }  # fmt: skip
        return Token(jwt.encode(claims, self._key, algorithm="HS256"), TOKEN_LIFETIME_S)

    def identify(self, request: Request) -> Identity | None:
        """Who sends this request; None = nobody we know.

        Raises:
            Unauthenticated: a bearer token that is wrong or expired.
        """
        if self._is_off:
            return BUILT_IN_ADMIN
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.of_token(text.strip())
        if "user" not in session:
            return None
        return self._current(session.get("user"), session.get("version"), by_session=True)

    def of_token(self, text: str) -> Identity:
        """Whose bearer token this is. Raises: Unauthenticated."""
        try:
            claims: dict[str, Any] = jwt.decode(
                text, self._key, algorithms=["HS256"], audience=AUDIENCE, options={"require": ["exp", "sub", "aud"]}
            )
            user_id = int(claims["sub"])
        except (jwt.InvalidTokenError, ValueError) as err:
            raise Unauthenticated("The bearer token is wrong or expired. Get a new one at /api/token.", code="bad_token") from err
        identity = self._current(user_id, claims.get("ver"), by_session=False)
        if identity is None:
            raise Unauthenticated("The bearer token was withdrawn. Get a new one at /api/token.", code="bad_token")
        return identity

    def is_current(self, identity: Identity) -> bool:
        """Whether the account still is what it was when this identity was made: for streams and sockets that stay open."""
        if identity.user_id == 0:
            return self._is_off
        now = self._current(identity.user_id, identity.token_version, by_session=identity.by_session)
        return now == identity

    def _current(self, user_id: object, version: object, *, by_session: bool) -> Identity | None:
        if not isinstance(user_id, int):
            return None
        try:
            user = self._users.get(user_id)
        except NotFound:
            return None
        return identity_of(user, by_session=by_session) if user.token_version == version else None


def csrf_token() -> str:
    """The CSRF token of this browser's session, "" when nobody is logged in by cookie."""
    return str(session.get("csrf", ""))


def check_csrf(request: Request) -> None:
    """Raises: Forbidden, when the request lacks the token of its session."""
    sent = request.headers.get(CSRF_HEADER, "")
    if not csrf_token() or not secrets.compare_digest(sent.encode(), csrf_token().encode()):
        raise Forbidden("The page is out of date. Reload it and try again.", code="csrf")
