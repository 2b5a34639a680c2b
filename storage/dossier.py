"""Everything that is kept about one person, as plain data to hand over (GDPR articles 15 and 20); must not know formats.

It holds what was said, what the person gave (ratings, comments, address), what was noted of the conversation (language, mood,
tags, hand-overs), and for each of the bot's replies what it rested on. It leaves out what speaks of the bot and not of the
person (verdicts, corrections), and the team's internal notes unless they are asked for: whether a note may be handed over must
be decided by a person, for it may concern others too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from chatbot.types import Role
from storage.desk_tables import HandoverRow, TagRow
from storage.erasing import Scope
from storage.tables import ConversationRow, FeedbackRow, MessageRow, ReplyRow, SourceRow, TranscriptRow, TurnRow

_ABOUT = (
    "id", "status", "language", "created_at", "updated_at", "closed_at", "contact", "agent", "handover_reason", "mood",
    "rating", "rating_comment",
)  # fmt: skip


def dossier(connection: Connection, scope: Scope, *, notes: bool = False) -> dict[str, Any]:
    """JSON-ready: `conversations` with `messages`, and `past_conversations` with `turns`."""
    return {
        "conversations": [_conversation(connection, each, notes) for each in scope.conversations],
        "past_conversations": [_past(connection, *each, notes) for each in scope.transcripts],
    }


def extras(connection: Connection, conversation_id: str) -> dict[str, Any]:
    """What is kept of a conversation besides its messages: address, mood, rating and comment, tags, hand-overs, feedback."""
    row = connection.execute(
        select(ConversationRow.__table__).where(ConversationRow.id == conversation_id)
    ).one_or_none()
    if row is None:
        return {}
    about = {name: plain(getattr(row, name)) for name in ("contact", "mood", "rating_comment", "closed_at")}
    return about | {
        "tags": _tags(connection, conversation_id),
        "handovers": _handovers(connection, conversation_id),
        "feedback": [{"seq": seq, **said} for seq, said in _feedback(connection, conversation_id).items()],
    }


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    return value.isoformat() if isinstance(value, datetime) else value


def _conversation(connection: Connection, conversation_id: str, notes: bool) -> dict[str, Any]:
    row = connection.execute(select(ConversationRow.__table__).where(ConversationRow.id == conversation_id)).one()
    feedback, sources = _feedback(connection, conversation_id), _sources(connection, conversation_id)
    said = connection.execute(
        select(MessageRow.id, MessageRow.seq, MessageRow.role, MessageRow.text, MessageRow.author)
        .add_columns(MessageRow.created_at, ReplyRow.action, ReplyRow.mode, ReplyRow.confidence, ReplyRow.model)
        .outerjoin(ReplyRow, ReplyRow.message_id == MessageRow.id)
        .where(MessageRow.conversation_id == conversation_id)
        .order_by(MessageRow.seq)
    )
    messages = [
        {
            "seq": each.seq,
            "role": each.role,
            "text": each.text,
            "author": each.author,
            "created_at": plain(each.created_at),
            **({"reply": _reply(each, sources[each.id])} if each.action else {}),
            **({"feedback": feedback[each.seq]} if each.seq in feedback else {}),
        }
        for each in said
        if notes or each.role != Role.NOTE.value
    ]
    about = {name: plain(getattr(row, name)) for name in _ABOUT}
    return about | {
        "tags": _tags(connection, conversation_id),
        "handovers": _handovers(connection, conversation_id),
        "messages": messages,
    }


def _reply(row: Any, sources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How the bot decided about the person's question: article 15 (1) h asks for it."""
    return {
        "decision": row.action,
        "mode": row.mode,
        "confidence": row.confidence,
        "model": row.model,
        "sources": list(sources),
    }


def _sources(connection: Connection, conversation_id: str) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = connection.execute(
        select(SourceRow.__table__)
        .join(MessageRow, MessageRow.id == SourceRow.message_id)
        .where(MessageRow.conversation_id == conversation_id)
        .order_by(SourceRow.message_id, SourceRow.position)
    )
    for row in rows:
        found[row.message_id].append({"reference": row.transcript_id, "answer": row.answer, "score": row.score})
    return found


def _feedback(connection: Connection, conversation_id: str) -> dict[int, dict[str, Any]]:
    rows = connection.execute(
        select(MessageRow.seq, FeedbackRow.thumb, FeedbackRow.reason, FeedbackRow.comment, FeedbackRow.created_at)
        .join(FeedbackRow, FeedbackRow.message_id == MessageRow.id)
        .where(MessageRow.conversation_id == conversation_id)
        .order_by(MessageRow.seq)
    )
    return {
        row.seq: {
            "thumb": row.thumb,
            "reason": row.reason,
            "comment": row.comment,
            "created_at": plain(row.created_at),
        }
        for row in rows
    }


def _tags(connection: Connection, conversation_id: str) -> list[str]:
    tags = select(TagRow.tag).where(TagRow.conversation_id == conversation_id).order_by(TagRow.tag)
    return list(connection.execute(tags).scalars())


def _handovers(connection: Connection, conversation_id: str) -> list[dict[str, Any]]:
    rows = select(HandoverRow.__table__).where(HandoverRow.conversation_id == conversation_id)
    names = ("asked_at", "reason", "taken_at", "ended_at", "ended", "contact")
    return [
        {name: plain(getattr(row, name)) for name in names} for row in connection.execute(rows.order_by(HandoverRow.id))
    ]


def _past(connection: Connection, source: str, external_id: str, notes: bool) -> dict[str, Any]:
    newest = (
        select(TranscriptRow.__table__)
        .where(TranscriptRow.source == source, TranscriptRow.external_id == external_id)
        .order_by(TranscriptRow.id.desc())
        .limit(1)
    )
    head = connection.execute(newest).one()
    turns = connection.execute(
        select(TurnRow.__table__).where(TurnRow.transcript_id == head.id).order_by(TurnRow.position)
    )
    return {
        "source": head.source,
        "id": head.external_id,
        "language": head.language,
        "topic": head.topic,
        "status": head.status,
        "csat": head.csat,
        "tags": head.tags,
        "meta": head.meta,
        "turns": [
            {"role": turn.role, "text": turn.text, "time": plain(turn.time), "author": turn.author}
            for turn in turns
            if notes or turn.role != Role.NOTE.value
        ],
    }
