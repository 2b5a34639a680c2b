"""Questions that the bot could not answer, and what the team decided on them. Must not know how they are grouped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, or_, select

from chatbot.errors import BadInput, Conflict, NotFound
from chatbot.types import Question
from storage import lessons
from storage.audit import Actor, record
from storage.corrections import Correction, correction_of
from storage.databases import Database
from storage.desk_tables import CorrectionRow, GapDecisionRow, GapQuestionRow
from storage.lessons import Lesson
from storage.moments import CLOCK_SLACK, first_id
from storage.people import User
from storage.tables import ConversationRow, MessageRow, ReplyRow
from storage.visibility import seen_by

T = TypeVar("T")
REFUSED = ("nothing_fits", "not_sure", "only_personal", "no_knowledge", "repeated")
"""Reasons of a hand-over that mean: nothing fitted. A wish for a person is none of them."""
MOST = 20_000
_AT_ONCE = 500  # values in one IN (...)
DecisionKind = Literal["answered", "dismissed"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes whenever the refused questions do: grown by a new one, shrunk by an erasure."""

    newest: int
    count: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What holds for one question. correction_id: the answer that was written."""

    id: int
    kind: DecisionKind
    agent: str
    created_at: datetime
    correction_id: int | None = None


@dataclass(frozen=True, slots=True)
class Gaps:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def stamp(self, since: datetime) -> Stamp:
        return await self._read(lambda c: _stamp(c, since))

    async def refused(self, since: datetime) -> Sequence[Question]:
        """Everybody's, newest first, the last `MOST`: for the grouping alone. What a user is shown goes through `visible`."""
        return await self._read(lambda c: _refused(c, since))

    async def begun(self) -> datetime | None:
        """When the first conversation began: before, nobody could have asked. None where there is none."""
        return await self._read(lambda c: c.scalar(select(func.min(ConversationRow.created_at))))

    async def visible(self, user: User, since: datetime) -> frozenset[int]:
        """The ids of those refused questions whose conversations the user may see."""
        return await self._read(lambda c: _visible(c, user, since))

    async def decided(self, since: datetime) -> Mapping[int, Decided]:
        """By question, what holds; an answer that was taken back holds no more."""
        return await self._read(lambda c: _decided(c, GapQuestionRow.message_id >= first_id(c, since - CLOCK_SLACK)))

    async def undoable(self, user: User, corrections: Collection[int]) -> frozenset[int]:
        """Those of the answers that the user may take back."""
        return await self._read(lambda c: _undoable(c, user, corrections))

    async def answer(
        self, user: User, actor: Actor, questions: Collection[int], lesson: Lesson, asked: int
    ) -> Correction:
        """Makes the answer knowledge and decides on the questions with it, at once or not at all.

        asked: the refused question whose words the lesson's question holds, or began with; if its conversation is erased on
        request, the answer goes too. Raises Conflict, naming who was first, where an answer stands for these questions;
        NotFound where `asked` is not there any more or out of the user's sight; BadInput.
        """
        lessons.check(lesson)
        return await self._write(lambda c: _answer(c, user, actor, questions, lesson, asked))

    async def decide(
        self, user: User, actor: Actor, questions: Collection[int], kind: DecisionKind, correction_id: int | None = None
    ) -> int:
        """Its id. Questions whose conversations the user may not see are left out; raises NotFound when none is left, and
        Conflict for a dismissal where an answer stands."""
        if (kind == "answered") != (correction_id is not None):
            raise BadInput("An answered gap names its answer, a dismissed one none.")
        return await self._write(lambda c: _decide(c, user, actor, questions, correction_id))

    async def reopen(self, user: User, actor: Actor, questions: Collection[int]) -> None:
        """Takes a dismissal back. Raises NotFound where none of the questions is dismissed and visible."""
        return await self._write(lambda c: _reopen(c, user, actor, questions))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.read(work))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.write(work))


