"""A transcript and its passages as rows, and how a group of them is written; must not know who waits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from chatbot.errors import BadInput
from chatbot.types import Passage, Transcript
from storage.checks import check_key, check_values, utc
from storage.search import add_terms, transcript_text
from storage.tables import ImportRow, PassageRow, TranscriptRow, TurnRow

TAKEN_OVER = ("asked_in", "found_by")  # never written: `storage.inheriting` tells what replaced another
PASSAGE_FIELDS = tuple(field.name for field in fields(Passage) if field.name not in ("id", *TAKEN_OVER))
_CHUNK = 200  # transcripts a transaction, so that a chat's write never waits long behind an import's


@dataclass(frozen=True, slots=True)
class Staged:
    """One transcript ready to be written; `replaces` is the row of the live version that it will take the place of."""

    transcript: dict[str, Any]
    turns: list[dict[str, Any]]
    passages: list[dict[str, Any]]
    terms_of: str
    content_hash: str
    replaces: int | None = None


def prepare(transcript: Transcript, passages: Sequence[Passage]) -> Staged:
    """Checks every text and makes the rows. Raises BadInput naming the file and the line."""
    try:
        return _prepare(transcript, passages)
    except BadInput as exc:
        origin = transcript.origin
        where = f"{origin.file}, line {origin.line}: " if origin else f"conversation {transcript.id!r}: "
        raise BadInput(where + str(exc)) from exc


def _prepare(transcript: Transcript, passages: Sequence[Passage]) -> Staged:
    check_key(transcript.id, "conversation's id")
    check_key(transcript.source, "source's name")
    row = {
        "source": transcript.source,
        "external_id": transcript.id,
        "language": transcript.language,
        "topic": transcript.topic,
        "status": transcript.status,
        "csat": transcript.csat,
        "tags": list(transcript.tags),
        "meta": _plain_json(transcript.meta),
    }
    turns = [
        {"position": at, "role": t.role.value, "text": t.text, "time": t.time and utc(t.time), "author": t.author}
        for at, t in enumerate(transcript.turns)
    ]
    distilled = [_passage_values(passage) for passage in passages]
    check_values([row, turns, distilled], "conversation")
    content = json.dumps([row, turns, distilled], sort_keys=True, default=str).encode()
    origin = {
        "file": transcript.origin and transcript.origin.file,
        "line": transcript.origin and transcript.origin.line,
    }
    content_hash = hashlib.sha256(content).hexdigest()
    return Staged(
        row | origin | {"content_hash": content_hash}, turns, distilled, transcript_text(transcript), content_hash
    )


def _passage_values(passage: Passage) -> dict[str, Any]:
    values = {name: getattr(passage, name) for name in PASSAGE_FIELDS}
    values["passage_id"] = check_key(passage.id, "passage's id")
    for name in ("resolved_at", "last_seen"):
        values[name] = values[name] and utc(values[name])
    return values


def _plain_json(meta: object) -> Any:
    try:
        return json.loads(json.dumps(meta, default=str, allow_nan=False))
    except ValueError as exc:
        raise BadInput("its extra fields hold a number that JSON does not know (NaN or infinity).") from exc


def write_staged(connection: Connection, import_id: int, group: Sequence[Staged]) -> None:
    """Writes a group, invisible until its import has finished. A second run of the same group adds nothing."""
    first = group[0].transcript
    here = (TranscriptRow.import_id == import_id) & (TranscriptRow.external_id == first["external_id"])
    if connection.execute(select(TranscriptRow.id).where(here, TranscriptRow.source == first["source"])).first():
        return
    ids = connection.execute(
        insert(TranscriptRow).returning(TranscriptRow.id, sort_by_parameter_order=True),
        [{"import_id": import_id, **staged.transcript} for staged in group],
    ).scalars()
    placed = list(zip(ids, group, strict=True))
    _insert_all(connection, TurnRow, [{"transcript_id": i, **turn} for i, staged in placed for turn in staged.turns])
    _insert_all(connection, PassageRow, [{"transcript_id": i, **p} for i, staged in placed for p in staged.passages])
    add_terms(connection, "transcript", [(i, staged.terms_of) for i, staged in placed])
    if old := [staged.replaces for staged in group if staged.replaces is not None]:
        connection.execute(update(TranscriptRow).where(TranscriptRow.id.in_(old)).values(replaced_by=import_id))


def live_version(connection: Connection, source: str, external_id: str) -> tuple[int, str] | None:
    """Row and content hash of the visible version of a conversation."""
    row = connection.execute(
        select(TranscriptRow.id, TranscriptRow.content_hash).where(
            TranscriptRow.source == source, TranscriptRow.external_id == external_id, is_live()
        )
    ).first()
    return None if row is None else (row.id, row.content_hash)


def is_live() -> ColumnElement[bool]:
    """The version's import has finished, and no import that replaces it has."""
    finished = select(ImportRow.id).where(ImportRow.finished_at.is_not(None))
    replaced = TranscriptRow.replaced_by.in_(finished)
    return TranscriptRow.import_id.in_(finished) & (TranscriptRow.replaced_by.is_(None) | ~replaced)


def in_use() -> ColumnElement[bool]:
    """The passage is not retired, or only from a later day on."""
    return or_(PassageRow.retired_at.is_(None), PassageRow.retired_at > datetime.now(UTC))


def drop_some(connection: Connection, which: ColumnElement[bool]) -> int:
    """Deletes one chunk of the transcripts that match; returns how many, 0 at the end."""
    chunk = select(TranscriptRow.id).where(which).limit(_CHUNK)
    return int(connection.execute(delete(TranscriptRow).where(TranscriptRow.id.in_(chunk))).rowcount)


def count_of(connection: Connection, what: type[TranscriptRow | PassageRow]) -> int:
    """Live transcripts, or live passages that are not retired."""
    query = select(func.count()).select_from(TranscriptRow).where(is_live())
    if what is PassageRow:
        query = query.join(PassageRow, PassageRow.transcript_id == TranscriptRow.id).where(in_use())
    return int(connection.execute(query).scalar_one())


def _insert_all(connection: Connection, table: type[TurnRow | PassageRow], rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
