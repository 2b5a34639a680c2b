"""Signed-in browsers of the team: begun, looked up at every request, ended. Must not know passwords, cookies or pages."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from chatbot.errors import Busy, NotSignedIn, StorageError
from storage.audit import Actor, record
from storage.databases import Database
from storage.people import User, read_user
from storage.people_tables import StaffSessionRow, UserRow

IDLE = timedelta(hours=12)
"""A session ends when nothing was asked for so long, ..."""
LONGEST = timedelta(days=7)
"""... and in any case so long after it began."""
FOR_THE_CODE = timedelta(minutes=10)
TOUCHED_EVERY = timedelta(minutes=1)
REMEMBERED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser, as its user sees it."""

    token_hash: str
    created_at: datetime
    seen_at: datetime
    network: str | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Lives as long as the store; any event loop may call. Tokens are secrets of 256 bits; the store keeps their hashes."""

    database: Database

    async def start(
        self, user_id: int, *, verified: bool, actor: Actor | None = None, instead_of: str | None = None
    ) -> str:
        """A new session; returns its token, which is kept nowhere else.

        verified: False while the code of the second factor is awaited; such a session opens nothing and ends after 10 minutes.
        actor: who is written down in the audit log. instead_of: a token that ends with this.
        """
        token = secrets.token_urlsafe(32)
        old = hash_token(instead_of) if instead_of else None
        work = _Start(hash_token(token), user_id, verified, actor, old)
        await asyncio.wrap_future(self.database.write(work))
        return token

    async def signed_in(self, token: str, *, active: bool = True) -> User | None:
        """The user behind a token; None when it is unknown, expired, not verified, or its user is disabled.

        active: somebody does something, which keeps the session alive; False for what an open window does by itself.
        """
        key, now = hash_token(token), datetime.now(UTC)
        row = await asyncio.wrap_future(self.database.read(lambda c: _live(c, key, now, verified=True)))
        if row is None:
            return None
        if active and now - row.seen_at > TOUCHED_EVERY:
            with contextlib.suppress(StorageError, Busy):  # a full disk keeps nobody from reading
                await asyncio.wrap_future(self.database.write(lambda c: _touch(c, key, row.started_at, now)))
        return read_user(row)

    async def awaiting_code(self, token: str) -> int | None:
        """The id of the user whose password was right and whose code is awaited."""
        key, now = hash_token(token), datetime.now(UTC)
        row = await asyncio.wrap_future(self.database.read(lambda c: _live(c, key, now, verified=False)))
        return None if row is None else int(row.id)

    async def of(self, user_id: int) -> Sequence[Session]:
        """The user's sessions that are alive, the last used first."""
        return await asyncio.wrap_future(self.database.read(lambda c: _of(c, user_id, datetime.now(UTC))))

    async def renew(self, token: str) -> str:
        """The same session under a new token, which is returned: whoever has copied the old one is out. Raises NotSignedIn.

        A renewal after a change of rights or secrets, https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html.
        """
        fresh = secrets.token_urlsafe(32)
        old, new = hash_token(token), hash_token(fresh)
        await asyncio.wrap_future(self.database.write(lambda c: _renew(c, old, new)))
        return fresh

    async def end(self, token: str, actor: Actor | None = None) -> None:
        """Ends one session; with `actor` a sign-out is written down."""
        key = hash_token(token)
        await asyncio.wrap_future(self.database.write(lambda c: _end(c, key, actor)))

    async def end_all(self, user_id: int, actor: Actor, *, keep: str | None = None) -> int:
        """Signs a user out everywhere, but for the session with the token hash `keep`. Returns how many ended."""
        return await asyncio.wrap_future(self.database.write(lambda c: _end_all(c, user_id, actor, keep)))

    async def knows_network(self, user_id: int, network: str | None) -> bool:
        """Has the user signed in from there in the last 30 days?"""
        query = select(StaffSessionRow.token_hash).where(
            StaffSessionRow.user_id == user_id,
            StaffSessionRow.network == network if network else StaffSessionRow.network.is_(None),
            StaffSessionRow.verified_at.is_not(None),
        )
        found = await asyncio.wrap_future(self.database.read(lambda c: c.execute(query.limit(1)).first()))
        return found is not None


