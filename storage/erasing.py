"""What of the tables goes with a conversation, counted and deleted; must not know receipts, files or who asked.

Which tables hang on a conversation is read from the tables themselves, so that a new one is counted without being named here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, column, delete, func, or_, select, table, tuple_

from chatbot.types import CORRECTION
from storage.desk_tables import ConfidenceLabelRow, CorrectionRow
from storage.retiring import count_change
from storage.tables import ConversationRow, MessageRow, PassageRow, Rows, SourceRow, TranscriptRow

CHUNK = 50  # conversations a transaction, so that a chat's write never waits long
QUOTES = "quotes elsewhere"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to go: live conversations by id, past ones by (source, id), corrections by id."""

    conversations: tuple[str, ...] = ()
    transcripts: tuple[tuple[str, str], ...] = ()
    corrections: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conversations or self.transcripts or self.corrections)

    def without(self, conversations: Collection[str]) -> Scope:
        """The same without these, and without the past conversations that are copies of them."""
        return Scope(
            tuple(each for each in self.conversations if each not in conversations),
            tuple(each for each in self.transcripts if each[1] not in conversations),
            self.corrections,
        )

    def __or__(self, other: Scope) -> Scope:
        return Scope(
            tuple(dict.fromkeys(self.conversations + other.conversations)),
            tuple(dict.fromkeys(self.transcripts + other.transcripts)),
            tuple(dict.fromkeys(self.corrections + other.corrections)),
        )

    def parts(self) -> set[object]:
        return {*self.conversations, *self.transcripts, *self.corrections}

    def beyond(self, known: Collection[object]) -> Scope:
        """What of it is none of the known parts."""
        return Scope(
            tuple(each for each in self.conversations if each not in known),
            tuple(each for each in self.transcripts if each not in known),
            tuple(each for each in self.corrections if each not in known),
        )

    def chunks(self) -> list[Scope]:
        """The same in pieces, each for one transaction; a correction goes with its transcript, newer ones (an edit) before older
        ones, and all before the conversation that led to them."""
        newest = sorted(self.corrections, reverse=True)
        theirs = {_transcript_of(each) for each in newest}
        others = [each for each in self.transcripts if each not in theirs]
        return [
            *(Scope((), tuple(map(_transcript_of, part)), part) for part in _pieces(newest)),
            *(Scope(transcripts=part) for part in _pieces(others)),
            *(Scope(part) for part in _pieces(self.conversations)),
        ]


def widen(connection: Connection, scope: Scope, *, corrections: bool) -> Scope:
    """Adds what was made of the conversations: transcripts of the same id (an export that was imported again) and, if wished,
    the answers that the team wrote because of them, which are past conversations too."""
    transcripts, found = dict.fromkeys(scope.transcripts), dict.fromkeys(scope.corrections)
    for part in _pieces(scope.conversations):
        copies = select(TranscriptRow.source, TranscriptRow.external_id).where(TranscriptRow.external_id.in_(part))
        transcripts |= dict.fromkeys((row.source, row.external_id) for row in connection.execute(copies))
        if corrections:
            said = select(MessageRow.id).where(MessageRow.conversation_id.in_(part))
            because = or_(CorrectionRow.conversation_id.in_(part), CorrectionRow.message_id.in_(said))
            found |= dict.fromkeys(connection.execute(select(CorrectionRow.id).where(because)).scalars())
    if found:
        found |= dict.fromkeys(_edits_of(connection, found))
    transcripts |= dict.fromkeys(map(_transcript_of, found))
    return Scope(scope.conversations, tuple(transcripts), tuple(found))


def count(connection: Connection, scope: Scope) -> Counter[str]:
    """Rows by table that `erase` would delete."""
    counts: Counter[str] = Counter()
    for part in scope.chunks():
        for root, condition in _roots(part):
            counts += _count_under(connection, root, condition)
        if part.corrections:  # a label hangs on the correction and on the reply, and is counted there
            labels = ConfidenceLabelRow.correction_id.in_(part.corrections) & ConfidenceLabelRow.message_id.is_not(None)
            twice = select(func.count()).select_from(ConfidenceLabelRow).where(labels)
            counts[ConfidenceLabelRow.__tablename__] -= connection.execute(twice).scalar_one()
        if part.transcripts:
            counts[QUOTES] += connection.execute(
                select(func.count()).select_from(SourceRow).where(_quotes(part.transcripts))
            ).scalar_one()
    return +counts


def written_since(connection: Connection, chunk: Scope, known: Collection[object]) -> Scope:
    """What hangs on a chunk's conversations and answers and is not `known`: it must go before them. Where there is none, none
    comes until the transaction ends: who teaches something meanwhile waits, and finds them gone."""
    if chunk.corrections:
        count_change(connection)
    if chunk.conversations:
        these = select(ConversationRow.id).where(ConversationRow.id.in_(chunk.conversations))
        connection.execute(these.order_by(ConversationRow.id).with_for_update()).all()
    return widen(connection, chunk, corrections=True).beyond(known)


