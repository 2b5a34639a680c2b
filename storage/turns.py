"""What is written in a live conversation, a function a job; must not know threads or who waits."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chatbot.errors import Conflict, NotFound
from chatbot.types import Action, Conversation, Feedback, Message, Reply, Role, Status
from storage.checks import no_conversation
from storage.columns import Instant
from storage.replies import reply_values, source_values
from storage.search import add_terms
from storage.tables import ConversationRow, FeedbackRow, MessageRow, ReplyRow, SourceRow
from storage.views import find_message, is_customers, read_conversation

_conversations = ConversationRow.__table__
_inserts: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

# Taking the next number locks the conversation's row until the commit, so numbers have no gap and no double.
_next_seq = (
    update(ConversationRow)
    .where(ConversationRow.id == bindparam("key"))
    .values(last_seq=ConversationRow.last_seq + 1, updated_at=bindparam("now"))
    .returning(ConversationRow.last_seq)
)
_next_seq_of_customer = _next_seq.where(
    ConversationRow.owner == bindparam("whose"), ConversationRow.status != Status.CLOSED.value
)
_next_seq_of_owner = _next_seq.where(ConversationRow.owner == bindparam("whose"))
_give_seq_back = (
    update(ConversationRow).where(ConversationRow.id == bindparam("key")).values(last_seq=ConversationRow.last_seq - 1)
)
_insert_message = {
    dialect: make(MessageRow)
    .values(
        {
            name: bindparam(name)
            for name in ("conversation_id", "seq", "role", "text", "created_at", "client_message_id")
        }
    )
    .on_conflict_do_nothing(index_elements=["conversation_id", "client_message_id"])
    .returning(MessageRow.id)
    for dialect, make in _inserts.items()
}


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
    make = _inserts[connection.dialect.name]
    connection.execute(make(ConversationRow).values(values).on_conflict_do_nothing(index_elements=["id"]))


def add_customer_message(
    connection: Connection, conversation_id: str, owner: str, text: str, client_message_id: str
) -> tuple[Message, bool]:
    """See `ConversationStore`. The usual case first: take a number and insert; a retry finds the first one."""
    keys = {"key": conversation_id, "whose": owner}
    added = _append(connection, _next_seq_of_customer, keys, (Role.CUSTOMER, text, client_message_id))
    if added is not None:
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
    added = _append(connection, _next_seq_of_owner, keys, (Role.SYSTEM, text, token))
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
    message = _append(connection, _next_seq, {"key": conversation_id}, (Role.BOT, reply.text, token))
    assert message is not None
    _store_provenance(connection, message, reply, answers_seq)
    changes: dict[str, Any] = {"language": reply.language} if reply.language else {}
    if reply.decision.action is Action.HAND_OVER and not reply.decision.offered:
        changes |= {
            "status": Status.WAITING.value,
            "handover_reason": reply.decision.reason,
            "waiting_since": datetime.now(UTC),
        }
    if changes:
        connection.execute(update(ConversationRow).where(ConversationRow.id == conversation_id).values(changes))
    return find_message(connection, conversation_id, token)


def set_status(
    connection: Connection,
    conversation_id: str,
    owner: str,
    expected: Sequence[Status],
    change: tuple[Status, str | None],
) -> Conversation:
    """Compare-and-set in one statement: of two that race one wins and one is told. `change`: status and reason."""
    to, reason = change
    now = datetime.now(UTC)
    values: dict[str, Any] = {"status": to.value, "updated_at": now}
    values["waiting_since"] = _still_waiting(now) if to is Status.WAITING else None
    if to is Status.BOT:
        values |= {"agent": None, "handover_reason": None}
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
    make = _inserts[connection.dialect.name]
    statement = make(FeedbackRow).values(message_id=message_id, **verdict)
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


def new_token(kind: str) -> str:
    """A client id of our own for a write that a customer did not name."""
    return f"{kind}:{secrets.token_urlsafe(12)}"


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


def _append(
    connection: Connection, take_seq: Any, keys: Mapping[str, str], said: tuple[Role, str, str]
) -> Message | None:
    """None, and nothing changed, when no number was to be had or the client id is there already."""
    now, (role, text, client_id) = datetime.now(UTC), said
    seq = connection.execute(take_seq, {**keys, "now": now}).scalar()
    if seq is None:
        return None
    conversation_id = keys["key"]
    values = {"conversation_id": conversation_id, "seq": seq, "role": role.value, "text": text, "created_at": now}
    row_id = connection.execute(
        _insert_message[connection.dialect.name], {**values, "client_message_id": client_id}
    ).scalar()
    if row_id is None:
        connection.execute(_give_seq_back, {"key": conversation_id})
        return None
    add_terms(connection, "message", [(row_id, text)])
    own = client_id if role is Role.CUSTOMER else None
    return Message(conversation_id, seq, role, text, now, client_message_id=own)


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
