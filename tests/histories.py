"""Conversations with chosen moments, written straight into the tables: what the store itself would not let happen in the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from chatbot.types import Source
from storage.desk_tables import HandoverRow
from storage.opening import Store
from storage.replies import source_values
from storage.tables import (
    ConversationRow,
    FeedbackRow,
    ImportRow,
    MessageRow,
    PassageRow,
    ReplyRow,
    SourceRow,
    TranscriptRow,
)


@dataclass(frozen=True)
class Said:
    """A customer's message and what the bot replied; action None: nothing. thumb: the customer's verdict."""

    text: str = "Where is it?"
    action: str | None = "answer"
    reason: str = "precedent"
    thumb: int | None = None
    first_ms: float | None = None
    passage: str | None = None
    query: str | None = None
    asked: str | None = None
    degraded: tuple[str, ...] = ()
    after: timedelta = timedelta(minutes=1)


@dataclass(frozen=True)
class Stay:
    """A hand-over: seconds after the conversation began, and until it was taken and ended; None: it was not."""

    asked_s: float = 60
    taken_s: float | None = None
    ended_s: float | None = None
    reason: str = "customer_asked"
    contact: bool = False


@dataclass(frozen=True)
class Talk:
    """One conversation; every message comes `after` the one before it."""

    id: str
    owner: str
    begun: datetime
    language: str | None = "en"
    said: Sequence[Said] = (Said(),)
    stays: Sequence[Stay] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


def write(store: Store, *talks: Talk) -> dict[str, list[int]]:
    """Puts them into the store; the ids of the bot's messages by conversation."""
    return store.database.write(lambda c: {talk.id: _write(c, talk) for talk in talks}).result()


def add_passage(store: Store, passage_id: str, topic: str | None) -> None:
    """A passage of that topic, with the rows that it hangs on."""

    def add(connection: Connection) -> None:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        brought = {"file": "f", "format": "own", "started_at": now, "finished_at": now}
        number = connection.execute(insert(ImportRow).values(brought).returning(ImportRow.id)).scalar_one()
        row = {
            "import_id": number,
            "source": "own",
            "external_id": passage_id,
            "content_hash": "0",
            "tags": [],
            "meta": {},
        }
        transcript = connection.execute(insert(TranscriptRow).values(row).returning(TranscriptRow.id)).scalar_one()
        texts = dict.fromkeys(("question", "window", "answer", "conversation_id"), "x") | {
            "language": "en",
            "source": "own",
        }
        key = {
            "transcript_id": transcript,
            "passage_id": passage_id,
            "turn_id": 1,
            "topic": topic,
            "count": 1,
            "agents": 1,
        }
        connection.execute(insert(PassageRow).values(texts | key))

    store.database.write(add).result()


def _write(connection: Connection, talk: Talk) -> list[int]:
    seq = sum(1 + (said.action is not None) for said in talk.said)
    row: dict[str, Any] = {
        "id": talk.id,
        "owner": talk.owner,
        "status": "bot",
        "language": talk.language,
        "created_at": talk.begun,
    }
    ended = talk.begun + sum((one.after + timedelta(seconds=one.action is not None) for one in talk.said), timedelta())
    row |= {"updated_at": ended, "last_seq": seq} | dict(talk.more)
    connection.execute(insert(ConversationRow).values(row))
    moment, number, replies = talk.begun, 0, []
    for said in talk.said:
        moment, number = moment + said.after, number + 1
        _message(connection, talk.id, number, "customer", said.text, moment)
        if said.action is not None:
            moment, number = moment + timedelta(seconds=1), number + 1
            made = _message(connection, talk.id, number, "bot", "A reply.", moment)
            _reply(connection, talk, said, made, number - 1)
            replies.append(made)
    for stay in talk.stays:
        connection.execute(insert(HandoverRow).values(_stay(talk, stay)))
    return replies


def _message(connection: Connection, key: str, seq: int, role: str, text: str, moment: datetime) -> int:
    row = {"conversation_id": key, "seq": seq, "role": role, "text": text, "created_at": moment}
    return int(connection.execute(insert(MessageRow).values(row).returning(MessageRow.id)).scalar_one())


def _reply(connection: Connection, talk: Talk, said: Said, message_id: int, answers_seq: int) -> None:
    row = {"message_id": message_id, "conversation_id": talk.id, "answers_seq": answers_seq, "action": said.action}
    row |= {"reason": said.reason, "confidence": 0.5, "offered": False, "mode": "precedent", "partial": False}
    row |= {
        "language": talk.language or "en",
        "query": said.query,
        "asked": said.asked,
        "quick_replies": [],
        "checks": [],
    }
    row |= {"degraded": list(said.degraded), "timings_ms": {}, "first_ms": said.first_ms}
    connection.execute(insert(ReplyRow).values(row))
    if said.passage:
        source = source_values([Source(said.passage, "t", 1, "q", "a", 0.9)])
        connection.execute(insert(SourceRow), [{"message_id": message_id} | one for one in source])
    if said.thumb:
        verdict = {"message_id": message_id, "thumb": said.thumb, "created_at": talk.begun}
        connection.execute(insert(FeedbackRow).values(verdict))


def _stay(talk: Talk, stay: Stay) -> dict[str, Any]:
    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else talk.begun + timedelta(seconds=seconds)

    row = {"conversation_id": talk.id, "asked_at": at(stay.asked_s), "taken_at": at(stay.taken_s)}
    return row | {"ended_at": at(stay.ended_s), "reason": stay.reason, "contact": stay.contact}


def seqs(store: Store, conversation: str) -> list[int]:
    """The numbers of a conversation's messages."""
    query = select(MessageRow.seq).where(MessageRow.conversation_id == conversation).order_by(MessageRow.seq)
    return store.database.read(lambda c: list(c.scalars(query))).result()
