"""What the assistant knows, for admins and for a running index: passages, what people retire and give back. Must not know pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, func, select

from chatbot.errors import BadInput, Conflict
from chatbot.types import CORRECTION, Changes, Passage
from storage import entries
from storage.audit import Actor, record
from storage.checks import check_text, utc
from storage.databases import Database
from storage.desk_tables import CorrectionRow, KnowledgeStateRow, RetirementRow
from storage.entries import Entry, EntryPage, Facts, Wanted, live, passage_of
from storage.inheriting import inherited
from storage.people import User
from storage.retiring import count_change, lift, retire, writer_of
from storage.staging import in_use
from storage.tables import PassageRow, TranscriptRow

T = TypeVar("T")


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

    def inherited(self) -> Sequence[Passage]:
        """The team's answers under the questions of what they replaced; an index holds them beside the passages themselves."""
        return self.database.read(inherited).result().passages

    def retired(self) -> Iterator[Passage]:
        """Passages that are retired and still kept: whatever they stand for is retired with them."""
        yield from self.database.read(_retired).result()

    async def page(self, wanted: Wanted) -> EntryPage:
        """Newest first, by keyset. Raises BadInput."""
        check_text(wanted.words, "search")
        return await self._read(lambda c: entries.page(c, wanted))

    async def entry(self, passage_id: str) -> Entry:
        """Raises NotFound."""
        return await self._read(lambda c: entries.entry(c, passage_id))

    async def facts(self) -> Facts:
        """Counts everything: a second for a million passages."""
        return await self._read(entries.facts)

    async def imported_since(self, moment: datetime) -> int:
        """How many passages imports have brought since; an index that was built then knows none of them."""
        return await self._read(lambda c: entries.imported_since(c, moment))

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
    found = live().where(in_use(), written | PassageRow.passage_id.in_(given_back)).order_by(PassageRow.id)
    taken_over = inherited(connection)
    return Changes(
        gone=taken_over.past.union(connection.execute(gone).scalars()),
        retired=tuple(_retired(connection)),
        added=(*(passage_of(row) for row in connection.execute(found)), *taken_over.passages),
    )


def _retired(connection: Connection) -> list[Passage]:
    standing = select(RetirementRow.passage_id).where(RetirementRow.lifted_at.is_(None))
    found = live().where(PassageRow.passage_id.in_(standing), ~in_use()).order_by(PassageRow.id)
    return [passage_of(row) for row in connection.execute(found)]


# --- changes by hand -------------------------------------------------------------------------------------


def _retire(connection: Connection, user: User, actor: Actor, passage_id: str, at: datetime | None) -> Entry:
    by, now = writer_of(user), datetime.now(UTC)
    moment = utc(at) if at else now
    if at and moment < now:
        raise BadInput(f"{moment:%Y-%m-%d %H:%M} UTC has passed; choose a later moment, or retire it now.")
    count_change(connection)
    entry = entries.entry(connection, passage_id)
    if entry.retired_at is not None and entry.retired_at <= moment:
        raise Conflict(f"{entry.retired_by or 'Somebody'} has retired this already.")
    retire(connection, [passage_id], by, moment)
    record(connection, actor, "knowledge.retire", f"passage:{passage_id}", {"at": moment.isoformat()})
    return entries.entry(connection, passage_id)


def _lift(connection: Connection, user: User, actor: Actor, passage_id: str) -> Entry:
    by = writer_of(user)
    count_change(connection)
    entry = entries.entry(connection, passage_id)
    if entry.retired_at is None:
        raise Conflict("This is in use already.")
    if entry.replaced_by is not None:
        raise Conflict(f"{entry.retired_by} has replaced this by another answer; undo that correction instead.")
    if _is_undone(connection, passage_id):
        raise Conflict("This answer has been undone; write it anew.")
    lift(connection, RetirementRow.passage_id == passage_id, by)
    record(connection, actor, "knowledge.lift", f"passage:{passage_id}")
    return entries.entry(connection, passage_id)


def _is_undone(connection: Connection, passage_id: str) -> bool:
    undone = select(CorrectionRow.id).where(
        CorrectionRow.passage_id == passage_id, CorrectionRow.undone_at.is_not(None)
    )
    return connection.execute(undone).first() is not None
