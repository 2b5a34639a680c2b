"""Messages of a conversation get numbers without a gap or a double; must not know who may write one, but by the statement given."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, update

from chatbot.types import Message, Role, Status
from storage.search import add_terms
from storage.tables import ConversationRow, MessageRow
from storage.upserts import INSERTS

# Taking the next number locks the conversation's row until the commit, so numbers have no gap and no double.
NEXT = (
    update(ConversationRow)
    .where(ConversationRow.id == bindparam("key"))
    .values(last_seq=ConversationRow.last_seq + 1, updated_at=bindparam("now"))
    .returning(ConversationRow.last_seq)
)
NEXT_OF_CUSTOMER = NEXT.where(
    ConversationRow.owner == bindparam("whose"), ConversationRow.status != Status.CLOSED.value
)
NEXT_OF_OWNER = NEXT.where(ConversationRow.owner == bindparam("whose"))
_give_seq_back = (
    update(ConversationRow).where(ConversationRow.id == bindparam("key")).values(last_seq=ConversationRow.last_seq - 1)
)
_insert_message = {
    dialect: make(MessageRow)
    .values(
        {
            name: bindparam(name)
            for name in (
                *("conversation_id", "seq", "role", "text", "created_at", "client_message_id"),
                *("author", "user_id"),
            )
        }
    )
    .on_conflict_do_nothing(index_elements=["conversation_id", "client_message_id"])
    .returning(MessageRow.id)
    for dialect, make in INSERTS.items()
}


class Said(NamedTuple):
    """A message to be. `client_id` makes a second run the same row; `author` is the name as shown."""

    role: Role
    text: str
    client_id: str
    author: str | None = None
    user_id: int | None = None


def new_token(kind: str) -> str:
    """A client id of our own for a write that a customer did not name."""
    return f"{kind}:{secrets.token_urlsafe(12)}"


def append(connection: Connection, conversation_id: str, said: Said) -> Message | None:
    """Adds a message of ours with the next number; whether it may be said has been asked before, with the row locked."""
    return append_as(connection, NEXT, {"key": conversation_id}, said)


def append_as(connection: Connection, take_seq: Any, keys: Mapping[str, str], said: Said) -> Message | None:
    """Adds a message with the number that `take_seq`, one of `NEXT...` with its keys, takes.

    None, and nothing changed, when no number was to be had or the client id is there already.
    """
    now, role = datetime.now(UTC), said.role
    seq = connection.execute(take_seq, {**keys, "now": now}).scalar()
    if seq is None:
        return None
    conversation_id = keys["key"]
    values = {"conversation_id": conversation_id, "seq": seq, "role": role.value, "text": said.text}
    values |= {"created_at": now, "client_message_id": said.client_id, "author": said.author, "user_id": said.user_id}
    row_id = connection.execute(_insert_message[connection.dialect.name], values).scalar()
    if row_id is None:
        connection.execute(_give_seq_back, {"key": conversation_id})
        return None
    add_terms(connection, "message", [(row_id, said.text)])
    own = said.client_id if role is Role.CUSTOMER else None
    return Message(conversation_id, seq, role, said.text, now, client_message_id=own, author=said.author)
