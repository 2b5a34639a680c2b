"""How long customers waited for a person, and quantiles in SQL; must not know what else is counted.

Quantiles are nearest-rank: the smallest value that at least that share of the values does not exceed. An approximation
between two values would show a wait that nobody had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, case, func, literal, select

from storage.desk_tables import HandoverRow
from storage.figure_rows import Span
from storage.handovers import TRANSFERRED
from storage.people import User
from storage.tables import ConversationRow
from storage.visibility import seen_by

_ASKED = ("taken", "waiting", "never")


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of `n` values; None without any."""

    n: int = 0
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """The hand-overs asked for in a period. seconds: from asking to being taken, of those taken.

    stepped_in: a person took it over unasked, so nobody waited. waiting: not taken yet. never: ended without being taken,
    `left_contact` of them with an address to write to. by_language: the seconds again. reasons: (reason, hand-overs), most first.
    What went from one person's hands into another's is in none of them: nobody was asked, and nobody waited.
    """

    asked: int = 0
    stepped_in: int = 0
    waiting: int = 0
    never: int = 0
    left_contact: int = 0
    seconds: Quantiles = field(default_factory=Quantiles)
    by_language: Mapping[str | None, Quantiles] = field(default_factory=dict)
    reasons: tuple[tuple[str | None, int], ...] = ()


def read(connection: Connection, user: User, span: Span) -> Waits:
    """All of it for one period."""
    stays = _stays(connection.dialect.name, user, span)
    kinds = {row.kind: row for row in connection.execute(_by_kind(stays))}
    amount = func.count().label("amount")
    reasons = select(stays.c.reason, amount).where(stays.c.kind.in_(_ASKED)).group_by(stays.c.reason)
    found = connection.execute(reasons.order_by(amount.desc(), stays.c.reason)).all()
    taken = select(stays.c.language, stays.c.value).where(stays.c.kind == "taken").subquery("taken")

    def count(kind: str, name: str = "amount") -> int:
        return int(getattr(kinds[kind], name)) if kind in kinds else 0

    return Waits(
        asked=sum(count(kind) for kind in _ASKED),
        stepped_in=count("stepped_in"),
        waiting=count("waiting"),
        never=count("never"),
        left_contact=count("never", "contacts"),
        seconds=quantiles(connection, taken, None).get("", Quantiles()),
        by_language=quantiles(connection, taken, taken.c.language),
        reasons=tuple((row.reason, row.amount) for row in found),
    )


def quantiles(connection: Connection, values: Subquery, by: ColumnElement[Any] | None) -> Mapping[Any, Quantiles]:
    """n, p50 and p95 of `values.value`, by the key `by`; without one under "". Keys without values are left out."""
    key: ColumnElement[Any] = literal("") if by is None else by
    ranked = select(
        key.label("key"),
        values.c.value,
        func.row_number().over(partition_by=key, order_by=values.c.value).label("rank"),
        func.count().over(partition_by=key).label("n"),
    ).subquery("ranked")
    # rank >= share * n, in whole numbers: no database rounds them differently
    at = {share: func.min(case((ranked.c.rank * 100 >= ranked.c.n * share, ranked.c.value))) for share in (50, 95)}
    query: Select[Any] = select(
        ranked.c.key, func.max(ranked.c.n).label("n"), at[50].label("p50"), at[95].label("p95")
    ).group_by(ranked.c.key)
    return {row.key: Quantiles(row.n, float(row.p50), float(row.p95)) for row in connection.execute(query)}


def _by_kind(stays: Subquery) -> Select[Any]:
    contacts = func.sum(case((stays.c.contact, 1), else_=0))
    return select(stays.c.kind, func.count().label("amount"), contacts.label("contacts")).group_by(stays.c.kind)


def _stays(dialect: str, user: User, span: Span) -> Subquery:
    """(kind, reason, contact, language, value) of each hand-over asked for in the span; value: seconds until it was taken."""
    at_once = HandoverRow.taken_at == HandoverRow.asked_at
    kind = case(
        (at_once & (HandoverRow.reason == TRANSFERRED), "passed_on"),
        (at_once, "stepped_in"),
        (HandoverRow.taken_at.is_not(None), "taken"),
        (HandoverRow.ended_at.is_(None), "waiting"),
        else_="never",
    )
    query = (
        select(
            kind.label("kind"),
            HandoverRow.reason,
            HandoverRow.contact,
            ConversationRow.language,
            _seconds(dialect, HandoverRow.asked_at, HandoverRow.taken_at).label("value"),
        )
        .join(ConversationRow, ConversationRow.id == HandoverRow.conversation_id)
        .where(HandoverRow.asked_at >= span.start, HandoverRow.asked_at < span.end, seen_by(user))
    )
    if span.language is not None:
        query = query.where(ConversationRow.language == span.language)
    return query.subquery("stays")


def _seconds(dialect: str, start: Any, end: Any) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return func.round((func.julianday(end) - func.julianday(start)) * 86400, 3)
    return func.extract("epoch", end - start)
