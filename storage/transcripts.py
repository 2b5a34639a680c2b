"""The past, for scripts: imports, passages, transcripts; blocking calls. Must not know file formats."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from chatbot.types import Origin, Passage, Role, Transcript, Turn
from storage import importing
from storage.databases import Database
from storage.importing import Batch
from storage.staging import PASSAGE_FIELDS, count_of, in_use, is_live
from storage.tables import PassageRow, TranscriptRow, TurnRow


@dataclass(frozen=True, slots=True)
class Counts:
    """What is live."""

    transcripts: int
    passages: int


@dataclass(frozen=True, slots=True)
class Transcripts:
    """Lives as long as the store; any thread may call. Everything read is live: imported whole, not replaced."""

    database: Database

    def importing(self, file: str, format: str) -> contextlib.AbstractContextManager[Batch]:
        """One import: `add` what the file holds, then `commit`. Chats go on meanwhile.

        Leaving it without `commit`, an exception or a kill leaves nothing visible. Raises Busy beside another import.
        """
        return importing.importing(self.database, file, format)

    def clean_leftovers(self) -> int:
        """Erases what killed imports left behind; returns how many those were. `open_store` calls it."""
        return importing.clean_leftovers(self.database)

    def passages(self) -> Iterator[Passage]:
        """Live passages that are not retired, in the order in which they came in; from one state of the database."""
        return (passage for passage, _ in self.signed_passages())

    def signed_passages(self) -> Iterator[tuple[Passage, str | None]]:
        """The same, each with the name of the agent who gave the answer, where the export told it."""
        with self.database.stream() as connection:
            rows = connection.execute(
                select(PassageRow.__table__, TurnRow.author)
                .join(TranscriptRow, TranscriptRow.id == PassageRow.transcript_id)
                .outerjoin(
                    TurnRow,
                    (TurnRow.transcript_id == PassageRow.transcript_id) & (TurnRow.position == PassageRow.turn_id),
                )
                .where(is_live(), in_use())
                .order_by(PassageRow.id)
            )
            for row in rows:
                values = {name: getattr(row, name) for name in PASSAGE_FIELDS}
                yield Passage(id=row.passage_id, **values), row.author

    def transcripts(self) -> Iterator[Transcript]:
        """Live transcripts with all turns, in the order in which they came in; from one state of the database."""
        with self.database.stream() as connection:
            rows = connection.execute(
                select(TranscriptRow.__table__, TurnRow.position, TurnRow.role, TurnRow.text)
                .add_columns(TurnRow.time, TurnRow.author)
                .outerjoin(TurnRow, TurnRow.transcript_id == TranscriptRow.id)
                .where(is_live())
                .order_by(TranscriptRow.id, TurnRow.position)
            )
            yield from _gather(rows)

    def counts(self) -> Counts:
        """How much is live."""
        return self.database.read(
            lambda c: Counts(transcripts=count_of(c, TranscriptRow), passages=count_of(c, PassageRow))
        ).result()


def _gather(rows: Any) -> Iterator[Transcript]:
    head: Row[Any] | None = None
    turns: list[Turn] = []
    for row in rows:
        if head is not None and row.id != head.id:
            yield _transcript(head, turns)
            turns = []
        head = row
        if row.position is not None:
            turns.append(Turn(Role(row.role), row.text, row.time, row.author))
    if head is not None:
        yield _transcript(head, turns)


def _transcript(row: Row[Any], turns: list[Turn]) -> Transcript:
    return Transcript(
        id=row.external_id,
        source=row.source,
        turns=tuple(turns),
        language=row.language,
        topic=row.topic,
        status=row.status,
        csat=row.csat,
        tags=tuple(row.tags),
        meta=row.meta,
        origin=None if row.file is None else Origin(row.file, row.line),
    )
