"""Erases conversations that have grown old, by status and age; must not know who set the ages or when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from storage.audit import COMMAND, Actor
from storage.databases import Database
from storage.eraser import RETENTION, Outside, Progress, silent
from storage.erasing import Scope
from storage.receipts import Receipt
from storage.rights import Rights
from storage.tables import ConversationRow

BATCH = 200  # conversations a receipt
MAY_GO = ("bot", "closed")  # whoever waits for a person, or talks to one, is never touched


@dataclass(frozen=True, slots=True)
class Due:
    """How many conversations of a status are older than they may be, and the oldest of them."""

    status: str
    days: int
    conversations: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Retention:
    """Lives as long as the store; any thread may call, and its calls block. days: {"closed": 365, "bot": 90}; a status that is
    not named is kept. Age counts from the last change of a conversation."""

    database: Database
    rights: Rights

    def due(self, days: Mapping[Any, int]) -> list[Due]:
        """What `run` would erase now, by status."""
        now = datetime.now(UTC)
        return [
            self.database.read(lambda c, s=status, d=age: _due(c, s, d, now)).result()  # type: ignore[misc]
            for status, age in days.items()
            if status in MAY_GO
        ]

    def run(
        self,
        days: Mapping[Any, int],
        outside: Outside,
        *,
        actor: Actor = COMMAND,
        progress: Progress = silent,
    ) -> list[Receipt]:
        """Erases all that is due, in batches with a receipt each. What the team wrote because of a conversation stays: it is
        masked, and knowledge does not age with one customer's data. Who comes back before the row is deleted keeps the chat."""
        now, receipts = datetime.now(UTC), list[Receipt]()
        still, why = _any_old(days, now), (RETENTION, RETENTION, RETENTION)
        total, gone = sum(one.conversations for one in self.due(days)), 0
        while batch := self.database.read(lambda c: _batch(c, still)).result():
            progress("erase conversations", gone, total)
            receipts.append(self.rights.erase_scope(Scope(batch), outside, why, actor, silent, still=still))
            gone += len(batch)
        progress("erase conversations", gone, total)
        settled = bool(receipts) and self.rights.tidy()
        return [replace(receipt, settled=receipt.settled or settled) for receipt in receipts]


def _due(connection: Connection, status: str, days: int, now: datetime) -> Due:
    row = connection.execute(
        select(func.count(), func.min(ConversationRow.updated_at)).where(_old(status, days, now))
    ).one()
    return Due(status, days, int(row[0]), row[1])


def _batch(connection: Connection, old: ColumnElement[bool]) -> tuple[str, ...]:
    query = select(ConversationRow.id).where(old).order_by(ConversationRow.updated_at).limit(BATCH)
    return tuple(connection.execute(query).scalars())


def _any_old(days: Mapping[Any, int], now: datetime) -> ColumnElement[bool]:
    return or_(false(), *(_old(status, age, now) for status, age in days.items() if status in MAY_GO))


def _old(status: str, days: int, now: datetime) -> ColumnElement[bool]:
    return and_(ConversationRow.status == status, ConversationRow.updated_at < now - timedelta(days=days))
