"""The audit log: who did what, when. Rows are added and read, never changed. Must not know routes or pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, insert, or_, select

from storage.databases import Database
from storage.people_tables import AuditRow

LISTS = ("transcript.preview", "transcripts.search", "transcript.search")
"""Actions that showed parts of several conversations; their `detail` names these."""
_NOBODY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in user, or a command (`user_id` None). `network` is the caller's prefix, None on this machine."""

    user_id: int | None
    name: str
    network: str | None = None


COMMAND = Actor(None, "command")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the log. `target` reads "conversation:<id>", "passage:<id>", "user:<id>", ..."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str | None
    detail: Mapping[str, Any] = field(default_factory=dict)
    network: str | None = None


def record(
    connection: Connection, actor: Actor, action: str, target: str | None = None, detail: Mapping[str, Any] = _NOBODY
) -> None:
    """Adds a line in the caller's transaction, so that a change and its trace stand or fall together.

    action: "<area>.<verb>", such as "transcript.view" or "user.disable". detail: ids, counts and settings only.
    """
    row = {"at": datetime.now(UTC), "actor": actor.name, "user_id": actor.user_id, "network": actor.network}
    connection.execute(insert(AuditRow).values(row | {"action": action, "target": target, "detail": dict(detail)}))


@dataclass(frozen=True, slots=True)
class Audit:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def record(
        self, actor: Actor, action: str, target: str | None = None, detail: Mapping[str, Any] = _NOBODY
    ) -> None:
        """For what changes no row of its own: a view, an export, a search."""
        await asyncio.wrap_future(self.database.write(lambda c: record(c, actor, action, target, detail)))

    async def entries(
        self,
        *,
        target: str | None = None,
        user_id: int | None = None,
        action: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        """Newest first; `before_id` pages on. action: a whole one ("user.disable") or an area ("user").

        A conversation as target brings up the lists and searches that have shown it, too.
        """
        query = _matching(target, user_id, action)
        return await asyncio.wrap_future(self.database.read(lambda c: _entries(c, query, before_id, limit)))


def _matching(target: str | None, user_id: int | None, action: str | None) -> Select[Any]:
    query = select(AuditRow.__table__)
    if target is not None:
        query = query.where(or_(AuditRow.target == target, *_shown_in(target)))
    if user_id is not None:
        query = query.where(AuditRow.user_id == user_id)
    if action is not None:
        query = query.where((AuditRow.action == action) | AuditRow.action.startswith(f"{action}.", autoescape=True))
    return query


def _shown_in(target: str) -> list[ColumnElement[bool]]:
    area, _, key = target.partition(":")
    if area != "conversation" or not key:
        return []
    return [AuditRow.action.in_(LISTS) & cast(AuditRow.detail, Text).contains(f'"{key}"', autoescape=True)]


def _entries(connection: Connection, query: Select[Any], before_id: int | None, limit: int) -> list[AuditEntry]:
    query = query.order_by(AuditRow.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(AuditRow.id < before_id)
    return [
        AuditEntry(row.id, row.at, row.actor, row.action, row.target, row.detail, row.network)
        for row in connection.execute(query)
    ]