def standing(questions: Collection[int], decided: Mapping[int, Decided]) -> Decided | None:
    """What holds for a group: the newest decision on its questions, where at least half of them are decided."""
    found = [decided[one] for one in questions if one in decided]
    return (
        None if 2 * len(found) < len(questions) else max(found, key=lambda one: (one.created_at, one.id), default=None)
    )


def _refusals(*columns: Any) -> Select[Any]:
    """Of replies, with their messages and conversations."""
    return (
        select(*columns)
        .select_from(ReplyRow)
        .join(MessageRow, MessageRow.id == ReplyRow.message_id)
        .join(ConversationRow, ConversationRow.id == ReplyRow.conversation_id)
        .where(ReplyRow.reason.in_(REFUSED), ReplyRow.action == "hand_over", ReplyRow.query.is_not(None))
    )


def _stamp(connection: Connection, since: datetime) -> Stamp:
    query = _refusals(func.max(ReplyRow.message_id).label("newest"), func.count().label("amount"))
    row = connection.execute(query.where(*_from(connection, since))).one()
    return Stamp(row.newest or 0, row.amount)


def _from(connection: Connection, since: datetime) -> tuple[ColumnElement[bool], ...]:
    """Written since then: the replies' index knows ids, and no moments."""
    return ReplyRow.message_id >= first_id(connection, since - CLOCK_SLACK), MessageRow.created_at >= since


def _visible(connection: Connection, user: User, since: datetime) -> frozenset[int]:
    query = _refusals(ReplyRow.message_id).where(*_from(connection, since), seen_by(user))
    return frozenset(connection.scalars(query.order_by(ReplyRow.message_id.desc()).limit(MOST)))


def _refused(connection: Connection, since: datetime) -> list[Question]:
    query = _refusals(
        ReplyRow.message_id,
        ReplyRow.conversation_id,
        ReplyRow.answers_seq,
        # A word that no answer has is what a gap is about, and the one that is taken for a typo.
        func.coalesce(ReplyRow.asked, ReplyRow.query).label("text"),
        ReplyRow.language,
        ReplyRow.degraded,
        MessageRow.created_at,
        ConversationRow.owner,
    ).where(*_from(connection, since))
    rows = connection.execute(query.order_by(ReplyRow.message_id.desc()).limit(MOST))
    return [_question(row) for row in rows if not _was_trouble(row.degraded) and row.text.strip()]


def _was_trouble(degraded: Iterable[str]) -> bool:
    """The search itself failed: what it did not find may well be there."""
    return any(part.startswith("index:") for part in degraded)


def _question(row: Row[Any]) -> Question:
    return Question(
        id=row.message_id,
        text=row.text,
        language=row.language,
        at=row.created_at,
        customer=row.owner,
        conversation_id=row.conversation_id,
        seq=row.answers_seq,
    )


def _decided(connection: Connection, which: ColumnElement[bool]) -> dict[int, Decided]:
    one = GapDecisionRow
    query = (
        select(GapQuestionRow.message_id, one.id, one.kind, one.agent, one.created_at, one.correction_id)
        .join(one, one.id == GapQuestionRow.decision_id)
        .outerjoin(CorrectionRow, CorrectionRow.id == one.correction_id)
        .where(which, or_(one.kind == "dismissed", CorrectionRow.undone_at.is_(None)))
    )
    return {
        row.message_id: Decided(row.id, row.kind, row.agent, row.created_at, row.correction_id)
        for row in connection.execute(query)
    }


def _undoable(connection: Connection, user: User, corrections: Collection[int]) -> frozenset[int]:
    found: set[int] = set()
    for part in _parts(sorted(set(corrections))):
        query = select(CorrectionRow.id).where(CorrectionRow.id.in_(part), lessons.undoable_by(user))
        found.update(connection.scalars(query))
    return frozenset(found)


