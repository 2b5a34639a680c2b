"""Transcripts as files that others read: JSON Lines, CSV, Parquet, each as a stream of bytes in bounded memory. Must not know
where they go.

CSV and Parquet have one row a turn; JSON Lines (docs/formats.md) has one line a conversation and is the only one that holds
all of a transcript. Cells of CSV are guarded against being run as formulas, which our reader takes back (`formulas`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from chatbot.transcripts.formulas import guarded
from chatbot.types import Transcript, Turn

MEDIA = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
COLUMNS = (
    "conversation_id", "source", "turn", "role", "text", "time", "author", "language", "topic", "status", "csat", "tags",
)  # fmt: skip
_GROUP = 5_000  # rows of a Parquet row group, and between two pieces of CSV


def export(transcripts: Iterable[Transcript], format: str) -> Iterator[bytes]:
    """The file of these transcripts in one of MEDIA's formats, piece by piece; KeyError is an error of the program."""
    return _WRITERS[format](transcripts)


def as_own_jsonl(transcript: Transcript) -> dict[str, Any]:
    """The own JSONL shape (docs/formats.md); fields without a value are left out."""
    row: dict[str, Any] = {
        "id": transcript.id,
        "source": transcript.source,
        "language": transcript.language,
        "topic": transcript.topic,
        "status": transcript.status,
        "csat": transcript.csat,
        "tags": list(transcript.tags) or None,
        "turns": [_turn(turn) for turn in transcript.turns],
        "meta": dict(transcript.meta) or None,
    }
    return {key: value for key, value in row.items() if value is not None}


def _turn(turn: Turn) -> dict[str, Any]:
    row = {"role": turn.role.value, "text": turn.text, "time": _iso(turn.time), "author": turn.author}
    return {key: value for key, value in row.items() if value is not None}


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _jsonl(transcripts: Iterable[Transcript]) -> Iterator[bytes]:
    for transcript in transcripts:
        yield (json.dumps(as_own_jsonl(transcript), ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _csv(transcripts: Iterable[Transcript]) -> Iterator[bytes]:
    """UTF-8 with a byte order mark, by which spreadsheets know it; RFC 4180."""
    rows = _rows(transcripts)
    yield "\ufeff".encode() + _csv_lines([COLUMNS])
    while some := list(islice(rows, _GROUP)):
        yield _csv_lines(tuple(_cell(row[name]) for name in COLUMNS) for row in some)


def _csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return guarded(", ".join(value) if isinstance(value, list) else str(value))


def _parquet(transcripts: Iterable[Transcript]) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, moment = pa.string(), pa.timestamp("us", tz="UTC")
    kinds = {"turn": pa.int32(), "time": moment, "csat": pa.float64(), "tags": pa.list_(text)}
    schema = pa.schema([(name, kinds.get(name, text)) for name in COLUMNS])
    rows, out = _rows(transcripts), _Pieces()
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while some := list(islice(rows, _GROUP)):
            writer.write_table(pa.Table.from_pylist(some, schema))
            yield out.take()
    yield out.take()


def _rows(transcripts: Iterable[Transcript]) -> Iterator[Mapping[str, Any]]:
    for transcript in transcripts:
        about = {
            "conversation_id": transcript.id,
            "source": transcript.source,
            "language": transcript.language,
            "topic": transcript.topic,
            "status": transcript.status,
            "csat": transcript.csat,
            "tags": list(transcript.tags),
        }
        for number, turn in enumerate(transcript.turns):
            yield about | {
                "turn": number,
                "role": turn.role.value,
                "text": turn.text.encode("utf-8", "replace").decode(),
                "time": turn.time,
                "author": turn.author,
            }


class _Pieces(io.RawIOBase):
    """What a writer has written since the last look; it believes in a file."""

    def __init__(self) -> None:
        self._held, self._at = bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """The last bytes are taken after the writer has closed it."""

    def take(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken


_WRITERS: Mapping[str, Callable[[Iterable[Transcript]], Iterator[bytes]]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
}