def hash_token(token: str) -> str:
    """What is kept of a session's or link's secret: SHA-256, hex. The secret has 256 random bits, so no salt is needed."""
    return hashlib.sha256(b"staff:" + token.encode()).hexdigest()


def end_sessions(connection: Connection, user_id: int, keep: str | None) -> int:
    """All of a user's but the one with the token hash `keep`, in the caller's transaction. Returns how many ended."""
    mine = (StaffSessionRow.user_id == user_id) & (StaffSessionRow.token_hash != (keep or ""))
    return int(connection.execute(_over(mine, datetime.now(UTC))).rowcount)


def _end_all(connection: Connection, user_id: int, actor: Actor, keep: str | None) -> int:
    ended = end_sessions(connection, user_id, keep)
    record(connection, actor, "session.end_all", f"user:{user_id}", {"ended": ended})
    return ended


@dataclass(frozen=True, slots=True)
class _Start:
    """The write that begins a session. It also forgets sessions that ended long ago."""

    token_hash: str
    user_id: int
    verified: bool
    actor: Actor | None
    instead_of: str | None

    def __call__(self, connection: Connection) -> None:
        now = datetime.now(UTC)
        connection.execute(delete(StaffSessionRow).where(StaffSessionRow.expires_at < now - REMEMBERED))
        if self.instead_of:
            connection.execute(_over(StaffSessionRow.token_hash == self.instead_of, now))
        row = {
            "token_hash": self.token_hash,
            "user_id": self.user_id,
            "created_at": now,
            "seen_at": now,
            "expires_at": now + (IDLE if self.verified else FOR_THE_CODE),
            "verified_at": now if self.verified else None,
            "network": self.actor.network if self.actor else None,
        }
        connection.execute(insert(StaffSessionRow).values(row))
        if self.verified and self.actor:
            record(connection, self.actor, "session.start", f"user:{self.user_id}")


def _over(which: Any, now: datetime) -> Any:
    """Ended sessions stay for 30 days: their networks are the ones that a user is known to come from."""
    return update(StaffSessionRow).where(which, StaffSessionRow.expires_at > now).values(expires_at=now)


def _live(connection: Connection, token_hash: str, now: datetime, *, verified: bool) -> Any:
    times = StaffSessionRow.seen_at, StaffSessionRow.created_at.label("started_at")
    done = StaffSessionRow.verified_at.is_not(None) if verified else StaffSessionRow.verified_at.is_(None)
    return connection.execute(
        select(UserRow.__table__, *times)
        .join(StaffSessionRow, StaffSessionRow.user_id == UserRow.id)
        .where(StaffSessionRow.token_hash == token_hash, StaffSessionRow.expires_at > now, done)
        .where(UserRow.disabled_at.is_(None))
    ).one_or_none()


def _touch(connection: Connection, token_hash: str, started_at: datetime, now: datetime) -> None:
    alive = (StaffSessionRow.token_hash == token_hash) & (StaffSessionRow.expires_at > now)
    until = min(now + IDLE, started_at + LONGEST)
    connection.execute(update(StaffSessionRow).where(alive).values(seen_at=now, expires_at=until))


def _of(connection: Connection, user_id: int, now: datetime) -> list[Session]:
    query = (
        select(StaffSessionRow.__table__)
        .where(StaffSessionRow.user_id == user_id, StaffSessionRow.expires_at > now)
        .where(StaffSessionRow.verified_at.is_not(None))
        .order_by(StaffSessionRow.seen_at.desc())
    )
    return [Session(row.token_hash, row.created_at, row.seen_at, row.network) for row in connection.execute(query)]


def _renew(connection: Connection, old: str, new: str) -> None:
    alive = (StaffSessionRow.token_hash == old) & (StaffSessionRow.expires_at > datetime.now(UTC))
    if connection.execute(update(StaffSessionRow).where(alive).values(token_hash=new)).rowcount != 1:
        raise NotSignedIn("Your session has ended; sign in again.")


def _end(connection: Connection, token_hash: str, actor: Actor | None) -> None:
    ended = connection.execute(_over(StaffSessionRow.token_hash == token_hash, datetime.now(UTC))).rowcount
    if ended and actor:
        record(connection, actor, "session.end", f"user:{actor.user_id}")
