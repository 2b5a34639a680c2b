"""Since when a conversation waits for a person; what waits already keeps the place of its last change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs in the caller's transaction."""
    op.add_column("conversations", sa.Column("waiting_since", Instant(), nullable=True))
    op.execute(sa.text("UPDATE conversations SET waiting_since = updated_at WHERE status = 'waiting'"))
