"""What is written in a live conversation, a function a job; must not know threads or who waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, literal, select, update

from chatbot.errors import Conflict, NotFound
from chatbot.types import Action, Conversation, Feedback, Message, Reply, Role, Status
from storage import handovers
from storage.checks import no_conversation
from storage.columns import Instant
from storage.numbering import NEXT, NEXT_OF_CUSTOMER, NEXT_OF_OWNER, Said, append_as
from storage.replies import reply_values, source_values
from storage.tables import ConversationRow, FeedbackRow, MessageRow, ReplyRow, SourceRow
from storage.upserts import insert_into
from storage.views import find_message, is_customers, read_conversation

_NEWEST_MOOD = 0.4  # share of the newest message in a conversation's mood
_conversations = ConversationRow.__table__


def create_conversation(connection: Connection, conversation: Conversation, owner: str) -> None:
    """A second run with the same id changes nothing."""
    values = {
        "id": conversation.id,
        "owner": owner,
        "status": conversation.status.value,
        "language": conversation.language,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "last_seq": 0,
    }
    made = insert_into(connection, ConversationRow).values(values)
    connection.execute(made.on_conflict_do_nothing(index_elements=["id"]))


def add_customer_message(
    connection: Connection, conversation_id: str, owner: str, said: tuple[str, str], mood: float | None = None
) -> tuple[Message, bool]:
    """See `ConversationStore`; `said`: text and client id. The usual case first: take a number and insert; a retry finds
    the first one."""
    text, client_message_id = said
    keys = {"key": conversation_id, "whose": owner}
    added = append_as(connection, NEXT_OF_CUSTOMER, keys, Said(Role.CUSTOMER, text, client_message_id))
    if added is not None:
        if mood is not None:
            _feel(connection, conversation_id, mood)
        return added, True
    is_closed = _owned_status(connection, conversation_id, owner) == Status.CLOSED.value
    first = find_message(connection, conversation_id, client_message_id)
    if first is None and is_closed:
        raise Conflict("This conversation is closed; start a new one.")
    assert first is not None  # the insert met it, and the conversation's row is locked
    if first.text != text:
        raise Conflict("This message id was used for another text; send it with a new id.")
    return first, False


def add_event_message(connection: Connection, conversation_id: str, owner: str, text: str, token: str) -> Message:
    """`token` makes a second run of the same write the same row."""
    keys = {"key": conversation_id, "whose": owner}
    added = append_as(connection, NEXT_OF_OWNER, keys, Said(Role.SYSTEM, text, token))
    if added is None:
        _owned_status(connection, conversation_id, owner)
        added = find_message(connection, conversation_id, token)
        assert added is not None
    return added


def add_reply(
    connection: Connection, conversation_id: str, reply: Reply, answers_seq: int, token: str
) -> Message | None:
    """See `ConversationStore`; `token` tells our own earlier run from somebody else's reply to the same message."""
    status = connection.execute(
        select(ConversationRow.status).where(ConversationRow.id == conversation_id).with_for_update()
    ).scalar()
    mine = find_message(connection, conversation_id, token)
    if mine is not None:
        return mine
    if status != Status.BOT.value or _is_answered(connection, conversation_id, answers_seq):
        return None
    if not is_customers(connection, conversation_id, answers_seq):
        raise NotFound(f"There is no customer message {answers_seq} in this conversation to answer.")
    message = append_as(connection, NEXT, {"key": conversation_id}, Said(Role.BOT, reply.text, token))
    assert message is not None
    _store_provenance(connection, message, reply, answers_seq)
    now, waits = datetime.now(UTC), reply.decision.action is Action.HAND_OVER and not reply.decision.offered
    changes: dict[str, Any] = {"language": reply.language} if reply.language else {}
    if waits:
        changes |= {
            "status": Status.WAITING.value,
            "handover_reason": reply.decision.reason,
            "waiting_since": now,
        }
    if changes:
        connection.execute(update(ConversationRow).where(ConversationRow.id == conversation_id).values(changes))
    if waits:
        handovers.asked(connection, conversation_id, reply.decision.reason, now)
    return find_message(connection, conversation_id, token)


