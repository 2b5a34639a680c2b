"""What readers are given and what they give back. Knows no vendor and opens no file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatbot.types import Role

MAX_RECORD_CHARS = 16 * 1024 * 1024
MAX_FIELD_CHARS = 1024 * 1024
MAX_TURNS = 20_000


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that was skipped: the file's name, its 1-based line, and why, without the customers' words."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object or CSV row as it stands in the file; `line` is where it begins, from 1."""

    line: int
    value: Mapping[str, Any]


class RecordError(Exception):
    """This one record cannot be used; the message becomes BadRecord.reason. Never leaves the package.

    line: where the trouble stands, if that is not the record's first line.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read, where the file itself does not say.

    columns: our field name -> the CSV's column ("text" -> "Message body"). delimiter: of a CSV; default: sniffed.
    encoding: default: detected (UTF-8, UTF-16, UTF-32). language: of transcripts that name none.
    csat_max: the top of the export's numeric rating scale (5, 10 or 100); scores come out on 1..5.
    roles: further role words -> roles. users, comments: Zendesk's second files, where PATH is one file.
    max_record_chars: a record longer than this is reported, not read.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    encoding: str | None = None
    language: str | None = None
    csat_max: float = 5.0
    roles: Mapping[str, Role] = field(default_factory=dict)
    users: Path | None = None
    comments: Path | None = None
    max_record_chars: int = MAX_RECORD_CHARS


@dataclass(frozen=True, slots=True)
class Context:
    """What a vendor's reader may know beside the record: the file's name, the options, and people by id (Zendesk)."""

    file: str
    options: ReadOptions
    people: Mapping[str, Person] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the source system."""

    name: str | None
    role: Role
