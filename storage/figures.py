"""What the overview shows: counts over the conversations of a period, by day and language. Must not know pages or plots."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, func, select

from storage import figure_rows, firsts, waits
from storage.databases import Database
from storage.figure_rows import Span
from storage.people import User
from storage.tables import ConversationRow
from storage.visibility import seen_by
from storage.waits import Quantiles, Waits

T = TypeVar("T")
RETURNS_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Counts:
    """Conversations that began in some period, counted by what became of them; docs/operate.md defines each.

    attempted = answered_then_handed + refuted + confirmed + silent. attempted_known and confirmed_known: those of them whose
    last message is seven days old; durable: those confirmed_known after which the customer did not come back.
    """

    conversations: int = 0
    messages: int = 0
    involved: int = 0
    attempted: int = 0
    handed: int = 0
    answered_then_handed: int = 0
    refuted: int = 0
    confirmed: int = 0
    silent: int = 0
    attempted_known: int = 0
    confirmed_known: int = 0
    durable: int = 0
    ratings: int = 0
    rating_sum: float = 0.0
    rating_squares: float = 0.0
    moods: int = 0
    mood_sum: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in _NAMES))


_NAMES = tuple(one.name for one in fields(Counts))


@dataclass(frozen=True, slots=True)
class Cell:
    """The counts of one day (UTC, YYYY-MM-DD) and one language; None: no language was recognised."""

    day: str
    language: str | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a period. topics: (topic, conversations answered from it), most first; None: the source has no topic.

    topics_of: conversations with an answer that has a source. first: milliseconds to the first words of a reply, over
    all, by day and by language.
    """

    span: Span
    cells: tuple[Cell, ...]
    waits: Waits
    topics: tuple[tuple[str | None, int], ...]
    topics_of: int
    first: Quantiles
    first_by_day: Mapping[str, Quantiles]
    first_by_language: Mapping[str | None, Quantiles]
    computed_at: datetime

    def total(self) -> Counts:
        return _sum(cell.counts for cell in self.cells)

    def by_day(self) -> dict[str, Counts]:
        return {day: _sum(cell.counts for cell in self.cells if cell.day == day) for day in self.span.days()}

    def by_language(self) -> dict[str | None, Counts]:
        """Most conversations first."""
        found = {
            one: _sum(c.counts for c in self.cells if c.language == one) for one in {c.language for c in self.cells}
        }
        return dict(sorted(found.items(), key=lambda pair: (-pair[1].conversations, pair[0] or "~")))


@dataclass(frozen=True, slots=True)
class Now:
    """The moment's state. begun, kept: conversations begun since `since`, and those of them without a hand-over."""

    waiting: int
    waiting_since: datetime | None
    with_people: int
    begun: int
    kept: int


@dataclass(frozen=True, slots=True)
class FigureBook:
    """Lives as long as the store; any event loop may call. `user` stands in every query (`storage.visibility`)."""

    database: Database

    async def of(self, user: User, span: Span, now: datetime | None = None) -> Figures:
        """The figures of the conversations that began, and the hand-overs that were asked for, in `span`.

        now: when it is decided whose seven days are over; the clock's by default.
        """
        moment = now or datetime.now(UTC)
        return await self._read(lambda c: _figures(c, user, span, moment))

    async def languages(self, user: User) -> Sequence[str]:
        """Those of all conversations, by name."""
        query = select(ConversationRow.language).where(seen_by(user), ConversationRow.language.is_not(None)).distinct()
        return await self._read(lambda c: sorted(c.scalars(query)))

    async def now(self, user: User, since: datetime) -> Now:
        return await self._read(lambda c: _now(c, user, since))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.read(work))


def _figures(connection: Connection, user: User, span: Span, now: datetime) -> Figures:
    dialect = connection.dialect.name
    rows = connection.execute(figure_rows.outcomes(dialect, user, span, now - RETURNS_WITHIN)).all()
    topics = connection.execute(figure_rows.topics(dialect, user, span)).all()
    first = firsts.of({(row.day, row.language): row.firsts for row in rows})
    return Figures(
        span=span,
        cells=tuple(sorted((_cell(row) for row in rows), key=lambda cell: (cell.day, cell.language or ""))),
        waits=waits.read(connection, user, span),
        topics=tuple((row.topic, row.conversations) for row in topics),
        topics_of=topics[0].of if topics else 0,
        first=first.all,
        first_by_day=first.by_day,
        first_by_language=first.by_language,
        computed_at=datetime.now(UTC),
    )


def _cell(row: Row[Any]) -> Cell:
    return Cell(row.day, row.language, Counts(*(_number(getattr(row, name), name) for name in _NAMES)))


def _number(value: Any, name: str) -> Any:
    return float(value or 0) if name in ("rating_sum", "rating_squares", "mood_sum") else int(value or 0)


def _sum(counts: Any) -> Counts:
    return sum(counts, Counts())


def _now(connection: Connection, user: User, since: datetime) -> Now:
    waiting = connection.execute(
        select(func.count().label("n"), func.min(ConversationRow.waiting_since).label("first")).where(
            ConversationRow.status == "waiting", seen_by(user)
        )
    ).one()
    people = select(func.count()).where(ConversationRow.status == "human", seen_by(user)).select_from(ConversationRow)
    begun = connection.execute(figure_rows.kept_by_the_bot(user, since)).one()
    return Now(waiting.n, waiting.first, connection.execute(people).scalar_one(), begun.begun, int(begun.kept or 0))
