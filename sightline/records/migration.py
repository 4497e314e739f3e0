"""Runs the Alembic migrations of `migrations/`. Imported only when there is something to migrate; see `Database.migrate`."""

import logging
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

log = logging.getLogger(__name__)

MIGRATION_LOCK = 0x51_67_68_74
"""PostgreSQL advisory lock number under which one process migrates while the others wait."""

_one_at_a_time = threading.Lock()
"""Alembic keeps its context in module globals."""


def upgrade(connection: Connection, folder: Path) -> None:
    """Bring the schema to the newest revision within the transaction that `connection` is in."""
    # SQLite needs no lock of its own: the transaction began with the write lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, "head")
    log.info("database schema is the newest")
