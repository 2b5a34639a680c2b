"""Joins Zendesk's tickets, comments and users, from one file or several. Knows how they belong together, not what is
in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chatbot.transcripts.contract import BadRecord, Context, Person, ReadOptions, Record, RecordError
from chatbot.transcripts.fields import mapping, required_id
from chatbot.transcripts.grouping import group
from chatbot.transcripts.vendors import zendesk
from chatbot.types import Transcript

Records = Callable[[Path, ReadOptions], Iterator[Record | BadRecord]]


def read_files(files: Sequence[Path], options: ReadOptions, records: Records) -> Iterator[Transcript | BadRecord]:
    """Reads twice: first who is who and whether comments lie apart, then the tickets. Bad records are reported once."""
    every = [*files, *(file for file in (options.comments, options.users) if file and file not in files)]
    people: dict[str, Person] = {}
    apart = False
    for file in every:
        for record in records(file, options):
            if isinstance(record, BadRecord):
                continue
            if zendesk.is_comment(record.value):
                apart = True
            elif zendesk.is_user(record.value) and not zendesk.is_ticket(record.value):
                try:
                    key, person = zendesk.person(record.value)
                except RecordError:
                    continue  # the second pass reports it
                people[key] = person
    if apart:
        yield from _joined(every, options, records, people)
        return
    for file in every:
        context = Context(file.name, options, people)
        for record in records(file, options):
            yield from _ticket(record, context)


def _ticket(record: Record | BadRecord, context: Context) -> Iterator[Transcript | BadRecord]:
    if isinstance(record, BadRecord):
        yield record
        return
    try:
        if zendesk.is_ticket(record.value):
            yield zendesk.read(record, context)
        elif zendesk.is_user(record.value):
            zendesk.person(record.value)
        else:
            raise RecordError("it is neither a ticket nor a comment nor a user")
    except RecordError as exc:
        yield BadRecord(context.file, exc.line or record.line, str(exc))


def _joined(
    files: Sequence[Path], options: ReadOptions, records: Records, people: Mapping[str, Person]
) -> Iterator[Transcript | BadRecord]:
    bad: list[BadRecord] = []
    for key, rows in group(_by_ticket(files, options, records, bad)):
        yield from bad
        bad.clear()
        tickets = [(line, file, value) for line, (kind, file, value) in rows if kind == "ticket"]
        comments = [value for _, (kind, _, value) in rows if kind == "comment"]
        if not tickets:
            line, (_, file, _) = rows[0]
            yield BadRecord(file, line, f"a comment belongs to ticket {key}, which is in none of the files")
            continue
        line, file, value = tickets[0]
        try:
            yield zendesk.read(Record(line, value), Context(file, options, people), comments)
        except RecordError as exc:
            yield BadRecord(file, line, str(exc))
    yield from bad


def _by_ticket(
    files: Sequence[Path], options: ReadOptions, records: Records, bad: list[BadRecord]
) -> Iterator[tuple[str, int, Any, int]]:
    for file in files:
        for record in records(file, options):
            if isinstance(record, BadRecord):
                bad.append(record)
                continue
            value = record.value
            try:
                if zendesk.is_comment(value):
                    key, kind = required_id(value.get("ticket_id"), "ticket_id"), "comment"
                elif zendesk.is_ticket(value):
                    key, kind = required_id((mapping(value.get("ticket")) or value).get("id")), "ticket"
                elif zendesk.is_user(value):
                    zendesk.person(value)
                    continue
                else:
                    raise RecordError("it is neither a ticket nor a comment nor a user")
            except RecordError as exc:
                bad.append(BadRecord(file.name, record.line, str(exc)))
                continue
            yield key, record.line, (kind, file.name, value), len(str(value))
