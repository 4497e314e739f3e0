"""The migrated schema is the one of the models, on both databases."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from sightline.errors import StorageError
from sightline.records.database import MIGRATIONS, Database, known_schemas, newest_schema
from sightline.records.models import Base


def test_models_and_migrations_agree(database):
    with database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_nullability_and_ids_agree_on_sqlite(tmp_path):
    migrated, made = Database(f"sqlite:///{tmp_path}/a.db"), Database(f"sqlite:///{tmp_path}/b.db")
    migrated.migrate()
    Base.metadata.create_all(made._engine)
    for table in Base.metadata.tables:
        assert _columns(migrated, table) == _columns(made, table)
        assert ("AUTOINCREMENT" in _sql(migrated, table)) == ("AUTOINCREMENT" in _sql(made, table))
    migrated.close()
    made.close()


def _columns(database, table):
    return [(c["name"], str(c["type"]), c["nullable"], c["primary_key"]) for c in inspect(database._engine).get_columns(table)]


def _sql(database, table):
    with database.reading() as session:
        return session.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table})


def test_the_newest_file_is_alembics_head():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [newest_schema()]
    assert [revision.revision for revision in script.walk_revisions()][::-1] == list(known_schemas())


def test_migrating_again_changes_nothing(database):
    assert database.schema_version() == newest_schema()
    database.migrate()
    assert database.schema_version() == newest_schema()


def test_threads_may_migrate_at_once(database_url):
    database = Database(database_url)
    assert database.schema_version() == ""
    failures: list[Exception] = []

    def migrate():
        try:
            database.migrate()
        except Exception as err:  # noqa: BLE001 - reported by the test
            failures.append(err)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert database.schema_version() == newest_schema()
    database.close()


def test_a_database_of_a_newer_version_is_left_alone(database):
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError) as caught:
        database.migrate()
    assert caught.value.code == "schema_unknown"
    assert "9999" in caught.value.message


def test_a_failed_migration_leaves_nothing_behind(database_url, monkeypatch):
    database = Database(database_url)
    with database.transaction() as session:
        session.execute(text("CREATE TABLE events (x INTEGER)"))
    with pytest.raises(Exception, match=r"(?i)exists|does not answer"):
        database.migrate()
    assert inspect(database._engine).get_table_names() == ["events"]
    database.close()