def set_status(
    connection: Connection,
    conversation_id: str,
    owner: str,
    expected: Sequence[Status],
    change: tuple[Status, str | None],
) -> Conversation:
    """The customer's own moves. Compare-and-set in one statement: of two that race one wins and one is told.
    `change`: status and reason."""
    to, reason = change
    now = datetime.now(UTC)
    values: dict[str, Any] = {"status": to.value, "updated_at": now}
    values["waiting_since"] = _still_waiting(now) if to is Status.WAITING else None
    values["closed_at"] = now if to is Status.CLOSED else None
    if to is Status.BOT:
        values |= {"agent": None, "user_id": None, "handover_reason": None}
    elif reason is not None:
        values["handover_reason"] = reason
    row = connection.execute(
        update(ConversationRow)
        .where(_owned(conversation_id, owner), ConversationRow.status.in_([status.value for status in expected]))
        .values(values)
        .returning(*_conversations.c)
    ).one_or_none()
    if row is None:
        is_now = _owned_status(connection, conversation_id, owner)
        raise Conflict(f"This conversation is {is_now} by now; look at it again.")
    if to is Status.WAITING:
        handovers.asked(connection, conversation_id, reason, now)
    elif to in (Status.BOT, Status.CLOSED):
        handovers.ended(connection, conversation_id, "customer", now)
    return read_conversation(row)


def leave_contact(connection: Connection, conversation_id: str, owner: str, contact: str) -> Conversation:
    """See `ConversationStore`."""
    row = connection.execute(
        update(ConversationRow)
        .where(_owned(conversation_id, owner))
        .values(contact=contact, updated_at=datetime.now(UTC))
        .returning(*_conversations.c)
    ).one_or_none()
    if row is None:
        raise no_conversation()
    handovers.left_contact(connection, conversation_id)
    return read_conversation(row)


def add_feedback(connection: Connection, feedback: Feedback, owner: str) -> None:
    """See `ConversationStore`."""
    message_id = connection.execute(
        select(MessageRow.id)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(
            _owned(feedback.conversation_id, owner), MessageRow.seq == feedback.seq, MessageRow.role == Role.BOT.value
        )
    ).scalar()
    if message_id is None:
        _owned_status(connection, feedback.conversation_id, owner)
        raise NotFound("There is no such reply in this conversation.")
    verdict = {
        "thumb": feedback.thumb,
        "reason": feedback.reason,
        "comment": feedback.comment,
        "created_at": datetime.now(UTC),
    }
    statement = insert_into(connection, FeedbackRow).values(message_id=message_id, **verdict)
    connection.execute(statement.on_conflict_do_update(index_elements=["message_id"], set_=verdict))


def rate(connection: Connection, conversation_id: str, owner: str, stars: int, comment: str | None) -> None:
    """See `ConversationStore`."""
    done = connection.execute(
        update(ConversationRow)
        .where(_owned(conversation_id, owner))
        .values(rating=stars, rating_comment=comment, updated_at=datetime.now(UTC))
    )
    if done.rowcount == 0:
        raise no_conversation()


def delete_owner(connection: Connection, owner: str) -> int:
    """Rows that hang on the conversations go by cascade, search terms by trigger or cascade."""
    return int(connection.execute(delete(ConversationRow).where(ConversationRow.owner == owner)).rowcount)


def _still_waiting(now: datetime) -> Any:
    """Who waits already keeps the place in the queue."""
    return func.coalesce(ConversationRow.waiting_since, literal(now, Instant()))


def _owned(conversation_id: str, owner: str) -> Any:
    return (ConversationRow.id == conversation_id) & (ConversationRow.owner == owner)


def _owned_status(connection: Connection, conversation_id: str, owner: str) -> str:
    status = connection.execute(select(ConversationRow.status).where(_owned(conversation_id, owner))).scalar()
    if status is None:
        raise no_conversation()
    return str(status)


def _feel(connection: Connection, conversation_id: str, mood: float) -> None:
    """The running mood: the newest message counts most, older ones fade."""
    blended = ConversationRow.mood * (1 - _NEWEST_MOOD) + mood * _NEWEST_MOOD
    running = case((ConversationRow.mood.is_(None), mood), else_=blended)
    connection.execute(update(ConversationRow).where(ConversationRow.id == conversation_id).values(mood=running))


def _is_answered(connection: Connection, conversation_id: str, answers_seq: int) -> bool:
    return bool(
        connection.execute(
            select(func.count()).where(ReplyRow.conversation_id == conversation_id, ReplyRow.answers_seq == answers_seq)
        ).scalar_one()
    )


def _store_provenance(connection: Connection, message: Message, reply: Reply, answers_seq: int) -> None:
    message_id = connection.execute(
        select(MessageRow.id).where(
            MessageRow.conversation_id == message.conversation_id, MessageRow.seq == message.seq
        )
    ).scalar_one()
    keys = {"message_id": message_id, "conversation_id": message.conversation_id, "answers_seq": answers_seq}
    connection.execute(insert(ReplyRow).values(keys | reply_values(reply)))
    if rows := source_values(reply.sources):
        connection.execute(insert(SourceRow), [{"message_id": message_id, **row} for row in rows])
