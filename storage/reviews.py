"""Verdicts on the bot's replies, and what there is to judge. Must not know routes or the order of the queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from chatbot.errors import BadInput, NotFound
from chatbot.types import Action, Conversation, Message
from storage.audit import Actor, record
from storage.checks import check_values
from storage.databases import Database
from storage.desk_tables import ConfidenceLabelRow, VerdictRow
from storage.people import User
from storage.review_candidates import Ask, Candidates, Draw, candidates, passed_over
from storage.tables import ConversationRow, MessageRow, ReplyRow
from storage.upserts import insert_into
from storage.views import read_conversation, recent
from storage.visibility import seen_by

Verdict = Literal["right", "wrong", "harmless"]
VERDICTS: tuple[str, ...] = get_args(Verdict)
UNIFORM = "uniform"
STRATA = (UNIFORM, "thumbs_down", "near_threshold", "disagreement", "refused_group")
_WHOLE = 10_000  # messages of one conversation
_BEFORE, _AFTER = 6, 2
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as it stands."""

    verdict: str
    agent: str
    why_shown: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """A reply to judge, with what was said around it. messages: some before it, the reply, and what the customer said next."""

    conversation: Conversation
    seq: int
    messages: tuple[Message, ...]
    judged: Judged | None


@dataclass(frozen=True, slots=True)
class Reviews:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def judge(
        self,
        user: User,
        actor: Actor,
        place: tuple[str, int],
        verdict: str,
        why_shown: str | None = None,
        draw: Draw | None = None,
    ) -> Judged:
        """Says of the reply (conversation, seq) that it is right, wrong or harmless; a second verdict replaces the first.

        The confidence label follows: right and wrong become one for an answer, harmless (a reply that neither helps nor
        misleads) takes it away, and what was no answer (a question back, a hand-over) has none, since its confidence promised
        none. A label is `uniform` when chance brought the reply up, the first time or now; with `draw`, so are those of the
        replies that this draw has passed over because they were judged already.
        Raises BadInput for an unknown verdict, NotFound for what is no reply of the bot or not the user's to see.
        """
        if verdict not in VERDICTS or (why_shown is not None and why_shown not in STRATA):
            raise BadInput(f"A verdict is one of {', '.join(VERDICTS)}; nothing was saved.")
        check_values(place[0], "conversation's id")
        said = {"verdict": verdict, "why_shown": why_shown}
        return await asyncio.wrap_future(self.database.write(lambda c: _judge(c, user, actor, place, said, draw)))

    async def verdicts(self, user: User, conversation_id: str) -> dict[int, Judged]:
        """Of one conversation, by seq."""
        check_values(conversation_id, "conversation's id")
        return await asyncio.wrap_future(self.database.read(lambda c: _verdicts(c, user, conversation_id)))

    async def item(self, user: User, actor: Actor, place: tuple[str, int]) -> Item:
        """Leaves a line in the audit log: it shows a part of a transcript. Raises NotFound."""
        check_values(place[0], "conversation's id")
        await asyncio.wrap_future(self.database.write(lambda c: _note_view(c, user, actor, place)))
        return await asyncio.wrap_future(self.database.read(lambda c: _item(c, user, place)))

    async def candidates(self, user: User, ask: Ask) -> Candidates:
        """What the user may judge and nobody has, from each stratum up to `ask.most`."""
        return await asyncio.wrap_future(self.database.read(lambda c: candidates(c, seen_by(user), ask)))

    async def done_since(self, user: User, since: datetime) -> dict[str, int]:
        """The user's own verdicts since then, by verdict."""
        query = (
            select(VerdictRow.verdict, func.count())
            .where(VerdictRow.user_id == user.id, VerdictRow.created_at >= since)
            .group_by(VerdictRow.verdict)
        )
        rows = await asyncio.wrap_future(self.database.read(lambda c: c.execute(query).all()))
        return dict.fromkeys(VERDICTS, 0) | {verdict: int(count) for verdict, count in rows}


