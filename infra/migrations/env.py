"""Run by alembic: applies the versions on the connection that `upgrade` opened. Opens none of its own."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
