"""The tables of the agents' desk: hand-overs, tags, canned answers, verdicts, corrections, erasures. Must not know queries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import RowId
from storage.tables import Rows

# --- live ------------------------------------------------------------------------------------------------


class HandoverRow(Rows):
    """One stay of a conversation with people: from the moment it began to wait to the moment it went back or was closed.

    `ended` says how: bot, closed, customer (no longer wished it), transferred. `contact` tells that an address was left.
    """

    __tablename__ = "handovers"
    __table_args__ = (Index(None, "conversation_id"), Index(None, "asked_at"), Index(None, "user_id"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    asked_at: Mapped[datetime]
    reason: Mapped[str | None]
    taken_at: Mapped[datetime | None]
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))
    ended_at: Mapped[datetime | None]
    ended: Mapped[str | None] = mapped_column(String(20))
    contact: Mapped[bool] = mapped_column(default=False)


class TagRow(Rows):
    """A tag on a live conversation; lower-case."""

    __tablename__ = "conversation_tags"
    __table_args__ = (Index(None, "tag"),)

    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(60), primary_key=True)


class CannedRow(Rows):
    """A ready answer that the composer offers behind "/". No team: everybody's; no language: for any.

    `place` is team, language and shortcut in one, so that the database itself keeps them apart where team or language is NULL.
    """

    __tablename__ = "canned_answers"
    __table_args__ = (Index(None, "team_id", "shortcut"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    place: Mapped[str] = mapped_column(String(100), unique=True)
    shortcut: Mapped[str] = mapped_column(String(40))
    text: Mapped[str]
    language: Mapped[str | None] = mapped_column(String(16))
    team_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("teams.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))
    updated_at: Mapped[datetime]


class CopilotUseRow(Rows):
    """What of the copilot's offers went into an agent's message, and what she made of it; texts masked. `passages`: the past
    answers inserted; `draft`: the mode of the draft inserted, None when there was none. It goes with the message."""

    __tablename__ = "copilot_uses"

    message_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    passages: Mapped[list[str]]
    draft: Mapped[str | None] = mapped_column(String(12))
    inserted: Mapped[str]
    sent: Mapped[str]
    created_at: Mapped[datetime]


# --- review ----------------------------------------------------------------------------------------------


class VerdictRow(Rows):
    """What an agent says of one bot reply; a second verdict replaces the first. `why_shown` is the stratum of the review queue
    that brought it up (None: found by hand), so that figures can be drawn from the uniform part alone; of that part are also
    those that its draw passed over because they had been judged."""

    __tablename__ = "verdicts"
    __table_args__ = (
        CheckConstraint("verdict IN ('right', 'wrong', 'harmless')", name="verdict"),
        Index(None, "user_id", "created_at"),
    )

    message_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    verdict: Mapped[str] = mapped_column(String(10))
    why_shown: Mapped[str | None] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))
    agent: Mapped[str]
    created_at: Mapped[datetime]


class CorrectionRow(Rows):
    """An answer written by a person of the team: a correction of a reply, a knowledge edit, or a new answer to a gap.

    The answer itself is a passage of source "correction" whose transcript id is `correction-<id>`; `replaced` names the passages
    that it supersedes. `undone_at` takes it back with all its effects; `before` keeps what a verdict and its label said of the
    reply until then. message_id is NULL where no reply was corrected or where that conversation has been erased since;
    conversation_id names what led to it, of an answer to a gap the conversation whose words `question` holds.
    """

    __tablename__ = "corrections"
    __table_args__ = (
        CheckConstraint("kind IN ('correction', 'edit', 'gap')", name="kind"),
        Index(None, "message_id"),
        Index(None, "conversation_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    message_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("messages.id", ondelete="SET NULL"))
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"))
    passage_id: Mapped[str] = mapped_column(String(200))
    replaced: Mapped[list[str]]
    language: Mapped[str] = mapped_column(String(16))
    question: Mapped[str]
    answer: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))
    agent: Mapped[str]
    created_at: Mapped[datetime]
    before: Mapped[dict[str, Any]]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class RetirementRow(Rows):
    """A passage was taken out of the knowledge by a person, from `at` on, which may lie ahead; `lifted_at` gives it back.

    `correction_id` names the correction that did it, so that its undo lifts exactly what it retired. The row outlives the
    passage: an export that brings the passage again does not bring it back to the customers.
    """

    __tablename__ = "retirements"
    __table_args__ = (Index(None, "passage_id"), Index(None, "correction_id"), Index(None, "at"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    passage_id: Mapped[str] = mapped_column(String(200))
    correction_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("corrections.id", ondelete="SET NULL"))
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))
    agent: Mapped[str]
    created_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]


class KnowledgeStateRow(Rows):
    """One row: how often people have changed the knowledge. Whoever changes it counts up first, which makes the changes wait
    for each other, and tells a running index that there is something new."""

    __tablename__ = "knowledge_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


class RegressionCaseRow(Rows):
    """A question that must be answered as corrected from now on; texts masked. `turns` as in `chatbot ask --file`."""

    __tablename__ = "regression_cases"

    correction_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("corrections.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    turns: Mapped[list[Any]] = mapped_column(JSON)
    expected: Mapped[str]
    wrong: Mapped[str]
    created_at: Mapped[datetime]


class EditPairRow(Rows):
    """What the bot said and what it should have said, for preference tuning; texts masked."""

    __tablename__ = "edit_pairs"

    correction_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("corrections.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    window: Mapped[str]
    rejected: Mapped[str]
    chosen: Mapped[str]
    created_at: Mapped[datetime]


class ConfidenceLabelRow(Rows):
    """Was an answer given with this confidence right? What the confidence model is refitted and its bound computed from."""

    __tablename__ = "confidence_labels"
    __table_args__ = (Index(None, "message_id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    message_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("messages.id", ondelete="CASCADE"))
    correction_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("corrections.id", ondelete="CASCADE"))
    confidence: Mapped[float]
    right: Mapped[bool]
    uniform: Mapped[bool]
    created_at: Mapped[datetime]


class GapDecisionRow(Rows):
    """What was decided on a group of refused questions: "answered" by a correction, or "dismissed": not for us. It takes no words
    of the customers': the questions that it covers are `gap_questions`."""

    __tablename__ = "gap_decisions"
    __table_args__ = (
        CheckConstraint("kind IN ('answered', 'dismissed')", name="kind"),
        Index(None, "correction_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    correction_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("corrections.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))
    agent: Mapped[str]
    created_at: Mapped[datetime]


class GapQuestionRow(Rows):
    """A refused question (the bot's message that refused it) and the latest decision about it."""

    __tablename__ = "gap_questions"
    __table_args__ = (Index(None, "decision_id"),)

    message_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    decision_id: Mapped[int] = mapped_column(RowId, ForeignKey("gap_decisions.id", ondelete="CASCADE"))


# --- rights ----------------------------------------------------------------------------------------------


class ErasureRow(Rows):
    """A receipt: whose data went, from which stores, how much. `subject` is a hash; nothing of the person stays.

    The same receipts stand in the data folder beside the database, so that a restored backup can be told what to erase again.
    `marks` are keyed hashes of what it covers (`storage.ledger`).
    """

    __tablename__ = "erasures"
    __table_args__ = (UniqueConstraint("receipt"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    receipt: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    counts: Mapped[dict[str, Any]]
    marks: Mapped[list[str]]
