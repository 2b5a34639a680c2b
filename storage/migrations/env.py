"""How Alembic runs our steps: on the connection that `storage.migrating` hands in, in one transaction."""

from __future__ import annotations

from alembic import context

from storage.tables import Rows

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Rows.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