def _answer(
    connection: Connection, user: User, actor: Actor, questions: Collection[int], lesson: Lesson, asked: int
) -> Correction:
    asked_in = connection.scalar(
        _held(_refusals(ReplyRow.conversation_id).where(ReplyRow.message_id == asked, seen_by(user)))
    )
    if asked_in is None:
        raise NotFound("The question that this began with is gone: its conversation was erased. Word it anew.")
    # The change of knowledge comes before the look: who answers at the same time waits for it, and then finds this decision.
    row = lessons.fill(connection, user, actor, lesson, asked_in, f"gap:{min(questions, default=asked)}")
    _check_unanswered(connection, questions)
    _decide(connection, user, actor, questions, row.id)
    return correction_of(row)


def _check_unanswered(connection: Connection, questions: Collection[int]) -> None:
    decided: dict[int, Decided] = {}
    for part in _parts(sorted(set(questions))):
        decided |= _decided(connection, GapQuestionRow.message_id.in_(part))
    first = standing(set(questions), decided)
    if first is not None and first.kind == "answered":
        raise Conflict(
            f"{first.agent} has answered this already: look under Answered; that answer can be undone first."
        )


def _decide(
    connection: Connection, user: User, actor: Actor, questions: Collection[int], correction_id: int | None
) -> int:
    """A dismissal where `correction_id` is None."""
    covered = _seen(connection, user, questions)
    if not covered:
        raise NotFound("These questions are not there any more; load the page again.")
    kind: DecisionKind = "dismissed" if correction_id is None else "answered"
    if kind == "dismissed":
        _check_unanswered(connection, questions)
    row = {"kind": kind, "correction_id": correction_id, "user_id": user.id, "agent": user.name}
    made = connection.execute(
        insert(GapDecisionRow).values(row | {"created_at": datetime.now(UTC)}).returning(GapDecisionRow.id)
    ).scalar_one()
    _forget(connection, covered, keep=made)
    connection.execute(insert(GapQuestionRow), [{"message_id": each, "decision_id": made} for each in covered])
    action = "gap.answer" if kind == "answered" else "gap.dismiss"
    detail = {"questions": len(covered)} | ({"correction": correction_id} if correction_id else {})
    record(connection, actor, action, f"gap:{made}", detail)
    return int(made)


def _reopen(connection: Connection, user: User, actor: Actor, questions: Collection[int]) -> None:
    covered = _seen(connection, user, questions)
    decisions: set[int] = set()
    dismissed: list[int] = []
    for part in _parts(covered):
        rows = connection.execute(
            select(GapQuestionRow.message_id, GapQuestionRow.decision_id)
            .join(GapDecisionRow, GapDecisionRow.id == GapQuestionRow.decision_id)
            .where(GapQuestionRow.message_id.in_(part), GapDecisionRow.kind == "dismissed")
        ).all()
        dismissed += [row.message_id for row in rows]
        decisions |= {row.decision_id for row in rows}
    if not dismissed:
        raise NotFound("Nobody has set these questions aside, or it was taken back already; load the page again.")
    _forget(connection, dismissed)
    for decision in sorted(decisions):
        record(connection, actor, "gap.reopen", f"gap:{decision}", {"questions": len(dismissed)})


def _seen(connection: Connection, user: User, questions: Collection[int]) -> list[int]:
    found: list[int] = []
    for part in _parts(sorted(set(questions))):
        these = _refusals(ReplyRow.message_id).where(ReplyRow.message_id.in_(part), seen_by(user))
        found += connection.scalars(_held(these))
    return found


def _held(refusals: Select[Any]) -> Select[Any]:
    """An erasure of these conversations comes before, and they are not found, or after the transaction's end."""
    return refusals.with_for_update(read=True, key_share=True, of=ConversationRow)


def _forget(connection: Connection, questions: Sequence[int], keep: int = 0) -> None:
    """Of several decisions about a question the last counts. Those that cover none any more go, but for `keep`."""
    for part in _parts(questions):
        connection.execute(delete(GapQuestionRow).where(GapQuestionRow.message_id.in_(part)))
    covers = select(GapQuestionRow.message_id).where(GapQuestionRow.decision_id == GapDecisionRow.id).exists()
    connection.execute(delete(GapDecisionRow).where(~covers, GapDecisionRow.id != keep))


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(ids), _AT_ONCE):
        yield ids[at : at + _AT_ONCE]
