"""Accounts: passwords, the first admin, and who may do what.

Called by request threads and, once at start, by `app_factory`.
"""

import logging
import secrets
import sys
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

from sightline.errors import Forbidden, Invalid
from sightline.records.users import User, Users
from sightline.secret_file import read_or_create_secret
from sightline.settings import Settings

log = logging.getLogger(__name__)

PASSWORD_MIN_CHARS = 10
PASSWORD_MAX_CHARS = 256
"""scrypt's own cost does not depend on it, but hashing megabytes would."""
FIRST_ADMIN = "admin"


class Role(IntEnum):
    """Each role may do all that the ones below it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends this request."""

    user_id: int
    """0 = the built-in admin of AUTH=off."""
    username: str
    role: Role
    cameras: frozenset[str] | None
    """Ids of the cameras this user may see; None = all."""
    token_version: int
    by_session: bool
    """Known by cookie, so that unsafe requests need the CSRF token."""

    def sees(self, camera_id: str) -> bool:
        return self.cameras is None or camera_id in self.cameras

    def must_see(self, camera_id: str) -> None:
        """Raises: Forbidden, whether that camera exists or not."""
        if not self.sees(camera_id):
            raise Forbidden("You have no access to this camera.", code="camera_forbidden")

    def must_be(self, role: Role) -> None:
        """Raises: Forbidden."""
        if self.role < role:
            raise Forbidden(f"This needs the role {role.word}; you are {self.role.word}.", code="role_too_low", needs=role.word)


BUILT_IN_ADMIN = Identity(0, FIRST_ADMIN, Role.ADMIN, None, 0, by_session=False)


def identity_of(user: User, *, by_session: bool) -> Identity:
    cameras = None if user.cameras is None or user.role == "admin" else frozenset(user.cameras)
    return Identity(user.id, user.username, Role[user.role.upper()], cameras, user.token_version, by_session)


def hash_password(password: str) -> str:
    """Return the scrypt hash.

    Raises:
        Invalid: too short or too long.
    """
    if not PASSWORD_MIN_CHARS <= len(password) <= PASSWORD_MAX_CHARS:
        raise Invalid(
            f"A password has {PASSWORD_MIN_CHARS} to {PASSWORD_MAX_CHARS} characters.", code="weak_password", field="password"
        )
    return generate_password_hash(password)


def find_user(users: Users, username: str, password: str) -> User | None:
    """The user of that name and password, or None. Takes as long for an unknown name as for a known one."""
    user = users.by_name(username)
    is_right = check_password_hash(user.password_hash if user else _nobody_hash(), password[: PASSWORD_MAX_CHARS + 1])
    return user if is_right else None


@cache
def _nobody_hash() -> str:
    """Checked when the user name is unknown, so that the answer takes as long as for a known one."""
    return generate_password_hash(secrets.token_hex())


def ensure_first_admin(users: Users, settings: Settings) -> None:
    """Make the admin account when there is no user yet; print its generated password once."""
    if settings.auth == "off" or users.list():
        return
    given = settings.admin_password.get_secret_value()
    path = settings.data_dir / "admin_password"
    password = given or read_or_create_secret(path, lambda: secrets.token_urlsafe(12))
    if users.add_first(FIRST_ADMIN, hash_password(password)) is None:
        return  # another web process was faster
    log.info("First admin account made")
    if not given:
        # Straight to the terminal, once: the log may be kept and shipped elsewhere.
        sys.stdout.write(f"\n  First start. Log in as {FIRST_ADMIN!r} with the password: {password}\n  (kept in {path})\n\n")
        sys.stdout.flush()
