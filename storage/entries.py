"""The passages as the admin's page lists them, with use, authors and retirements. Reads only; must not know who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, false, func, select

from chatbot.errors import NotFound
from chatbot.types import CORRECTION, Passage
from storage.desk_tables import CorrectionRow, RetirementRow
from storage.search import matching_ids
from storage.staging import PASSAGE_FIELDS, in_use, is_live
from storage.tables import ImportRow, MessageRow, PassageRow, SourceRow, TranscriptRow
from storage.terms import document_terms, query_terms

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


def live() -> Select[Any]:
    return (
        select(PassageRow.__table__).join(TranscriptRow, TranscriptRow.id == PassageRow.transcript_id).where(is_live())
    )


def passage_of(row: Row[Any]) -> Passage:
    return Passage(id=row.passage_id, **{name: getattr(row, name) for name in PASSAGE_FIELDS})


def page(connection: Connection, wanted: Wanted) -> EntryPage:
    limit = max(1, min(wanted.limit, MOST))
    terms = query_terms(wanted.words)
    query = live().where(*_conditions(connection, wanted, terms)).order_by(PassageRow.id.desc())
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
            passage=passage_of(row),
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


def entry(connection: Connection, passage_id: str) -> Entry:
    rows = connection.execute(live().where(PassageRow.passage_id == passage_id).limit(1)).all()
    if not rows:
        raise NotFound("There is no such passage; it may have been imported anew.")
    return _entries(connection, rows)[0]


def facts(connection: Connection) -> Facts:
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


def imported_since(connection: Connection, moment: datetime) -> int:
    """Passages in use that imports have brought since."""
    return int(
        connection.execute(
            select(func.count())
            .select_from(PassageRow)
            .join(TranscriptRow, TranscriptRow.id == PassageRow.transcript_id)
            .join(ImportRow, ImportRow.id == TranscriptRow.import_id)
            .where(is_live(), in_use(), ImportRow.finished_at > moment, PassageRow.source != CORRECTION)
        ).scalar_one()
    )
