"""The connection to SQLite (default) or PostgreSQL, and the migration to the newest schema.

Every process makes one `Database` at start and shares it between its threads; the repositories of this package are its callers.
SQLite must lie on a local disk: its locks do not work on network file systems.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from sightline.errors import Conflict, Invalid, StorageError

log = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process's short transaction on SQLite."""
CONNECT_TIMEOUT_S = 5
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One engine and two session factories; thread-safe, one per process."""

    def __init__(self, url: str) -> None:
        """Raises: Invalid when `url` is not one of SQLite (a file) or PostgreSQL."""
        self._engine = _make_engine(_parse(url))
        self._writers = sessionmaker(self._engine, expire_on_commit=False)
        hasty = self._engine.execution_options(is_hasty=True)
        self._hasty_writers = sessionmaker(hasty, expire_on_commit=False)
        reading = self._engine.execution_options(is_reading=True, postgresql_readonly=True)
        self._readers = sessionmaker(reading, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self, is_durable: bool = True) -> Iterator[Session]:
        """A session that commits at the end, or rolls back on any exception. Writers of SQLite queue up here.

        Args:
            is_durable: False where losing the last seconds in a power cut does not matter: SQLite then spares the fsync.

        Raises:
            Conflict: another writer was first with the same unique value.
            StorageError: the database does not answer (code `database_unavailable`).
        """
        writers = self._writers if is_durable else self._hasty_writers
        with _mapped_errors(), writers.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: it never waits for a writer, and writing through it is an error."""
        with _mapped_errors(), self._readers.begin() as session:
            yield session

    def migrate(self) -> None:
        """Bring the schema to the newest version. Safe when several processes start at once.

        Raises:
            StorageError: a newer version of the program made this database (code `schema_unknown`).
        """
        if self.schema_version() != newest_schema():
            # Not imported before it is needed: Alembic and its templates cost each process 10 MB and 0.2 s.
            from sightline.records import migration

            with _mapped_errors(), self._engine.begin() as connection:
                migration.upgrade(connection, MIGRATIONS)

    def schema_version(self) -> str:
        """The revision that the database has; empty when it is new. Raises: StorageError (`schema_unknown`)."""
        with self.reading() as session:
            if not inspect(session.connection()).has_table("alembic_version"):
                return ""
            version = session.scalar(text("SELECT version_num FROM alembic_version")) or ""
        if version and version not in known_schemas():
            message = (
                f"The database has schema {version}, which this version does not know: run the newer version, or restore a backup."
            )
            raise StorageError(message, code="schema_unknown", is_transient=False)
        return version

    def ping(self) -> None:
        """Raise StorageError when the database does not answer."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    def scrub(self, *tables: str) -> None:
        """Make what was deleted from `tables` unreadable in the files, as far as the database allows.

        SQLite writes the overwritten pages to the file and empties the log that holds their old content, as soon as no reader
        needs it. PostgreSQL rewrites the tables; its own log and its backups are the server's.

        Raises:
            StorageError: the database does not answer, or readers kept the log busy for BUSY_TIMEOUT_MS.
        """
        with _mapped_errors(), self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is None:
                return
            if self.is_sqlite:
                is_busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                if is_busy:
                    message = "Readers of the database kept its log busy; what was deleted leaves the log with the next writing."
                    raise StorageError(message, code="database_busy")
                return
        with _mapped_errors(), self._engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for table in tables:
                connection.exec_driver_sql(f"VACUUM FULL {table}")

    def close(self) -> None:
        self._engine.dispose()


def known_schemas() -> tuple[str, ...]:
    """Revisions in order; each migration's file name begins with its own."""
    return tuple(sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def newest_schema() -> str:
    return known_schemas()[-1]


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _bad_url("is not a database address") from None
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise _bad_url("must name a file: all processes share the database")
        return parsed.set(drivername="sqlite")
    if backend in ("postgres", "postgresql"):
        # Heroku-style `postgres://` and other drivers' names mean the same server to the one driver that is installed.
        return parsed.set(drivername="postgresql+psycopg")
    raise _bad_url("must begin with sqlite:/// or postgresql://")


def _bad_url(reason: str) -> Invalid:
    # Never with the value: it may hold a password.
    return Invalid(f"Setting DATABASE_URL {reason}.", code="bad_setting", field="DATABASE_URL")


def _make_engine(url: URL) -> Engine:
    # hide_parameters: camera addresses and password hashes must not stand in error messages.
    if url.get_backend_name() == "postgresql":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    Path(url.database or "").absolute().parent.mkdir(parents=True, exist_ok=True)
    arguments = {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
    engine = create_engine(url, hide_parameters=True, connect_args=arguments)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own implicit BEGIN would be deferred; see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # What is deleted is overwritten with zeros, so that a forgotten face is not left in the file.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    is_reading = bool(options.get("is_reading"))
    # In WAL mode NORMAL loses no consistency, only what was committed since the last checkpoint when the power fails.
    connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('is_hasty') else 'FULL'}")
    connection.exec_driver_sql(f"PRAGMA query_only={int(is_reading)}")
    # A writer takes the write lock at once and waits for it (busy timeout): upgrading a read lock later would fail with
    # "database is locked". A reader sees the snapshot of its first SELECT and waits for nobody.
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as err:
        raise Conflict("Somebody else changed the same thing at the same moment; look again and retry.", code="conflict") from err
    except DataError as err:
        raise Invalid("A value is too long or has characters that the database does not take.", code="bad_value") from err
    except (OperationalError, InterfaceError, PoolTimeout) as err:
        message = "The database does not answer or cannot write. Check DATABASE_URL, the server and the free disk space."
        raise StorageError(message, code="database_unavailable") from err