def _judge(
    connection: Connection, user: User, actor: Actor, place: tuple[str, int], said: dict[str, Any], draw: Draw | None
) -> Judged:
    reply = _reply(connection, user, place)
    now = datetime.now(UTC)
    before = connection.execute(
        select(VerdictRow.why_shown).where(VerdictRow.message_id == reply.message_id)
    ).one_or_none()
    labels = ConfidenceLabelRow.message_id == reply.message_id
    was_drawn = connection.execute(select(func.count()).where(labels, ConfidenceLabelRow.uniform)).scalar_one()
    drawn = UNIFORM in (said["why_shown"], before.why_shown if before else None) or bool(was_drawn)
    why = UNIFORM if drawn else said["why_shown"] or (before.why_shown if before else None)
    values = {"verdict": said["verdict"], "why_shown": why, "user_id": user.id, "agent": user.name, "created_at": now}
    make = insert_into(connection, VerdictRow).values(message_id=reply.message_id, **values)
    connection.execute(make.on_conflict_do_update(index_elements=["message_id"], set_=values))
    connection.execute(delete(ConfidenceLabelRow).where(labels))
    if said["verdict"] != "harmless" and reply.action == Action.ANSWER.value:
        label = {"message_id": reply.message_id, "confidence": reply.confidence, "right": said["verdict"] == "right"}
        connection.execute(insert(ConfidenceLabelRow).values(label | {"uniform": drawn, "created_at": now}))
    if draw is not None and said["why_shown"] == UNIFORM:
        _count_in(connection, passed_over(connection, seen_by(user), draw, reply.message_id))
    detail = {"seq": place[1], "verdict": said["verdict"]}
    record(connection, actor, "review.verdict", f"conversation:{place[0]}", detail)
    return Judged(said["verdict"], user.name, why, now)


def _count_in(connection: Connection, messages: list[int]) -> None:
    """Makes the verdicts on them part of the sample."""
    for at in range(0, len(messages), _AT_ONCE):
        some = messages[at : at + _AT_ONCE]
        theirs: ColumnElement[bool] = VerdictRow.message_id.in_(some)
        connection.execute(update(VerdictRow).where(theirs).values(why_shown=UNIFORM))
        labels = ConfidenceLabelRow.message_id.in_(some)
        connection.execute(update(ConfidenceLabelRow).where(labels).values(uniform=True))


def _reply(connection: Connection, user: User, place: tuple[str, int]) -> Any:
    query = (
        select(ReplyRow.message_id, ReplyRow.confidence, ReplyRow.action)
        .join(MessageRow, MessageRow.id == ReplyRow.message_id)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(MessageRow.conversation_id == place[0], MessageRow.seq == place[1], seen_by(user))
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            "There is no such reply of the assistant here; it may have been erased, or belong to another team."
        )
    return row


def _verdicts(connection: Connection, user: User, conversation_id: str) -> dict[int, Judged]:
    query = (
        select(MessageRow.seq, VerdictRow.__table__)
        .join(MessageRow, MessageRow.id == VerdictRow.message_id)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(MessageRow.conversation_id == conversation_id, seen_by(user))
    )
    return {row.seq: _read(row) for row in connection.execute(query)}


def _note_view(connection: Connection, user: User, actor: Actor, place: tuple[str, int]) -> None:
    _reply(connection, user, place)
    record(connection, actor, "transcript.view", f"conversation:{place[0]}", {"seq": place[1]})


def _item(connection: Connection, user: User, place: tuple[str, int]) -> Item:
    reply = _reply(connection, user, place)
    row = connection.execute(select(ConversationRow.__table__).where(ConversationRow.id == place[0])).one()
    around = [
        message
        for message in recent(connection, place[0], _WHOLE)
        if place[1] - _BEFORE <= message.seq <= place[1] + _AFTER
    ]
    judged = connection.execute(select(VerdictRow.__table__).where(VerdictRow.message_id == reply.message_id)).first()
    return Item(read_conversation(row), place[1], tuple(around), _read(judged) if judged else None)


def _read(row: Any) -> Judged:
    return Judged(row.verdict, row.agent, row.why_shown, row.created_at)