def erase(connection: Connection, scope: Scope) -> Counter[str]:
    """Deletes one chunk and returns the rows by table. What hangs on the rows goes by cascade, search terms by trigger or cascade.

    Answers of an erased past conversation that other replies quote as their source are deleted there too. An answer that a
    correction had superseded stays retired (`retirements` outlive the correction): it was wrong.
    """
    counts: Counter[str] = Counter()
    if scope.transcripts:
        counts[QUOTES] = connection.execute(delete(SourceRow).where(_quotes(scope.transcripts))).rowcount
    if scope.transcripts:
        count_change(connection)
    for root, condition in _roots(scope):
        counts += _count_under(connection, root, condition)
        connection.execute(delete(root).where(condition))
    return +counts


def erase_if(connection: Connection, scope: Scope, still: ColumnElement[bool]) -> tuple[Counter[str], set[str]]:
    """`erase` for those of a chunk's conversations for which `still` holds now; the rows by table, and who stayed.

    Their rows are locked first: who writes to one of them comes before, and it stays, or after, and finds it gone.
    """
    query = select(ConversationRow.id).where(ConversationRow.id.in_(scope.conversations), still)
    locked = tuple(connection.execute(query.order_by(ConversationRow.id).with_for_update()).scalars())
    return erase(connection, Scope(locked)), set(scope.conversations).difference(locked)


def _roots(scope: Scope) -> list[tuple[Table, ColumnElement[bool]]]:
    roots: list[tuple[Table, ColumnElement[bool]]] = []
    if scope.corrections:
        roots.append((_table(CorrectionRow), CorrectionRow.id.in_(scope.corrections)))
    if scope.transcripts:
        roots.append((_table(TranscriptRow), _these(scope.transcripts)))
    if scope.conversations:
        roots.append((_table(ConversationRow), ConversationRow.id.in_(scope.conversations)))
    return roots


def _count_under(connection: Connection, root: Table, condition: ColumnElement[bool]) -> Counter[str]:
    """The root's rows, and those of every table that a cascade from them reaches."""
    found: dict[Table, ColumnElement[bool]] = {root: condition}
    for each in Rows.metadata.sorted_tables:
        paths = [
            key.parent.in_(select(key.column).where(found[key.column.table]))
            for key in each.foreign_keys
            if key.ondelete == "CASCADE" and key.column.table in found and key.column.table is not each
        ]
        if paths:
            found[each] = or_(*paths)
    counts = Counter[str]()
    for each, matching in found.items():
        counts[each.name] = connection.execute(select(func.count()).select_from(each).where(matching)).scalar_one()
        if each.name in _SEARCHED:
            counts[f"{_SEARCHED[each.name]} entries"] = _count_terms(connection, each, matching)
    return counts


_SEARCHED = {"messages": "message_search", "transcripts": "transcript_search"}


def _count_terms(connection: Connection, of: Table, matching: ColumnElement[bool]) -> int:
    key: Any = column("rowid" if connection.dialect.name == "sqlite" else "id")
    terms = table(_SEARCHED[of.name])
    rows = select(of.c.id).where(matching)
    return int(connection.execute(select(func.count()).select_from(terms).where(key.in_(rows))).scalar_one())


def _quotes(transcripts: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    passages = select(PassageRow.passage_id).join(TranscriptRow, TranscriptRow.id == PassageRow.transcript_id)
    corrections = [each for source, each in transcripts if source == CORRECTION]
    return SourceRow.passage_id.in_(passages.where(_these(transcripts))) | SourceRow.transcript_id.in_(corrections)


def _edits_of(connection: Connection, corrections: Iterable[int]) -> list[int]:
    """Edits of these answers, and edits of edits: they hold the same question. Other customers' corrections are their own."""
    rows = connection.execute(
        select(CorrectionRow.id, CorrectionRow.kind, CorrectionRow.passage_id, CorrectionRow.replaced)
    ).all()
    known = set(corrections)
    passages = {row.passage_id for row in rows if row.id in known}
    edits = []
    for row in sorted(rows, key=lambda row: row.id):
        if row.kind == "edit" and row.id not in known and not passages.isdisjoint(row.replaced):
            edits.append(row.id)
            passages.add(row.passage_id)
    return edits


def _transcript_of(correction: int) -> tuple[str, str]:
    return CORRECTION, f"{CORRECTION}-{correction}"


def _these(transcripts: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    return tuple_(TranscriptRow.source, TranscriptRow.external_id).in_(transcripts)


def _table(row: type[Rows]) -> Table:
    found = row.__table__
    assert isinstance(found, Table)
    return found


def _pieces(items: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [tuple(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]
