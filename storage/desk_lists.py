"""What the agents' desk reads: its lists, one conversation, the facts about its customer. Must not know who writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, Select, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from chatbot.types import Message, Role, Status
from storage.columns import Instant
from storage.desk_tables import TagRow
from storage.people import User
from storage.people_tables import TeamRow, UserRow
from storage.tables import ConversationRow, MessageRow
from storage.views import messages_with_replies, read_messages
from storage.visibility import out_of_sight, seen_by

ListName = Literal["mine", "waiting", "others", "bot", "closed"]
"""others: in colleagues' hands."""
LISTS: tuple[ListName, ...] = get_args(ListName)
COUNTED = 1000
"""Longer lists are not counted to their end."""
_PREVIEW_CHARS = 140
_SPOKEN = (Role.CUSTOMER.value, Role.AGENT.value, Role.BOT.value)


@dataclass(frozen=True, slots=True)
class DeskItem:
    """A conversation in a list. `customer` is a short code of the owner, the same in all their conversations.

    mood: in [-1, 1], None until the customer has written. `last_role`: who spoke last. `preview`: how the customer's newest
    message begins.
    """

    id: str
    customer: str
    status: Status
    language: str | None
    created_at: datetime
    updated_at: datetime
    last_seq: int
    waiting_since: datetime | None
    reason: str | None
    mood: float | None
    agent: str | None
    user_id: int | None
    team_id: int | None
    rating: int | None
    contact: str | None
    last_role: Role | None = None
    preview: str = ""


@dataclass(frozen=True, slots=True)
class DeskPage:
    """Part of a list; `after` pages on, None at the end."""

    items: tuple[DeskItem, ...]
    after: tuple[datetime, str] | None


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What is known of a conversation's customer, from the conversations that the user may see."""

    first_seen: datetime
    contact: str | None
    conversations: int
    ratings: tuple[int, ...]
    earlier: tuple[DeskItem, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody to transfer to."""

    id: int
    name: str
    team_id: int | None


def page(
    connection: Connection, user: User, which: ListName, after: tuple[datetime, str] | None, limit: int
) -> DeskPage:
    """Waiting: who has waited longest first. All others: what happened last first."""
    waiting = which == "waiting"
    moment = ConversationRow.waiting_since if waiting else ConversationRow.updated_at
    place = tuple_(moment, ConversationRow.id)
    query = _items().where(_listed(user, which))
    if after is not None:
        last_seen = tuple_(literal(after[0], Instant()), literal(after[1]))
        query = query.where(place > last_seen if waiting else place < last_seen)
    order = (moment, ConversationRow.id) if waiting else (moment.desc(), ConversationRow.id.desc())
    rows = connection.execute(query.order_by(*order).limit(limit + 1)).all()
    items = tuple(_item(row) for row in rows[:limit])
    if len(rows) <= limit:
        return DeskPage(items, None)
    last = items[-1]
    at = last.waiting_since if waiting else last.updated_at
    assert at is not None
    return DeskPage(items, (at, last.id))


def counts(connection: Connection, user: User) -> Mapping[str, int]:
    """How long each list is, up to COUNTED."""
    return {name: _count(connection, _listed(user, name)) for name in LISTS}


def item(connection: Connection, user: User, conversation_id: str) -> DeskItem:
    """Raises NotFound for one that the user may not see."""
    row = connection.execute(_items().where(ConversationRow.id == conversation_id, seen_by(user))).one_or_none()
    if row is None:
        raise out_of_sight()
    return _item(row)


def openings(connection: Connection, ids: Sequence[str], most: int = 3) -> dict[str, tuple[str, ...]]:
    """The customer's first messages in each of the conversations, oldest first; the caller has asked who may see them."""
    place = func.row_number().over(partition_by=MessageRow.conversation_id, order_by=MessageRow.seq).label("place")
    said = select(MessageRow.conversation_id, MessageRow.seq, MessageRow.text, place).where(
        MessageRow.conversation_id.in_(ids), MessageRow.role == Role.CUSTOMER.value
    )
    first = said.subquery("said")
    rows = connection.execute(select(first).where(first.c.place <= most).order_by(first.c.conversation_id, first.c.seq))
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row.conversation_id] = (*found.get(row.conversation_id, ()), row.text)
    return found


