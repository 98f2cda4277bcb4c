"""Alembic's environment: it runs this file for every migration, with the given connection."""

from alembic import context

from plugin.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a column by rebuilding its table
    transactional_ddl=True,  # a migration that is killed leaves the schema as it was
)
with context.begin_transaction():
    context.run_migrations()
