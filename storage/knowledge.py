"""What the assistant knows, for admins and for a running index: passages with their use, retired or not. Must not know pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, false, func, select

from chatbot.errors import BadInput, Conflict, NotFound
from chatbot.types import CORRECTION, Changes, Passage
from storage.audit import Actor, record
from storage.checks import check_text, utc
from storage.databases import Database
from storage.desk_tables import CorrectionRow, KnowledgeStateRow, RetirementRow
from storage.people import User
from storage.retiring import count_change, lift, retire, writer_of
from storage.search import matching_ids
from storage.staging import PASSAGE_FIELDS, in_use, is_live
from storage.tables import MessageRow, PassageRow, SourceRow, TranscriptRow
from storage.terms import document_terms, query_terms

T = TypeVar("T")
State = Literal["in use", "retired", "all"]
MOST = 200
_SCANNED = 5_000  # passages of matching conversations that one page reads at most


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as the page lists it. key: its place in the list. used: replies that it was a source of, last of them `last_used`.

    retired_at may lie ahead; retired_by and `replaced_by` (a correction's id) tell who did it and for which answer.
    """

    key: int
    passage: Passage
    used: int
    last_used: datetime | None
    retired_at: datetime | None = None
    retired_by: str | None = None
    replaced_by: int | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which passages. words: all of them must stand in the passage; the last may be unfinished."""

    words: str = ""
    state: State = "in use"
    source: str | None = None
    language: str | None = None
    after: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class EntryPage:
    """after: what to ask for next, None at the end."""

    entries: tuple[Entry, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """How much there is: live passages in use by (source, language), and how many are retired."""

    by_kind: Mapping[tuple[str, str], int]
    retired: int


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Lives as long as the store. `stamp`, `changes` and `retired` block: any thread may call; the rest is for event loops."""

    database: Database

    def stamp(self) -> Hashable:
        """Differs when people have changed the knowledge, or a retirement has fallen due. One small query."""
        return self.database.read(_stamp).result()

    def changes(self) -> Changes:
        """All that people have changed; small, however much is known. Raises StorageError."""
        return self.database.read(_changes).result()

    def retired(self) -> Iterator[Passage]:
        """Passages that are retired and still kept: whatever they stand for is retired with them."""
        yield from self.database.read(_retired).result()

    async def page(self, wanted: Wanted) -> EntryPage:
        """Newest first, by keyset. Raises BadInput."""
        check_text(wanted.words, "search")
        return await self._read(lambda c: _page(c, wanted))

    async def entry(self, passage_id: str) -> Entry:
        """Raises NotFound."""
        return await self._read(lambda c: _entry(c, passage_id))

    async def facts(self) -> Facts:
        """Counts everything: a second for a million passages."""
        return await self._read(_facts)

    async def retire(self, user: User, actor: Actor, passage_id: str, at: datetime | None = None) -> Entry:
        """Takes a passage, and all near-duplicates that it stands for, out of the answers, now or from a later moment on.

        Raises NotFound, Conflict when it is retired already, BadInput for a moment in the past.
        """
        return await self._write(lambda c: _retire(c, user, actor, passage_id, at))

    async def lift(self, user: User, actor: Actor, passage_id: str) -> Entry:
        """Gives a passage back. Raises Conflict when a correction replaced it (undo that instead), NotFound."""
        return await self._write(lambda c: _lift(c, user, actor, passage_id))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.read(work))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.write(work))


# --- for a running index ---------------------------------------------------------------------------------


def _stamp(connection: Connection) -> Hashable:
    due = select(func.max(RetirementRow.at)).where(
        RetirementRow.lifted_at.is_(None), RetirementRow.at <= datetime.now(UTC)
    )
    row = connection.execute(select(KnowledgeStateRow.version, due.scalar_subquery().label("due"))).one()
    return row.version, row.due


def _changes(connection: Connection) -> Changes:
    gone = select(RetirementRow.passage_id).where(
        RetirementRow.lifted_at.is_(None), RetirementRow.at <= datetime.now(UTC)
    )
    given_back = select(RetirementRow.passage_id).where(RetirementRow.lifted_at.is_not(None))
    written = TranscriptRow.source == CORRECTION
    found = _live().where(in_use(), written | PassageRow.passage_id.in_(given_back)).order_by(PassageRow.id)
    return Changes(
        gone=frozenset(connection.execute(gone).scalars()),
        retired=tuple(_retired(connection)),
        added=tuple(_passage(row) for row in connection.execute(found)),
    )


def _retired(connection: Connection) -> list[Passage]:
    standing = select(RetirementRow.passage_id).where(RetirementRow.lifted_at.is_(None))
    found = _live().where(PassageRow.passage_id.in_(standing), ~in_use()).order_by(PassageRow.id)
    return [_passage(row) for row in connection.execute(found)]


def _live() -> Select[Any]:
    return (
        select(PassageRow.__table__).join(TranscriptRow, TranscriptRow.id == PassageRow.transcript_id).where(is_live())
    )


def _passage(row: Row[Any]) -> Passage:
    return Passage(id=row.passage_id, **{name: getattr(row, name) for name in PASSAGE_FIELDS})


# --- for the page ----------------------------------------------------------------------------------------


def _page(connection: Connection, wanted: Wanted) -> EntryPage:
    limit = max(1, min(wanted.limit, MOST))
    terms = query_terms(wanted.words)
    query = _live().where(*_conditions(connection, wanted, terms)).order_by(PassageRow.id.desc())
    rows: list[Row[Any]] = []
    read = 0
    for row in connection.execute(query.limit(_SCANNED if terms else limit + 1)):
        read += 1
        if not terms or _has(row, terms):
            rows.append(row)
        if len(rows) > limit:
            break
    entries = _entries(connection, rows[:limit])
    more = len(rows) > limit
    return EntryPage(tuple(entries), entries[-1].key if more else (row.id if read == _SCANNED else None))