def visible_ids(connection: Connection, user: User, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that the user may see."""
    return set(connection.scalars(select(ConversationRow.id).where(ConversationRow.id.in_(ids), seen_by(user))))


def existing_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    return set(connection.scalars(select(ConversationRow.id).where(ConversationRow.id.in_(ids))))


def messages(connection: Connection, user: User, conversation_id: str, after_seq: int, limit: int) -> list[Message]:
    """Notes included, with every reply's provenance, in order of seq. Raises NotFound."""
    if not visible_ids(connection, user, [conversation_id]):
        raise out_of_sight()
    query = messages_with_replies().where(MessageRow.conversation_id == conversation_id, MessageRow.seq > after_seq)
    return read_messages(connection, query.order_by(MessageRow.seq).limit(limit))


def facts(connection: Connection, user: User, conversation_id: str, limit: int = 20) -> CustomerFacts:
    """Raises NotFound."""
    owner = connection.execute(
        select(ConversationRow.owner).where(ConversationRow.id == conversation_id, seen_by(user))
    ).scalar()
    if owner is None:
        raise out_of_sight()
    theirs = (ConversationRow.owner == owner, seen_by(user))
    known = connection.execute(
        select(func.min(ConversationRow.created_at).label("first"), func.count().label("all")).where(*theirs)
    ).one()
    earlier = _items().where(*theirs, ConversationRow.id != conversation_id, ConversationRow.last_seq > 0)
    newest_first = ConversationRow.created_at.desc()
    contact = select(ConversationRow.contact).where(*theirs, ConversationRow.contact.is_not(None))
    ratings = select(ConversationRow.rating).where(*theirs, ConversationRow.rating.is_not(None))
    return CustomerFacts(
        first_seen=known.first,
        contact=connection.scalars(contact.order_by(newest_first).limit(1)).first(),
        conversations=known.all,
        ratings=tuple(rating for rating in connection.scalars(ratings.order_by(newest_first).limit(10)) if rating),
        earlier=tuple(_item(row) for row in connection.execute(earlier.order_by(newest_first).limit(limit))),
        tags=tuple(
            connection.scalars(select(TagRow.tag).where(TagRow.conversation_id == conversation_id).order_by(TagRow.tag))
        ),
    )


def colleagues(connection: Connection) -> list[Colleague]:
    """Everybody who can sign in, by name."""
    query = select(UserRow.id, UserRow.name, UserRow.team_id).where(UserRow.disabled_at.is_(None))
    return [Colleague(row.id, row.name, row.team_id) for row in connection.execute(query.order_by(UserRow.name))]


def teams(connection: Connection) -> list[tuple[int, str]]:
    """Id and name of each."""
    return [(row.id, row.name) for row in connection.execute(select(TeamRow.id, TeamRow.name).order_by(TeamRow.name))]


def _listed(user: User, which: ListName) -> ColumnElement[bool]:
    """A chat that was opened and never used is in no list."""
    if which == "mine":
        return (ConversationRow.user_id == user.id) & (ConversationRow.status == Status.HUMAN.value)
    if which == "others":
        theirs = ConversationRow.user_id.is_distinct_from(user.id)
        return theirs & (ConversationRow.status == Status.HUMAN.value) & seen_by(user)
    return (ConversationRow.status == Status(which).value) & (ConversationRow.last_seq > 0) & seen_by(user)


def _count(connection: Connection, listed: ColumnElement[bool]) -> int:
    some = select(ConversationRow.id).where(listed).limit(COUNTED).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _items() -> Select[Any]:
    said = select(MessageRow.id, MessageRow.text).subquery("said")
    begin = func.substr(said.c.text, 1, _PREVIEW_CHARS).label("preview")
    last_role = _newest(MessageRow.role, _SPOKEN).label("last_role")
    theirs = _newest(MessageRow.id, (Role.CUSTOMER.value,))
    return select(ConversationRow.__table__, last_role, begin).outerjoin(said, said.c.id == theirs)


def _newest(column: InstrumentedAttribute[Any], roles: Sequence[str]) -> ScalarSelect[Any]:
    return (
        select(column)
        .where(MessageRow.conversation_id == ConversationRow.id, MessageRow.role.in_(roles))
        .order_by(MessageRow.seq.desc())
        .limit(1)
        .correlate(ConversationRow)
        .scalar_subquery()
    )


def _item(row: Row[Any]) -> DeskItem:
    return DeskItem(
        id=row.id,
        customer=row.owner[:6],
        status=Status(row.status),
        language=row.language,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_seq=row.last_seq,
        waiting_since=row.waiting_since,
        reason=row.handover_reason,
        mood=row.mood,
        agent=row.agent,
        user_id=row.user_id,
        team_id=row.team_id,
        rating=row.rating,
        contact=row.contact,
        last_role=Role(row.last_role) if row.last_role else None,
        preview=row.preview or "",
    )
