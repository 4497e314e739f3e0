"""The people who may log in: role, cameras they may see, and the version that ends their sessions.

Called by the web process. Hashing passwords is the caller's business; only hashes arrive here.
"""

import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sightline.errors import Conflict, Invalid, NotFound
from sightline.records.database import Database
from sightline.records.models import UserRow

ROLES = ("viewer", "operator", "admin")
"""From least to most rights."""
USERNAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
CHANGEABLE = frozenset({"username", "password_hash", "role", "cameras"})


@dataclass(frozen=True, slots=True)
class User:
    """One person or program."""

    id: int
    username: str
    password_hash: str = field(repr=False)
    role: str
    cameras: tuple[str, ...] | None
    """Ids of the cameras this user may see; None = all."""
    token_version: int
    """Sessions and tokens carry it; one with an older number is over."""
    created_at: float


class Users:
    """Repository of users. There is always one admin left."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> tuple[User, ...]:
        with self._database.reading() as session:
            return tuple(_user(row) for row in session.scalars(select(UserRow).order_by(UserRow.id)))

    def get(self, user_id: int) -> User:
        """Raises: NotFound."""
        with self._database.reading() as session:
            return _user(_row(session, user_id))

    def by_name(self, username: str) -> User | None:
        if not USERNAME_PATTERN.fullmatch(username):
            return None
        with self._database.reading() as session:
            row = session.scalar(select(UserRow).where(UserRow.username == username))
            return None if row is None else _user(row)

    def add(self, username: str, password_hash: str, role: str, cameras: Collection[str] | None = None) -> User:
        """Raises: Invalid (name, role), Conflict (name taken)."""
        _check(username=username, role=role)
        with self._database.transaction() as session:
            _refuse_taken(session, username)
            row = UserRow(
                username=username, password_hash=password_hash, role=role, cameras=_ids(cameras), token_version=1,
                created_at=time.time(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            return _user(row)

    def add_first(self, username: str, password_hash: str) -> User | None:
        """Make the first admin; None when there are users already. Safe when two processes start at once."""
        with self._database.transaction() as session:
            if session.scalar(select(UserRow.id).limit(1)) is not None:
                return None
            row = UserRow(username=username, password_hash=password_hash, role="admin", token_version=1, created_at=time.time())
            session.add(row)
            session.flush()
            return _user(row)

    def update(self, user_id: int, **changes: Any) -> User:
        """Change username, password_hash, role or cameras; a new password ends all sessions and tokens of the user.

        Raises:
            NotFound, Invalid, Conflict (name taken, or the last admin would lose the role).
        """
        unknown = changes.keys() - CHANGEABLE
        if unknown:
            raise Invalid(f"A user has no {min(unknown)!r} to change.", code="unknown_field", field=min(unknown))
        _check(**changes)
        with self._database.transaction() as session:
            row = _row(session, user_id)
            if changes.get("username", row.username) != row.username:
                _refuse_taken(session, changes["username"])
            if changes.get("role", "admin") != "admin":
                _refuse_last_admin(session, row)
            _apply(row, changes)
            return _user(row)

    def revoke(self, user_id: int) -> User:
        """End all sessions and tokens of the user."""
        with self._database.transaction() as session:
            row = _row(session, user_id)
            row.token_version += 1
            return _user(row)

    def delete(self, user_id: int) -> None:
        """Raises: NotFound, Conflict (the last admin)."""
        with self._database.transaction() as session:
            row = _row(session, user_id)
            _refuse_last_admin(session, row)
            session.delete(row)


def _apply(row: UserRow, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(row, name, _ids(value) if name == "cameras" else value)
    if "password_hash" in changes:
        row.token_version += 1


def _check(**values: Any) -> None:
    if "username" in values and not USERNAME_PATTERN.fullmatch(values["username"]):
        message = "A user name is 1 to 64 letters, digits and . _ @ -, and begins with a letter or digit."
        raise Invalid(message, code="bad_username", field="username")
    if "role" in values and values["role"] not in ROLES:
        raise Invalid(f"A role is one of {', '.join(ROLES)}.", code="bad_role", field="role", allowed=ROLES)


def _refuse_taken(session: Session, username: str) -> None:
    if session.scalar(select(UserRow.id).where(UserRow.username == username)) is not None:
        raise Conflict(f"There is a user {username!r} already.", code="user_exists")


def _refuse_last_admin(session: Session, row: UserRow) -> None:
    # Locks the admins' rows on PostgreSQL: two admins who delete each other at once must not both succeed.
    admins = session.scalars(select(UserRow.id).where(UserRow.role == "admin").with_for_update()).all()
    if list(admins) == [row.id]:
        raise Conflict("This is the last admin. Make somebody else admin first.", code="last_admin")


def _row(session: Session, user_id: int) -> UserRow:
    row = session.get(UserRow, user_id)
    if row is None:
        raise NotFound(f"There is no user {user_id}.", code="user_not_found")
    return row


def _ids(cameras: Collection[str] | None) -> list[str] | None:
    return None if cameras is None else sorted(set(cameras))


def _user(row: UserRow) -> User:
    cameras = None if row.cameras is None else tuple(row.cameras)
    return User(row.id, row.username, row.password_hash, row.role, cameras, row.token_version, row.created_at)
