"""Whether a reply's source is a past chat or an entry of the help centre; what is stored already was a past chat."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs in the caller's transaction."""
    op.add_column("reply_sources", sa.Column("kind", sa.String(length=10), nullable=False, server_default="chat"))
