"""Whose data is meant: from an owner, a conversation, an address or a transcript to what is kept; must not know erasing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from chatbot.errors import BadInput, NotFound
from storage.erasing import Scope
from storage.ledger import LIVE, Doomed
from storage.search import find, overlap
from storage.staging import is_live
from storage.tables import ConversationRow, MessageRow, TranscriptRow, TurnRow
from storage.terms import query_terms

SHOWN = 50
_SNIPPET = 160


class By(StrEnum):
    """How a person is named. OWNER: the hash of the cookie or token; EMAIL: the address that he left with a conversation."""

    OWNER = "owner"
    CONVERSATION = "conversation"
    EMAIL = "email"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data. `source` is for a transcript only."""

    by: By
    value: str
    source: str = LIVE

    def check(self) -> Subject:
        """Itself; raises BadInput when it names nobody."""
        if not self.value.strip():
            raise BadInput(f"The {self.by.value} is empty; say whose data is meant.")
        return self


@dataclass(frozen=True, slots=True)
class Candidate:
    """A conversation that may be the person's, and why it is shown. `owner` is empty for a past conversation."""

    source: str
    conversation: str
    owner: str
    why: str
    text: str
    updated_at: datetime | None
    conversations_of_owner: int


def scope_of(connection: Connection, subject: Subject) -> Scope:
    """Everything that is the person's for certain. Raises NotFound when nothing is."""
    scope = _scope_of(connection, subject.check())
    if not scope:
        raise NotFound(f"Nothing is kept under this {subject.by.value}; search for it to see what is.")
    return scope


def _scope_of(connection: Connection, subject: Subject) -> Scope:
    value = subject.value.strip()
    if subject.by is By.TRANSCRIPT:
        rows = select(TranscriptRow.id).where(
            TranscriptRow.source == subject.source, TranscriptRow.external_id == value
        )
        return Scope(transcripts=((subject.source, value),) if connection.execute(rows).first() else ())
    if subject.by is By.EMAIL:
        of: ColumnElement[bool] = ConversationRow.owner.in_(select(ConversationRow.owner).where(_left_address(value)))
    else:
        of = (ConversationRow.owner if subject.by is By.OWNER else ConversationRow.id) == value
    return Scope(tuple(connection.execute(select(ConversationRow.id).where(of).order_by(ConversationRow.id)).scalars()))


def _left_address(address: str) -> ColumnElement[bool]:
    return func.lower(ConversationRow.contact) == address.lower()


def search(connection: Connection, text: str, limit: int = SHOWN) -> list[Candidate]:
    """Conversations that may be a person's: by owner, id, address left, then by words in messages and past conversations.

    It finds; what is erased is always named by its id or owner afterwards.
    """
    asked = text.strip()
    if not asked:
        raise BadInput("Say whom to look for: an address, an order number, a name, a conversation's id or an owner.")
    found: dict[tuple[str, str], Candidate] = {}
    exact: tuple[tuple[str, ColumnElement[bool]], ...] = (
        ("owner", ConversationRow.owner == asked),
        ("conversation", ConversationRow.id == asked),
        ("address left", _left_address(asked)),
    )
    for why, which in exact:
        rows = select(ConversationRow.__table__).where(which).order_by(ConversationRow.updated_at.desc()).limit(limit)
        _add(found, (_candidate(connection, row, why, "") for row in connection.execute(rows).all()))
    _add(found, _by_words(connection, asked, limit))
    _add(found, _past(connection, asked, limit))
    return list(found.values())[:limit]


def marked(connection: Connection, doomed: Doomed) -> Scope:
    """The conversations and transcripts that are here although these erasures cover them."""
    live = connection.execute(select(ConversationRow.id)).scalars()
    past = connection.execute(select(TranscriptRow.source, TranscriptRow.external_id).distinct())
    return Scope(
        tuple(each for each in live if doomed(LIVE, each)),
        tuple((row.source, row.external_id) for row in past if doomed(row.source, row.external_id)),
    )


def _add(found: dict[tuple[str, str], Candidate], more: Iterable[Candidate]) -> None:
    for each in more:
        found.setdefault((each.source, each.conversation), each)


def _by_words(connection: Connection, text: str, limit: int) -> Sequence[Candidate]:
    hits = {hit.id: hit.score for hit in find(connection, "message", text, limit)}
    rows = connection.execute(
        select(ConversationRow.__table__, MessageRow.text, MessageRow.id.label("message"))
        .join(MessageRow, MessageRow.conversation_id == ConversationRow.id)
        .where(MessageRow.id.in_(hits))
    ).all()
    best = sorted(rows, key=lambda row: -hits[row.message])
    return [_candidate(connection, row, "message", row.text) for row in best]


def _past(connection: Connection, text: str, limit: int) -> list[Candidate]:
    terms = query_terms(text)
    live = select(TranscriptRow.id).where(is_live()).compile(connection, compile_kwargs={"literal_binds": True})
    hits = [hit.id for hit in find(connection, "transcript", text, limit, f"id IN ({live})")]
    heads = connection.execute(select(TranscriptRow.__table__).where(TranscriptRow.id.in_(hits))).all()
    candidates = []
    for head in sorted(heads, key=lambda row: hits.index(row.id)):
        turns = connection.execute(
            select(TurnRow.text).where(TurnRow.transcript_id == head.id).order_by(TurnRow.position)
        ).scalars()
        said = max(turns, key=lambda turn: overlap(turn, terms), default="")
        candidates.append(Candidate(head.source, head.external_id, "", "past conversation", said[:_SNIPPET], None, 0))
    return candidates


def _candidate(connection: Connection, row: Any, why: str, text: str) -> Candidate:
    others = select(func.count()).select_from(ConversationRow).where(ConversationRow.owner == row.owner)
    return Candidate(
        LIVE, row.id, row.owner, why, text[:_SNIPPET], row.updated_at, int(connection.execute(others).scalar_one())
    )
