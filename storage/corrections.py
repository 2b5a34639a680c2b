"""Answers that people of the team write: one correction has four effects, and its undo takes back all four. Must not know pages,
masking or how an index is searched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, or_, select

from chatbot.errors import NotFound
from chatbot.types import Message
from storage import desk_lists, lessons, superseding
from storage.audit import Actor
from storage.checks import check_id
from storage.databases import Database
from storage.desk_tables import CorrectionRow
from storage.lessons import Lesson
from storage.people import User
from storage.tables import ConversationRow, MessageRow
from storage.visibility import seen_by

T = TypeVar("T")
BEFORE = 8  # messages that come along with a reply


@dataclass(frozen=True, slots=True)
class Correction:
    """One answer that a person wrote. kind: "correction" of a reply, "edit" of a passage, or "gap": a new answer.

    conversation_id: the one that led to it; of an answer to a gap the one whose words its question holds. replaced: the passages
    that it supersedes. The texts are masked.
    """

    id: int
    kind: str
    passage_id: str
    conversation_id: str | None
    replaced: tuple[str, ...]
    language: str
    question: str
    answer: str
    agent: str
    created_at: datetime
    undone_at: datetime | None = None
    undone_by: str | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """A bot's reply with the messages before it, oldest first, and the correction that stands, if there is one.

    copies: by passage, under how many other questions its words stand.
    """

    messages: tuple[Message, ...]
    reply: Message
    correction: Correction | None
    copies: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Corrections:
    """Lives as long as the store; any event loop may call. Whoever calls sees what `storage.visibility` lets the user see."""

    database: Database

    async def reply(self, user: User, conversation_id: str, seq: int) -> Corrected:
        """What there is to correct. Raises NotFound for another team's conversation and for what is no reply of the bot."""
        check_id(conversation_id)
        return await self._read(lambda c: _reply(c, user, conversation_id, seq))

    async def correct(
        self, user: User, actor: Actor, place: tuple[str, int], lesson: Lesson, supersede: Sequence[str] | None = None
    ) -> Correction:
        """Supersedes passages, adds the answer, a regression case and an edit pair, and marks the reply as wrong, at once or
        not at all.

        place: conversation and seq of the reply. supersede: passages to retire; None: the sources whose words the reply was. Where
        the same words stand under other questions, they go with them.
        Raises Conflict, naming who was first, for a reply that has been corrected; NotFound; BadInput.
        """
        check_id(place[0])
        lessons.check(lesson)
        return await self._write(lambda c: correction_of(lessons.correct(c, user, actor, place, lesson, supersede)))

    async def write(self, user: User, actor: Actor, lesson: Lesson, *, replaces: str | None = None) -> Correction:
        """A new answer to a question that had none, or in place of the passage `replaces`; `Gaps.answer` writes those to gaps.

        Raises NotFound when there is no such passage in use, Conflict when a colleague has replaced it.
        """
        lessons.check(lesson)
        return await self._write(lambda c: correction_of(lessons.write(c, user, actor, lesson, replaces)))

    async def undo(self, user: User, actor: Actor, correction_id: int) -> Correction:
        """Takes all effects back. Raises Conflict when it is undone already or another answer builds on it; NotFound."""
        return await self._write(lambda c: correction_of(lessons.undo(c, user, actor, correction_id)))

    async def standing(self, user: User, conversation_id: str) -> Mapping[int, Correction]:
        """Those of one conversation's replies that nobody has undone, by the reply's seq."""
        check_id(conversation_id)
        return await self._read(lambda c: _standing(c, user, conversation_id))

    async def recent(self, user: User, *, before_id: int | None = None, limit: int = 50) -> Sequence[Correction]:
        """Newest first; an agent sees those of visible conversations, an admin all. `before_id` pages on."""
        return await self._read(lambda c: _list(c, user, before_id=before_id, limit=limit))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.read(work))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.write(work))


def _reply(connection: Connection, user: User, conversation_id: str, seq: int) -> Corrected:
    said = desk_lists.messages(connection, user, conversation_id, max(0, seq - 1 - BEFORE), BEFORE + 1)
    messages = [message for message in said if message.seq <= seq]
    if not messages or messages[-1].seq != seq or messages[-1].reply is None:
        raise NotFound(lessons.NO_REPLY)
    standing = lessons.standing(connection, conversation_id, seq)
    copies = superseding.copies(connection, [source.passage_id for source in messages[-1].reply.sources])
    return Corrected(tuple(messages[:-1]), messages[-1], correction_of(standing) if standing else None, copies)


def _standing(connection: Connection, user: User, conversation_id: str) -> dict[int, Correction]:
    rows = connection.execute(
        select(CorrectionRow.__table__, MessageRow.seq)
        .join(MessageRow, MessageRow.id == CorrectionRow.message_id)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(ConversationRow.id == conversation_id, seen_by(user), CorrectionRow.undone_at.is_(None))
    )
    return {row.seq: correction_of(row) for row in rows}


def _list(connection: Connection, user: User, *, before_id: int | None, limit: int) -> list[Correction]:
    query = select(CorrectionRow.__table__).outerjoin(
        ConversationRow, ConversationRow.id == CorrectionRow.conversation_id
    )
    if not user.is_admin:
        query = query.where(or_(CorrectionRow.user_id == user.id, ConversationRow.id.is_not(None) & seen_by(user)))
    if before_id is not None:
        query = query.where(CorrectionRow.id < before_id)
    return [correction_of(row) for row in connection.execute(query.order_by(CorrectionRow.id.desc()).limit(limit))]


def correction_of(row: Row[Any]) -> Correction:
    """`row` has the columns of `corrections`."""
    return Correction(
        id=row.id,
        kind=row.kind,
        passage_id=row.passage_id,
        conversation_id=row.conversation_id,
        replaced=tuple(row.replaced),
        language=row.language,
        question=row.question,
        answer=row.answer,
        agent=row.agent,
        created_at=row.created_at,
        undone_at=row.undone_at,
        undone_by=row.undone_by,
    )
