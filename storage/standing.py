"""What the house itself asks and tells of conversations that wait for a person. Must not know users."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from chatbot.types import Conversation, Message, Role, Status
from storage.tables import ConversationRow
from storage.turns import Said, append
from storage.views import find_message, read_conversation

_conversations = ConversationRow.__table__
_WAITS = ConversationRow.status == Status.WAITING.value


def waiting(connection: Connection, conversation_id: str) -> Conversation | None:
    """The conversation if it waits."""
    row = connection.execute(select(_conversations).where(ConversationRow.id == conversation_id, _WAITS)).one_or_none()
    return None if row is None else read_conversation(row)


def waiting_longer(connection: Connection, since: datetime, limit: int) -> list[Conversation]:
    """Longest first."""
    query = select(_conversations).where(_WAITS, ConversationRow.waiting_since < since)
    rows = connection.execute(query.order_by(ConversationRow.waiting_since).limit(limit))
    return [read_conversation(row) for row in rows]


def tell_waiting(connection: Connection, conversation_id: str, text: str, key: str) -> Message | None:
    """Once for each `key` and stay: the moment at which the waiting began is part of the message's id."""
    row = connection.execute(
        select(ConversationRow.waiting_since).where(ConversationRow.id == conversation_id, _WAITS).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    token = f"{key}:{row.waiting_since.isoformat()}"
    if find_message(connection, conversation_id, token) is not None:
        return None
    return append(connection, conversation_id, Said(Role.SYSTEM, text, token))
