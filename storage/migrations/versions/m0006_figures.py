"""What the overview's figures are read from: the time to a reply's first words as a column, and two indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FILL = {
    "sqlite": "UPDATE replies SET first_ms = json_extract(timings_ms, '$.first') WHERE timings_ms LIKE '%\"first\"%'",
    "postgresql": "UPDATE replies SET first_ms = CAST(timings_ms ->> 'first' AS DOUBLE PRECISION) "
    "WHERE timings_ms ->> 'first' IS NOT NULL",
}


def upgrade() -> None:
    """Runs in the caller's transaction; two to six seconds for a million messages."""
    aside = sa.text("role IN ('note', 'system')")
    op.add_column("replies", sa.Column("first_ms", sa.Double(), nullable=True))
    op.execute(sa.text(_FILL[op.get_bind().dialect.name]))
    columns = ["conversation_id", "action", "reason", "answers_seq", "message_id", "first_ms"]
    op.create_index("ix_replies_figures", "replies", columns, unique=False)
    op.create_index(
        "ix_messages_aside", "messages", ["conversation_id"], unique=False, sqlite_where=aside, postgresql_where=aside
    )
