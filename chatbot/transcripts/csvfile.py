"""CSV exports: rows with bounded fields, a sniffed delimiter and mapped columns; one row a message, or FAQ. Knows no
vendor.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from chatbot.errors import FormatError
from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import MAX_FIELD_CHARS, BadRecord, Context, ReadOptions, Record, RecordError
from chatbot.transcripts.fields import required_id
from chatbot.transcripts.formulas import unguarded
from chatbot.transcripts.grouping import Row, group
from chatbot.transcripts.opening import ESCAPED
from chatbot.transcripts.roles import parse_role
from chatbot.types import Transcript

_DELIMITERS = ",;\t|"
_COLUMNS = {
    "conversation_id": "conversation_id conversationid conversation ticket_id ticketid chat_id chatid thread_id "
    "session_id case_id",
    "role": "role sender_role sender_type author_type author_role speaker sender from direction",
    "text": "text message body content message_text message_body utterance",
    "time": "time timestamp created_at createdat sent_at date datetime",
    "author": "author author_name agent agent_name sender_name name",
    "language": "language lang locale",
    "topic": "topic category intent",
    "csat": "csat rating satisfaction satisfaction_score",
    "status": "status state",
    "tags": "tags labels",
    "question": "question",
    "answer": "answer",
    "id": "id",
}
_MESSAGE = ("conversation_id", "role", "text")
_FAQ = ("question", "answer")


def csv_format(header: Sequence[str], options: ReadOptions) -> str | None:
    """ "csv" or "faq" by the columns there are, None when neither fits."""
    columns = _map_columns(header, options.columns)
    if all(name in columns for name in _FAQ) and "text" not in columns:
        return "faq"
    return "csv" if all(name in columns for name in _MESSAGE) else None


def read_header(stream: IO[str], options: ReadOptions) -> tuple[list[str], str, int]:
    """The column names, the delimiter and the lines read so far. Raises FormatError for a bad delimiter."""
    lines = 1
    first = stream.readline(MAX_FIELD_CHARS)
    delimiter = options.delimiter
    if first.lower().startswith("sep=") and len(first.strip()) == 5:  # what Excel writes on top
        delimiter, first, lines = delimiter or first[4], stream.readline(MAX_FIELD_CHARS), 2
    delimiter = delimiter or max(_DELIMITERS, key=lambda mark: (_known(first, mark, options), first.count(mark)))
    if len(delimiter) != 1:
        raise FormatError(f"The delimiter {delimiter!r} is not one character.")
    header = _cells(first, delimiter)
    return [name.strip().lstrip("\ufeff") for name in header], delimiter, lines


def iter_rows(stream: IO[str], file: str, options: ReadOptions) -> Iterator[Record | BadRecord]:
    """Every row as {our field: text}. Rows with another number of fields, an endless field or bytes that are not text
    are BadRecords.
    """
    header, delimiter, lines = read_header(stream, options)
    columns = _map_columns(header, options.columns)
    wanted = _FAQ if csv_format(header, options) == "faq" else _MESSAGE
    for name in wanted:
        if name not in columns:
            shown = ", ".join(header[:20])
            raise FormatError(
                f"{file} has no column for {name}; it has: {shown}. Say which one with --column {name}=NAME."
            )
    bad: list[BadRecord] = []
    reader = csv.reader(_bounded(stream, file, lines, bad), delimiter=delimiter)
    while True:
        line = lines + reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as exc:
            bad.append(BadRecord(file, line, f"not CSV: {exc}; is a quotation mark never closed?"))
            continue
        finally:
            yield from bad
            bad.clear()
        if not any(row):
            continue
        if len(row) > len(header) and any(row[len(header) :]):
            yield BadRecord(file, line, f"the row has {len(row)} fields, the header {len(header)}")
        elif any(position >= len(row) for name, position in columns.items() if name in wanted):
            yield BadRecord(file, line, f"the row has only {len(row)} fields of {len(header)}")
        elif any(ESCAPED.search(cell) for cell in row if not cell.isascii()):
            yield BadRecord(file, line, "a field holds bytes that are not UTF-8")
        else:
            cells = {name: unguarded(row[at]) for name, at in columns.items() if at < len(row)}
            yield Record(line, cells)
    yield from bad


def iter_conversations(rows: Iterator[Record | BadRecord], context: Context) -> Iterator[Transcript | BadRecord]:
    """Rows of one conversation become one transcript, wherever in the file they stand."""
    bad: list[BadRecord] = []

    def keyed() -> Iterator[tuple[str, int, Mapping[str, str], int]]:
        for row in rows:
            if isinstance(row, BadRecord):
                bad.append(row)
                continue
            try:
                key = required_id(row.value.get("conversation_id"), "conversation_id")
            except RecordError as exc:
                bad.append(BadRecord(context.file, row.line, str(exc)))
                continue
            yield key, row.line, row.value, sum(map(len, row.value.values()))

    for key, members in group(keyed()):
        yield from bad
        bad.clear()
        try:
            yield _transcript(key, members, context)
        except RecordError as exc:
            yield BadRecord(context.file, exc.line or members[0][0], f"conversation {key}: {exc}")
    yield from bad


def _transcript(key: str, members: list[Row], context: Context) -> Transcript:
    turns = []
    about: dict[str, str] = {}
    for line, row in members:
        try:
            role = parse_role(row["role"], context.options.roles)
            turns.append(make_turn(role, row["text"], row.get("time"), row.get("author")))
        except RecordError as exc:
            raise RecordError(str(exc), line) from exc
        about |= {name: row[name] for name in ("language", "topic", "csat", "status", "tags") if row.get(name)}
    return make_transcript(Record(members[0][0], {}), context, "csv", key, turns, **about)


def _map_columns(header: Sequence[str], given: Mapping[str, str]) -> dict[str, int]:
    plain = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in header]
    columns = {}
    for name, words in _COLUMNS.items():
        if name in given:
            if given[name] not in header:
                raise FormatError(
                    f"There is no column {given[name]!r} for {name}; there are: {', '.join(header[:20])}."
                )
            columns[name] = header.index(given[name])
        elif found := [plain.index(word) for word in words.split() if word in plain]:
            columns[name] = found[0]
    if "conversation_id" not in columns and "id" in columns:
        columns["conversation_id"] = columns["id"]
    return columns


def _cells(line: str, delimiter: str) -> list[str]:
    """None for a line with a field beyond all measure, which is no header."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _known(line: str, delimiter: str, options: ReadOptions) -> int:
    header = _cells(line, delimiter)
    words = {word for known in _COLUMNS.values() for word in known.split()} | set(options.columns.values())
    return sum(cell.strip().lower().replace(" ", "_") in words or cell in words for cell in header)


def _bounded(stream: IO[str], file: str, lines: int, bad: list[BadRecord]) -> Iterator[str]:
    """Lines of bounded length; longer ones are dropped and reported."""
    while line := stream.readline(MAX_FIELD_CHARS):
        lines += 1
        if len(line) == MAX_FIELD_CHARS and not line.endswith(("\n", "\r")):
            while (rest := stream.readline(MAX_FIELD_CHARS)) and not rest.endswith(("\n", "\r")):
                pass
            bad.append(BadRecord(file, lines, f"the line is longer than {MAX_FIELD_CHARS:,} characters"))
            yield "\n"
        else:
            yield line
