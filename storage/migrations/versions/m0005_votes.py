"""Votes of admins between two models' answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant, RowId

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs in the caller's transaction."""
    op.create_table(
        "votes",
        sa.Column("id", RowId, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("first", sa.String(length=80), nullable=False),
        sa.Column("second", sa.String(length=80), nullable=False),
        sa.Column("winner", sa.String(length=80), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.CheckConstraint("first < second", name=op.f("ck_votes_ordered")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_votes_user_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_votes")),
    )
    op.create_index(op.f("ix_votes_first_votes_second"), "votes", ["first", "second"], unique=False)
