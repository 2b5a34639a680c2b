"""What the house itself asks, tells and does of conversations that need a person and have none. Must not know who is present."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from sqlalchemy import Connection, func, or_, select, update

from chatbot.types import Conversation, Message, Role, Status
from storage import handovers
from storage.audit import Actor, record
from storage.desk_tables import HandoverRow
from storage.numbering import Said, append, new_token
from storage.people_tables import UserRow
from storage.tables import ConversationRow, MessageRow
from storage.views import find_message, read_conversation

_conversations = ConversationRow.__table__
_WAITS = ConversationRow.status == Status.WAITING.value
_HELD = ConversationRow.status == Status.HUMAN.value
HOUSE = Actor(None, "the house")
LEFT = "agent_left"
"""Why a conversation waits again that was in somebody's hands."""


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


def left_alone(connection: Connection, here: Collection[int], since: datetime) -> list[tuple[str, int]]:
    """Conversation and user id of each that is in the hands of somebody who was disabled, or who is not `here` while both the
    taking over and a customer's message that no person has answered lie before `since`."""
    id_, spoke = ConversationRow.id, MessageRow.conversation_id == ConversationRow.id
    answered = select(func.max(MessageRow.seq)).where(spoke, MessageRow.role == Role.AGENT.value).scalar_subquery()
    unanswered = select(MessageRow.id).where(
        spoke,
        MessageRow.role == Role.CUSTOMER.value,
        MessageRow.seq > func.coalesce(answered.correlate(ConversationRow), 0),
        MessageRow.created_at < since,
    )
    fresh = select(HandoverRow.id).where(HandoverRow.conversation_id == id_, HandoverRow.taken_at >= since)
    absent = ConversationRow.user_id.not_in(here) & unanswered.exists() & ~fresh.exists()
    query = select(id_, ConversationRow.user_id).join(UserRow, UserRow.id == ConversationRow.user_id)
    rows = connection.execute(query.where(_HELD, or_(UserRow.disabled_at.is_not(None), absent)).order_by(id_))
    return [(row.id, row.user_id) for row in rows]


def free(connection: Connection, conversation_id: str, holder: int, line: Callable[[str | None], str]) -> bool:
    """Lets the conversation wait for somebody else. False, and nothing changed, when `holder` no longer has it."""
    now = datetime.now(UTC)
    values = {"status": Status.WAITING.value, "user_id": None, "agent": None, "waiting_since": now, "updated_at": now}
    row = connection.execute(
        update(ConversationRow)
        .where(ConversationRow.id == conversation_id, _HELD, ConversationRow.user_id == holder)
        .values(values | {"handover_reason": LEFT})
        .returning(ConversationRow.language)
    ).one_or_none()
    if row is None:
        return False
    append(connection, conversation_id, Said(Role.SYSTEM, line(row.language), new_token("left")))
    handovers.ended(connection, conversation_id, handovers.TRANSFERRED, now)
    handovers.asked(connection, conversation_id, LEFT, now)
    record(connection, HOUSE, "conversation.free", f"conversation:{conversation_id}", {"from_user": holder})
    return True
