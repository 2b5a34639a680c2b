"""How Alembic runs our steps: on the connection that `storage.migrating` hands in, in one transaction."""

from __future__ import annotations

from alembic import context

from storage import desk_tables, people_tables  # noqa: F401 - registers their tables
from storage.tables import Rows

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Rows.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
