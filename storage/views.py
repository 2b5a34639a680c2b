"""What is read of live conversations, each function one query or two; must not know threads or who waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, true
from sqlalchemy.orm import aliased

from chatbot.types import Conversation, Message, Role, Source, Status, Transcript, Turn
from storage.checks import no_conversation
from storage.desk_tables import TagRow
from storage.replies import read_reply, read_source
from storage.tables import ConversationRow, FeedbackRow, MessageRow, ReplyRow, SourceRow

_UNSPOKEN = (Role.SYSTEM.value, Role.NOTE.value)
_AT_ONCE = 200  # conversations
_conversation = ConversationRow.__table__
_reply = ReplyRow.__table__
_reply_columns = [column for column in _reply.c if column.name != "conversation_id"]

_message_by_key = select(MessageRow.__table__).where(
    MessageRow.conversation_id == bindparam("key"), MessageRow.client_message_id == bindparam("client_id")
)
_is_owned = (
    select(func.count())
    .select_from(ConversationRow)
    .where(ConversationRow.id == bindparam("key"), ConversationRow.owner == bindparam("whose"))
)


def conversation(connection: Connection, conversation_id: str, owner: str) -> Conversation:
    """Raises NotFound for another owner's."""
    query = select(_conversation).where(ConversationRow.id == conversation_id, ConversationRow.owner == owner)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise no_conversation()
    return read_conversation(row)


def conversations_of(connection: Connection, owner: str, limit: int) -> list[Conversation]:
    """Newest first."""
    query = (
        select(_conversation)
        .where(ConversationRow.owner == owner)
        .order_by(ConversationRow.created_at.desc(), ConversationRow.id)
        .limit(limit)
    )
    return [read_conversation(row) for row in connection.execute(query)]


def messages(connection: Connection, conversation_id: str, owner: str, after_seq: int, limit: int) -> list[Message]:
    """In order; raises NotFound for another owner's conversation, even an empty one."""
    query = (
        messages_with_replies()
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(ConversationRow.id == conversation_id, ConversationRow.owner == owner, MessageRow.seq > after_seq)
        .order_by(MessageRow.seq)
        .limit(limit)
    )
    found = read_messages(connection, query)
    if not found and not connection.execute(_is_owned, {"key": conversation_id, "whose": owner}).scalar():
        raise no_conversation()
    return found


def recent(connection: Connection, conversation_id: str, limit: int, *, notes: bool = True) -> list[Message]:
    """The last ones, oldest first. notes: the team's, too."""
    wanted = true() if notes else MessageRow.role != Role.NOTE.value
    query = (
        messages_with_replies()
        .where(MessageRow.conversation_id == conversation_id, wanted)
        .order_by(MessageRow.seq.desc())
        .limit(limit)
    )
    return read_messages(connection, query)[::-1]


def unanswered(connection: Connection) -> list[Message]:
    """What was said last in each of the bot's conversations, where the customer said it; oldest first. Notes and notices are
    not said: whom an agent gave back to the bot, which a notice tells her, still has no answer."""
    later = aliased(MessageRow)
    spoken = select(later.seq).where(later.conversation_id == ConversationRow.id, later.role.not_in(_UNSPOKEN))
    last = spoken.order_by(later.seq.desc()).limit(1).correlate(ConversationRow).scalar_subquery()
    query = (
        messages_with_replies()
        .join(ConversationRow, (ConversationRow.id == MessageRow.conversation_id) & (MessageRow.seq == last))
        .where(ConversationRow.status == Status.BOT.value, MessageRow.role == Role.CUSTOMER.value)
        .order_by(MessageRow.id)
    )
    return read_messages(connection, query)


def find_message(connection: Connection, conversation_id: str, client_message_id: str) -> Message | None:
    """By the client's own id (or by the token of one of our own writes)."""
    row = connection.execute(_message_by_key, {"key": conversation_id, "client_id": client_message_id}).one_or_none()
    if row is None:
        return None
    if row.role == Role.CUSTOMER.value:
        return _read_message(row)
    query = messages_with_replies().where(MessageRow.id == row.id)
    return read_messages(connection, query)[0]


def is_customers(connection: Connection, conversation_id: str, seq: int) -> bool:
    """Is message `seq` there, and the customer's?"""
    query = select(MessageRow.role).where(MessageRow.conversation_id == conversation_id, MessageRow.seq == seq)
    return connection.execute(query).scalar() == Role.CUSTOMER.value


