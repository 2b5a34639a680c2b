"""The first schema: conversations, messages, replies, feedback; imports, transcripts, passages; both search tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant, RowId
from storage.search import create_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs in the caller's transaction."""
    _create_conversations()
    _create_replies()
    _create_past()
    _create_passages()
    for statement in create_statements(op.get_bind().dialect.name):
        op.execute(sa.text(statement))


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("handover_reason", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("rating_comment", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('bot', 'waiting', 'human', 'closed')", name=op.f("ck_conversations_status")),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_conversations_rating")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index(
        op.f("ix_conversations_owner_conversations_created_at"), "conversations", ["owner", "created_at"], unique=False
    )
    op.create_index(
        op.f("ix_conversations_status_conversations_updated_at"),
        "conversations",
        ["status", "updated_at"],
        unique=False,
    )
    op.create_table(
        "messages",
        sa.Column("id", RowId, nullable=False),
        sa.Column("conversation_id", sa.String(length=200), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("client_message_id", sa.String(length=200), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.CheckConstraint("role IN ('customer', 'agent', 'bot', 'note', 'system')", name=op.f("ck_messages_role")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "conversation_id", "client_message_id", name=op.f("uq_messages_conversation_id_client_message_id")
        ),
        sa.UniqueConstraint("conversation_id", "seq", name=op.f("uq_messages_conversation_id_seq")),
    )


def _create_replies() -> None:
    op.create_table(
        "replies",
        sa.Column("message_id", RowId, autoincrement=False, nullable=False),
        sa.Column("conversation_id", sa.String(length=200), nullable=False),
        sa.Column("answers_seq", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("quick_replies", sa.JSON(), nullable=False),
        sa.Column("timings_ms", sa.JSON(), nullable=False),
        sa.Column("index_version", sa.Text(), nullable=True),
        sa.Column("encoder", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("engine", sa.Text(), nullable=True),
        sa.Column("prompt_sha256", sa.Text(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("query", sa.Text(), nullable=True),
        sa.Column("agreement", sa.Double(), nullable=True),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("degraded", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_replies_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_replies_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_replies")),
        sa.UniqueConstraint("conversation_id", "answers_seq", name=op.f("uq_replies_conversation_id_answers_seq")),
    )
    op.create_table(
        "reply_sources",
        sa.Column("message_id", RowId, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("passage_id", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("turn_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("resolved_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["replies.message_id"], name=op.f("fk_reply_sources_message_id_replies"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "position", name=op.f("pk_reply_sources")),
    )
    op.create_index(op.f("ix_reply_sources_passage_id"), "reply_sources", ["passage_id"], unique=False)
    op.create_index(op.f("ix_reply_sources_transcript_id"), "reply_sources", ["transcript_id"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("message_id", RowId, autoincrement=False, nullable=False),
        sa.Column("thumb", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("thumb IN (-1, 1)", name=op.f("ck_feedback_thumb")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_feedback_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_feedback")),
    )


def _create_past() -> None:
    op.create_table(
        "imports",
        sa.Column("id", RowId, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("same", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_table(
        "transcripts",
        sa.Column("id", RowId, nullable=False),
        sa.Column("import_id", RowId, nullable=False),
        sa.Column("replaced_by", RowId, nullable=True),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("csat", sa.Double(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_transcripts_import_id_imports"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["imports.id"], name=op.f("fk_transcripts_replaced_by_imports"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcripts")),
        sa.UniqueConstraint(
            "source", "external_id", "import_id", name=op.f("uq_transcripts_source_external_id_import_id")
        ),
    )
    op.create_index(op.f("ix_transcripts_import_id"), "transcripts", ["import_id"], unique=False)
    op.create_index(op.f("ix_transcripts_replaced_by"), "transcripts", ["replaced_by"], unique=False)
    op.create_table(
        "transcript_turns",
        sa.Column("transcript_id", RowId, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("time", Instant(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transcript_id"],
            ["transcripts.id"],
            name=op.f("fk_transcript_turns_transcript_id_transcripts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transcript_id", "position", name=op.f("pk_transcript_turns")),
    )


def _create_passages() -> None:
    op.create_table(
        "passages",
        sa.Column("id", RowId, nullable=False),
        sa.Column("transcript_id", RowId, nullable=False),
        sa.Column("passage_id", sa.String(length=200), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("turn_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("csat", sa.Double(), nullable=True),
        sa.Column("resolved_at", Instant(), nullable=True),
        sa.Column("last_seen", Instant(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("agents", sa.Integer(), nullable=False),
        sa.Column("retired_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transcript_id"],
            ["transcripts.id"],
            name=op.f("fk_passages_transcript_id_transcripts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passages")),
        sa.UniqueConstraint("transcript_id", "passage_id", name=op.f("uq_passages_transcript_id_passage_id")),
    )
    op.create_index(op.f("ix_passages_passage_id"), "passages", ["passage_id"], unique=False)