def _conditions(connection: Connection, wanted: Wanted, terms: Sequence[str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.state == "in use":
        conditions.append(in_use())
    elif wanted.state == "retired":  # those that will be are shown too: somebody may want to stop it
        conditions.append(PassageRow.retired_at.is_not(None))
    if wanted.source:
        conditions.append(PassageRow.source == wanted.source)
    if wanted.language:
        conditions.append(PassageRow.language == wanted.language)
    if wanted.after is not None:
        conditions.append(PassageRow.id < wanted.after)
    if terms:
        conditions.append(PassageRow.transcript_id.in_(matching_ids(connection, "transcript", terms)))
    elif wanted.words.strip():  # nothing but signs, which nothing is found by
        conditions.append(false())
    return conditions


def _has(row: Row[Any], terms: Sequence[str]) -> bool:
    """Whether the passage itself has every term; its conversation has."""
    held = document_terms(f"{row.question}\n{row.answer}\n{row.topic or ''}\n{row.window}").split(" ")
    return set(terms[:-1]) <= set(held) and any(term.startswith(terms[-1]) for term in held)


def _entries(connection: Connection, rows: Sequence[Row[Any]]) -> list[Entry]:
    ids = [row.passage_id for row in rows]
    used = {
        found.passage_id: (found.times, found.last)
        for found in connection.execute(
            select(SourceRow.passage_id, func.count().label("times"), func.max(MessageRow.created_at).label("last"))
            .join(MessageRow, MessageRow.id == SourceRow.message_id)
            .where(SourceRow.passage_id.in_(ids))
            .group_by(SourceRow.passage_id)
        )
    }
    standing = select(RetirementRow.__table__).where(
        RetirementRow.passage_id.in_(ids), RetirementRow.lifted_at.is_(None)
    )
    retired = {found.passage_id: found for found in connection.execute(standing.order_by(RetirementRow.at.desc()))}
    authors = _authors(connection, [row.passage_id for row in rows if row.source == CORRECTION])
    return [
        Entry(
            key=row.id,
            passage=_passage(row),
            used=used.get(row.passage_id, (0, None))[0],
            last_used=used.get(row.passage_id, (0, None))[1],
            retired_at=row.retired_at,
            retired_by=retired[row.passage_id].agent if row.passage_id in retired else None,
            replaced_by=retired[row.passage_id].correction_id if row.passage_id in retired else None,
            author=authors.get(row.passage_id),
        )
        for row in rows
    ]


def _authors(connection: Connection, passages: Sequence[str]) -> dict[str, str]:
    query = select(CorrectionRow.passage_id, CorrectionRow.agent).where(CorrectionRow.passage_id.in_(passages))
    return {row.passage_id: row.agent for row in connection.execute(query)}


def _entry(connection: Connection, passage_id: str) -> Entry:
    rows = connection.execute(_live().where(PassageRow.passage_id == passage_id).limit(1)).all()
    if not rows:
        raise NotFound("There is no such passage; it may have been imported anew.")
    return _entries(connection, rows)[0]


def _facts(connection: Connection) -> Facts:
    counted = (
        select(PassageRow.source, PassageRow.language, func.count().label("held"))
        .join(TranscriptRow, TranscriptRow.id == PassageRow.transcript_id)
        .where(is_live(), in_use())
        .group_by(PassageRow.source, PassageRow.language)
    )
    standing = select(RetirementRow.passage_id).where(RetirementRow.lifted_at.is_(None))
    retired = (
        select(func.count())
        .select_from(PassageRow)
        .join(TranscriptRow, TranscriptRow.id == PassageRow.transcript_id)
        .where(is_live(), ~in_use(), PassageRow.passage_id.in_(standing))
    )
    return Facts(
        {(row.source, row.language): row.held for row in connection.execute(counted)},
        int(connection.execute(retired).scalar_one()),
    )


# --- changes by hand -------------------------------------------------------------------------------------


def _retire(connection: Connection, user: User, actor: Actor, passage_id: str, at: datetime | None) -> Entry:
    by, now = writer_of(user), datetime.now(UTC)
    moment = utc(at) if at else now
    if at and moment < now:
        raise BadInput(f"{moment:%Y-%m-%d %H:%M} UTC has passed; choose a later moment, or retire it now.")
    count_change(connection)
    entry = _entry(connection, passage_id)
    if entry.retired_at is not None and entry.retired_at <= moment:
        raise Conflict(f"{entry.retired_by or 'Somebody'} has retired this already.")
    retire(connection, [passage_id], by, moment)
    record(connection, actor, "knowledge.retire", f"passage:{passage_id}", {"at": moment.isoformat()})
    return _entry(connection, passage_id)


def _lift(connection: Connection, user: User, actor: Actor, passage_id: str) -> Entry:
    by = writer_of(user)
    count_change(connection)
    entry = _entry(connection, passage_id)
    if entry.retired_at is None:
        raise Conflict("This is in use already.")
    if entry.replaced_by is not None:
        raise Conflict(f"{entry.retired_by} has replaced this by another answer; undo that correction instead.")
    if _is_undone(connection, passage_id):
        raise Conflict("This answer has been undone; write it anew.")
    lift(connection, RetirementRow.passage_id == passage_id, by)
    record(connection, actor, "knowledge.lift", f"passage:{passage_id}")
    return _entry(connection, passage_id)


def _is_undone(connection: Connection, passage_id: str) -> bool:
    undone = select(CorrectionRow.id).where(
        CorrectionRow.passage_id == passage_id, CorrectionRow.undone_at.is_not(None)
    )
    return connection.execute(undone).first() is not None
