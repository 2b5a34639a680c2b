"""The past: conversations as they were exported, and the passages learnt from them. Must not know files or SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

CORRECTION = "correction"  # the source of answers that people of the team wrote


class Role(StrEnum):
    """Who spoke. `NOTE` is internal to the support team; `SYSTEM` is a machine's event."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    NOTE = "note"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a past conversation; `text` is plain text once a reader has cleaned it."""

    role: Role
    text: str
    time: datetime | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a transcript came from: the file's name and the 1-based line (or record) in it."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """A past conversation. `id` is the source system's own id; `source` names the format it came in.

    Turn ids are positions in `turns` and equal the positions in the export, so nothing is dropped from the list:
    what must not become knowledge is skipped when passages are distilled.
    """

    id: str
    source: str
    turns: tuple[Turn, ...]
    language: str | None = None
    topic: str | None = None
    status: str | None = None
    csat: float | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One useful human agent turn with what came before it; personal data already masked.

    `window` holds the last three turns up to and including the question, oldest first, one a line, each as "role: text".
    After near-duplicates are collapsed one passage stands for `count` occurrences, by `agents` different people.
    An answer of the team also stands in the place of each that it replaced, a passage of the same conversation id: found by that
    question and, `found_by`, that answer, which is never said; `asked_in` is the (source, conversation id) that both are from.
    """

    id: str
    conversation_id: str
    turn_id: int
    language: str
    question: str
    window: str
    answer: str
    source: str = ""
    topic: str | None = None
    csat: float | None = None
    resolved_at: datetime | None = None
    last_seen: datetime | None = None
    count: int = 1
    agents: int = 1
    asked_in: tuple[str, str] | None = None
    found_by: str | None = None

    @property
    def entry_id(self) -> str:
        """The id under which the store keeps the answer, whatever question it was found by."""
        return self.id if self.asked_in is None else self.conversation_id

    def as_said(self) -> Passage:
        """With the words that are said as those that are compared."""
        return self if self.found_by is None else replace(self, found_by=None)

    @property
    def searched(self) -> str:
        """The words of an answer that a search compares."""
        return self.answer if self.found_by is None else self.found_by