def live_transcripts(connection: Connection, ids: Sequence[str] | None = None) -> Iterator[Transcript]:
    """Live conversations as transcripts with tags and thumbs, oldest first, all or those of `ids`; read in pieces, so that memory
    stays small. The addresses that customers have left are in none: they are for reaching that customer alone."""
    spoken = _spoken(connection, ids)
    while some := list(islice(spoken, _AT_ONCE)):
        tags = tags_of(connection, [one.row.id for one in some])
        yield from (_transcript(one, tags.get(one.row.id, ())) for one in some)


def tags_of(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Conversation to its tags, sorted; without those that have none."""
    found = defaultdict(list)
    rows = connection.execute(select(TagRow.conversation_id, TagRow.tag).where(TagRow.conversation_id.in_(ids)))
    for row in rows:
        found[row.conversation_id].append(row.tag)
    return {key: tuple(sorted(tags)) for key, tags in found.items()}


def read_conversation(row: Row[Any]) -> Conversation:
    """`row` has the columns of `conversations`."""
    return Conversation(
        id=row.id,
        status=Status(row.status),
        language=row.language,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_seq=row.last_seq,
        handover_reason=row.handover_reason,
        agent=row.agent,
        rating=row.rating,
        contact=row.contact,
        team_id=row.team_id,
        waiting_since=row.waiting_since,
    )


@dataclass(slots=True)
class _Spoken:
    """row: any of the conversation's. thumbs: with the position of the turn that each is on."""

    row: Row[Any]
    turns: list[Turn] = field(default_factory=list)
    thumbs: list[dict[str, Any]] = field(default_factory=list)


def _spoken(connection: Connection, ids: Sequence[str] | None) -> Iterator[_Spoken]:
    query = (
        select(ConversationRow.__table__, MessageRow.role, MessageRow.text, MessageRow.created_at.label("said_at"))
        .add_columns(MessageRow.author, FeedbackRow.thumb, FeedbackRow.reason.label("thumb_reason"))
        .add_columns(FeedbackRow.comment.label("thumb_comment"))
        .join(MessageRow, MessageRow.conversation_id == ConversationRow.id)
        .outerjoin(FeedbackRow, FeedbackRow.message_id == MessageRow.id)
        .order_by(ConversationRow.created_at, ConversationRow.id, MessageRow.seq)
    )
    current: _Spoken | None = None
    for row in connection.execute(query if ids is None else query.where(ConversationRow.id.in_(ids))):
        if current is None or row.id != current.row.id:
            if current is not None:
                yield current
            current = _Spoken(row)
        if row.thumb is not None:
            thumb = {"thumb": row.thumb, "reason": row.thumb_reason, "comment": row.thumb_comment}
            current.thumbs.append({"turn": len(current.turns)} | _known(thumb))
        current.turns.append(Turn(Role(row.role), row.text, row.said_at, row.author))
    if current is not None:
        yield current


def _transcript(said: _Spoken, tags: tuple[str, ...]) -> Transcript:
    row = said.row
    meta = {"handover_reason": row.handover_reason, "agent": row.agent, "rating_comment": row.rating_comment}
    return Transcript(
        id=row.id,
        source="live",
        turns=tuple(said.turns),
        language=row.language,
        status=row.status,
        csat=None if row.rating is None else float(row.rating),
        tags=tags,
        meta=_known(meta | {"thumbs": said.thumbs or None}),
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def messages_with_replies() -> Select[Any]:
    """The columns of messages with their replies and thumbs, for `read_messages`."""
    return (
        select(MessageRow.__table__, FeedbackRow.thumb, *_reply_columns)
        .outerjoin(ReplyRow, ReplyRow.message_id == MessageRow.id)
        .outerjoin(FeedbackRow, FeedbackRow.message_id == MessageRow.id)
    )


def read_messages(connection: Connection, query: Select[Any]) -> list[Message]:
    """What `query`, made of `messages_with_replies`, finds, with the replies' sources."""
    rows = connection.execute(query).all()
    sources: dict[int, list[Source]] = defaultdict(list)
    if with_reply := [row.message_id for row in rows if row.message_id is not None]:
        past = select(SourceRow.__table__).where(SourceRow.message_id.in_(with_reply))
        for found in connection.execute(past.order_by(SourceRow.message_id, SourceRow.position)):
            sources[found.message_id].append(read_source(found))
    return [_read_message(row, sources) for row in rows]


def _read_message(row: Row[Any], sources: dict[int, list[Source]] | None = None) -> Message:
    has_reply = sources is not None and row.message_id is not None
    return Message(
        conversation_id=row.conversation_id,
        seq=row.seq,
        role=Role(row.role),
        text=row.text,
        created_at=row.created_at,
        client_message_id=row.client_message_id if row.role == Role.CUSTOMER.value else None,
        author=row.author,
        reply=read_reply(row.text, row, sources[row.message_id]) if has_reply and sources is not None else None,
        thumb=row.thumb if sources is not None else None,
    )
