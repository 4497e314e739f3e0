"""Alembic runs this file for each migration; the connection and its transaction come from `Database.migrate`."""

from alembic import context

from sightline.records.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    # SQLite can roll DDL back as well, because Database begins its transactions itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
