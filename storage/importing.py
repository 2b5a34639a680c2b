"""One import of one file: staged in small transactions, made visible in one; must not know file formats."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from pysqlite3 import dbapi2
from sqlalchemy import ColumnElement, Connection, Select, delete, insert, select, update

from chatbot.errors import BadInput, Busy, ChatbotError, Conflict
from chatbot.types import Passage, Transcript
from storage.databases import Database
from storage.retiring import carry_over
from storage.staging import Staged, drop_some, live_version, prepare, write_staged
from storage.tables import ImportRow, TranscriptRow

GROUP = 100  # transcripts a transaction
_GROUP_CHARS = 1_000_000
_LOCK_WAIT_S = 5.0

Outcome = Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did, in conversations."""

    new: int = 0
    changed: int = 0
    same: int = 0


class Batch:
    """Lives as long as its import, in one thread. Nothing of it is visible before `commit`."""

    def __init__(self, database: Database, import_id: int) -> None:
        self._database = database
        self._import_id = import_id
        self._group: list[Staged] = []
        self._seen = _Seen()
        self.counts = ImportCounts()
        self.committed = False

    def add(self, transcript: Transcript, passages: Sequence[Passage]) -> Outcome:
        """Stages one conversation; what it tells is against the live version.

        Raises BadInput, and leaves the import usable, for text that no database can hold and for an id that this file
        has already used for another conversation. Raises StorageError when the database fails: the import is lost.
        """
        staged = prepare(transcript, passages)
        earlier = self._seen.remember(transcript.source, transcript.id, staged.content_hash)
        if earlier not in {None, staged.content_hash}:
            raise BadInput(
                f"The id {transcript.id!r} occurs twice in this file with different content; the first stays."
            )
        live = self._database.read(lambda c: live_version(c, transcript.source, transcript.id)).result()
        if earlier is not None or (live is not None and live[1] == staged.content_hash):
            self.counts = replace(self.counts, same=self.counts.same + 1)
            return "same"
        outcome: Outcome = "new" if live is None else "changed"
        self._group.append(staged if live is None else replace(staged, replaces=live[0]))
        if len(self._group) >= GROUP or sum(len(waiting.terms_of) for waiting in self._group) >= _GROUP_CHARS:
            self._flush()
        if outcome == "new":
            self.counts = replace(self.counts, new=self.counts.new + 1)
        else:
            self.counts = replace(self.counts, changed=self.counts.changed + 1)
        return outcome

    def commit(self) -> ImportCounts:
        """Makes all that was added visible at once. What it replaces is erased afterwards, in small steps."""
        self._flush()
        self._database.write(lambda c: _finish(c, self._import_id, self.counts)).result()
        self.committed = True
        _drop(self._database, TranscriptRow.replaced_by == self._import_id)
        return self.counts

    def close(self) -> None:
        """Forgets the ids that it has seen."""
        self._seen.close()

    def _flush(self) -> None:
        group, self._group = self._group, []
        if group:
            self._database.write(lambda c: write_staged(c, self._import_id, group)).result()


class _Seen:
    """The ids that one file has used, on disk: a 2 GB export may hold millions."""

    def __init__(self) -> None:
        self._rows = dbapi2.connect("")  # a private temporary file, https://www.sqlite.org/inmemorydb.html
        self._rows.execute("CREATE TABLE seen (source, id, hash, PRIMARY KEY (source, id)) WITHOUT ROWID")

    def remember(self, source: str, external_id: str, content_hash: str) -> str | None:
        """The hash under which this id was seen before, or None."""
        key = (source, external_id)
        row = self._rows.execute("SELECT hash FROM seen WHERE source = ? AND id = ?", key).fetchone()
        if row is None:
            self._rows.execute("INSERT INTO seen VALUES (?, ?, ?)", (*key, content_hash))
            return None
        return str(row[0])

    def close(self) -> None:
        self._rows.close()


@contextlib.contextmanager
def importing(database: Database, file: str, format: str) -> Iterator[Batch]:
    """See `Transcripts.importing`."""
    with database.alone(_LOCK_WAIT_S) as alone:
        if not alone:
            raise Busy("Another import runs on this database: wait until it is done.")
        import_id = database.write(lambda c: _begin(c, file, format)).result()
        batch = Batch(database, import_id)
        try:
            yield batch
        finally:
            batch.close()
            if not batch.committed:
                # What cannot be erased now is erased at the next start; the first error is the one to tell.
                with contextlib.suppress(ChatbotError):
                    _discard(database, import_id)


def clean_leftovers(database: Database) -> int:
    """Erases what imports left that were killed, unless one is running; returns how many imports that were."""
    unfinished = select(ImportRow.id).where(ImportRow.finished_at.is_(None))
    finished = select(ImportRow.id).where(ImportRow.finished_at.is_not(None))
    with database.alone(0) as alone:
        if not alone:
            return 0
        left = database.read(lambda c: list(c.execute(unfinished).scalars())).result()
        for import_id in left:
            _discard(database, import_id)
        if database.read(lambda c: c.execute(_one(TranscriptRow.replaced_by.in_(finished))).first()).result():
            _drop(database, TranscriptRow.replaced_by.in_(finished))
        return len(left)


def _one(which: ColumnElement[bool]) -> Select[int]:
    return select(TranscriptRow.id).where(which).limit(1)


def _begin(connection: Connection, file: str, format: str) -> int:
    values = {"file": file, "format": format, "started_at": datetime.now(UTC), "new": 0, "changed": 0, "same": 0}
    return int(connection.execute(insert(ImportRow).values(values).returning(ImportRow.id)).scalar_one())


def _finish(connection: Connection, import_id: int, counts: ImportCounts) -> None:
    done = connection.execute(
        update(ImportRow)
        .where(ImportRow.id == import_id)
        .values(finished_at=datetime.now(UTC), new=counts.new, changed=counts.changed, same=counts.same)
    )
    if done.rowcount != 1:
        raise Conflict("This import was cleaned away by another program; run it again.")
    carry_over(connection, import_id)


def finished_import(connection: Connection, format: str) -> int:
    """The one import that stands for what people write here, made at its first use; the caller sees to it that two do not race."""
    first = select(ImportRow.id).where(ImportRow.format == format, ImportRow.finished_at.is_not(None))
    found = connection.execute(first.order_by(ImportRow.id).limit(1)).scalar()
    if found is not None:
        return int(found)
    made = _begin(connection, "written by the team", format)
    _finish(connection, made, ImportCounts())
    return made


def _discard(database: Database, import_id: int) -> None:
    _drop(database, TranscriptRow.import_id == import_id)
    database.write(lambda c: c.execute(delete(ImportRow).where(ImportRow.id == import_id)), cleaning=True).result()


def _drop(database: Database, which: ColumnElement[bool]) -> None:
    while database.write(lambda c: drop_some(c, which), cleaning=True).result():
        pass
