"""Every table, once, for SQLite and PostgreSQL alike; must not know connections or what is asked of the rows.

The full-text tables differ too much between the two and live in `storage.search`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storage.columns import Instant, RowId

ASIDE = "role IN ('note', 'system')"


class Rows(DeclarativeBase):
    """The one registry. Constraints are named by rule, so that a migration can drop them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text(), datetime: Instant(), dict[str, Any]: JSON(), list[str]: JSON()}  # noqa: RUF012 - read by SQLAlchemy


# --- live conversations ----------------------------------------------------------------------------------


class ConversationRow(Rows):
    """A live conversation. `last_seq` hands out the numbers of its messages; its row lock makes them gapless.

    `waiting_since` is set while the status is "waiting" and gives the queue its order, which later messages must not change.
    `user_id` is the agent who has taken it, `agent` the name that the customer sees; `team_id` limits which agents see it (NULL:
    all). `contact` is the e-mail address that a customer left when nobody was there. `mood` lies in [-1, 1].
    """

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("status IN ('bot', 'waiting', 'human', 'closed')", name="status"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
        Index(None, "owner", "created_at"),
        Index(None, "created_at"),
        Index(None, "status", "updated_at"),
        Index(None, "updated_at", "id"),
        Index(None, "user_id", "status"),
        Index(None, "language", "updated_at"),
        Index(None, "rating", "updated_at"),
    )

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    owner: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(10))
    language: Mapped[str | None]
    handover_reason: Mapped[str | None]
    agent: Mapped[str | None]
    rating: Mapped[int | None]
    rating_comment: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_seq: Mapped[int] = mapped_column(default=0)
    waiting_since: Mapped[datetime | None]
    team_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("teams.id", ondelete="SET NULL"))
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))
    contact: Mapped[str | None] = mapped_column(String(254))
    mood: Mapped[float | None]
    closed_at: Mapped[datetime | None]


class MessageRow(Rows):
    """One message; `client_message_id` makes a retry of the customer's (or of our own write) the same row. `user_id` is the agent
    who wrote it, `author` the name as it was shown."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "client_message_id"),
        CheckConstraint("role IN ('customer', 'agent', 'bot', 'note', 'system')", name="role"),
        # What nobody said to anybody: few, so that a chat's messages are counted by its last number and these.
        Index("ix_messages_aside", "conversation_id", sqlite_where=text(ASIDE), postgresql_where=text(ASIDE)),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    seq: Mapped[int]
    role: Mapped[str] = mapped_column(String(10))
    text: Mapped[str]
    created_at: Mapped[datetime]
    client_message_id: Mapped[str | None] = mapped_column(String(200))
    author: Mapped[str | None]
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))


class ReplyRow(Rows):
    """How a bot message came about. `answers_seq` is unique in a conversation: a message is answered once.

    `first_ms` is `timings_ms["first"]`, for the figures, which read nothing but the index that is named after them.
    """

    __tablename__ = "replies"
    __table_args__ = (
        UniqueConstraint("conversation_id", "answers_seq"),
        Index(None, "reason", "message_id"),
        Index(None, "mode", "message_id"),
        Index(None, "confidence"),
        Index(None, "agreement"),
        Index("ix_replies_figures", "conversation_id", "action", "reason", "answers_seq", "message_id", "first_ms"),
    )

    message_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    answers_seq: Mapped[int]
    action: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str]
    confidence: Mapped[float]
    offered: Mapped[bool]
    mode: Mapped[str] = mapped_column(String(20))
    language: Mapped[str]
    partial: Mapped[bool]
    quick_replies: Mapped[list[str]]
    timings_ms: Mapped[dict[str, Any]]
    index_version: Mapped[str | None]
    encoder: Mapped[str | None]
    model: Mapped[str | None]
    engine: Mapped[str | None]
    prompt_sha256: Mapped[str | None]
    finish_reason: Mapped[str | None]
    policy_version: Mapped[str | None]
    query: Mapped[str | None]
    asked: Mapped[str | None]
    agreement: Mapped[float | None]
    checks: Mapped[list[str]]
    degraded: Mapped[list[str]]
    first_ms: Mapped[float | None]


class SourceRow(Rows):
    """A past answer behind a reply, copied: it stays readable after the passage itself is gone."""

    __tablename__ = "reply_sources"
    __table_args__ = (Index(None, "passage_id"), Index(None, "transcript_id"))

    message_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("replies.message_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    passage_id: Mapped[str]
    transcript_id: Mapped[str]
    turn_id: Mapped[int]
    question: Mapped[str]
    answer: Mapped[str]
    score: Mapped[float]
    resolved_at: Mapped[datetime | None]
    kind: Mapped[str] = mapped_column(String(10), server_default="chat")


class FeedbackRow(Rows):
    """The customer's verdict on one bot message; a second one replaces the first."""

    __tablename__ = "feedback"
    __table_args__ = (CheckConstraint("thumb IN (-1, 1)", name="thumb"), Index(None, "thumb", "message_id"))

    message_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    thumb: Mapped[int]
    reason: Mapped[str | None]
    comment: Mapped[str | None]
    created_at: Mapped[datetime]


# --- the past --------------------------------------------------------------------------------------------


class ImportRow(Rows):
    """One import of one file. Turning `finished_at` from NULL is what makes all that it brought visible, in one."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    file: Mapped[str]
    format: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    new: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    same: Mapped[int] = mapped_column(default=0)


class TranscriptRow(Rows):
    """One version of a past conversation. Live when its import has finished and none that replaces it has."""

    __tablename__ = "transcripts"
    __table_args__ = (
        UniqueConstraint("source", "external_id", "import_id"),
        Index(None, "import_id"),
        Index(None, "replaced_by"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    import_id: Mapped[int] = mapped_column(RowId, ForeignKey("imports.id", ondelete="CASCADE"))
    replaced_by: Mapped[int | None] = mapped_column(RowId, ForeignKey("imports.id", ondelete="SET NULL"))
    source: Mapped[str] = mapped_column(String(200))
    external_id: Mapped[str] = mapped_column(String(200))
    content_hash: Mapped[str] = mapped_column(String(64))
    language: Mapped[str | None]
    topic: Mapped[str | None]
    status: Mapped[str | None]
    csat: Mapped[float | None]
    tags: Mapped[list[str]]
    meta: Mapped[dict[str, Any]]
    file: Mapped[str | None]
    line: Mapped[int | None]


class TurnRow(Rows):
    """One turn of a past conversation; `position` counts from 0 as in the export."""

    __tablename__ = "transcript_turns"

    transcript_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("transcripts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role: Mapped[str] = mapped_column(String(10))
    text: Mapped[str]
    time: Mapped[datetime | None]
    author: Mapped[str | None]


class PassageRow(Rows):
    """What was distilled from a transcript, personal data masked; its origin is the transcript's."""

    __tablename__ = "passages"
    __table_args__ = (UniqueConstraint("transcript_id", "passage_id"), Index(None, "passage_id"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    transcript_id: Mapped[int] = mapped_column(RowId, ForeignKey("transcripts.id", ondelete="CASCADE"))
    passage_id: Mapped[str] = mapped_column(String(200))
    conversation_id: Mapped[str]
    turn_id: Mapped[int]
    language: Mapped[str]
    question: Mapped[str]
    window: Mapped[str]
    answer: Mapped[str]
    source: Mapped[str]
    topic: Mapped[str | None]
    csat: Mapped[float | None]
    resolved_at: Mapped[datetime | None]
    last_seen: Mapped[datetime | None]
    count: Mapped[int]
    agents: Mapped[int]
    retired_at: Mapped[datetime | None]
