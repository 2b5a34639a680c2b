"""How often something was tried lately, by a key; outlives a restart. Must not know what is tried or how often it may be."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from storage.databases import Database
from storage.people_tables import TryRow

WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class TryBook:
    """Moving windows of 15 minutes. Lives as long as the store; any event loop may call. Keys are kept as hashes."""

    database: Database

    async def take(self, key: str, most: int) -> datetime | None:
        """Counts one try, unless there were `most` within the window: then it says from when on the next is heard."""
        return await asyncio.wrap_future(self.database.write(lambda c: _take(c, _hash(key), most)))

    async def full(self, key: str, most: int) -> datetime | None:
        """The same without counting."""
        return await asyncio.wrap_future(self.database.read(lambda c: _full(c, _hash(key), most, datetime.now(UTC))))

    async def add(self, keys: Sequence[str]) -> None:
        """Counts one for each, whatever there were."""
        await asyncio.wrap_future(self.database.write(lambda c: _add(c, [_hash(key) for key in keys])))

    async def clear(self, key: str) -> None:
        query = delete(TryRow).where(TryRow.key == _hash(key))
        await asyncio.wrap_future(self.database.write(lambda c: c.execute(query)))


def _take(connection: Connection, key: str, most: int) -> datetime | None:
    if (
        connection.dialect.name == "postgresql"
    ):  # tries at the same moment wait for each other, as SQLite's writer lets them
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(key))))
    now = datetime.now(UTC)
    until = _full(connection, key, most, now)
    if until is None:
        _add(connection, [key])
    return until


def _full(connection: Connection, key: str, most: int, now: datetime) -> datetime | None:
    newest_first = select(TryRow.at).where(TryRow.key == key).order_by(TryRow.at.desc())
    oldest = connection.execute(newest_first.offset(most - 1).limit(1)).scalar()
    return oldest + WINDOW if oldest is not None and oldest > now - WINDOW else None


def _add(connection: Connection, keys: Sequence[str]) -> None:
    now = datetime.now(UTC)
    connection.execute(delete(TryRow).where(TryRow.at <= now - WINDOW))
    connection.execute(insert(TryRow), [{"key": key, "at": now} for key in keys])


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
