"""A migrated database of the test's own, on SQLite and on a real PostgreSQL server."""

import os
import secrets
from collections.abc import Iterator

import psycopg
import pytest

from sightline.records.database import Database

POSTGRES = "postgresql://postgres@127.0.0.1:5432"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of an empty PostgreSQL database, dropped afterwards."""
    name = f"sightline_test_{secrets.token_hex(6)}"
    try:
        server = psycopg.connect(f"{POSTGRES}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as err:
        reason = f"no PostgreSQL at 127.0.0.1:5432: {err}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{POSTGRES}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sightline.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()
