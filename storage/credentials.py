"""What users sign in with: password hash, second factor, an account elsewhere. Must not know how any of it is checked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from chatbot.errors import Conflict
from storage.audit import Actor, record
from storage.databases import Database
from storage.people import User, read_user
from storage.people_tables import UserRow
from storage.sessions import end_sessions


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a sign-in is checked against. Never leaves the process. linked: an account elsewhere is bound to the user."""

    user: User
    password_hash: str | None
    totp_secret: str | None
    recovery_left: int
    linked: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def by_email(self, email: str) -> Secrets | None:
        """Of a user, disabled or not; None for an address that nobody has."""
        key = UserRow.email == email.strip().lower()
        return await asyncio.wrap_future(self.database.read(lambda c: _secrets(c, key)))

    async def of(self, user_id: int) -> Secrets | None:
        return await asyncio.wrap_future(self.database.read(lambda c: _secrets(c, UserRow.id == user_id)))

    async def set_password(self, user_id: int, password_hash: str, actor: Actor, *, keep: str | None = None) -> None:
        """Ends all sessions of the user but the one whose token's hash is `keep`."""
        await asyncio.wrap_future(self.database.write(lambda c: set_password(c, user_id, password_hash, actor, keep)))

    async def rehash(self, user_id: int, old: str, new: str) -> None:
        """The same password under newer parameters; nothing happens when it was changed meanwhile."""
        query = update(UserRow).where(UserRow.id == user_id, UserRow.password_hash == old).values(password_hash=new)
        await asyncio.wrap_future(self.database.write(lambda c: c.execute(query)))

    async def set_second_factor(
        self, user_id: int, secret: str, step: int, recovery: Sequence[str], actor: Actor
    ) -> None:
        """secret: base32. step: the period of the code that proved it, which is thereby used up. recovery: hashes."""
        values = {"totp_secret": secret, "totp_last_step": step, "recovery": list(recovery)}
        await asyncio.wrap_future(
            self.database.write(lambda c: _set(c, user_id, values, actor, "user.second_factor_on"))
        )

    async def drop_second_factor(self, user_id: int, actor: Actor) -> None:
        values: dict[str, Any] = {"totp_secret": None, "totp_last_step": None, "recovery": []}
        await asyncio.wrap_future(
            self.database.write(lambda c: _set(c, user_id, values, actor, "user.second_factor_off"))
        )

    async def take_step(self, user_id: int, step: int) -> bool:
        """Uses up the code of a period: True once for a period, and for none before it (RFC 6238, 5.2)."""
        fresh = UserRow.totp_last_step.is_(None) | (UserRow.totp_last_step < step)
        query = update(UserRow).where(UserRow.id == user_id, fresh).values(totp_last_step=step)
        return await asyncio.wrap_future(self.database.write(lambda c: c.execute(query).rowcount == 1))

    async def take_recovery(self, user_id: int, code_hash: str, actor: Actor) -> bool:
        """Uses up a recovery code: True once."""
        return await asyncio.wrap_future(self.database.write(lambda c: _take_recovery(c, user_id, code_hash, actor)))

    async def link_account(self, user_id: int, subject: str, actor: Actor) -> None:
        """Binds an account elsewhere (OpenID Connect) to a user. Raises Conflict when another one is bound already."""
        await asyncio.wrap_future(self.database.write(lambda c: _link_account(c, user_id, subject, actor)))

    async def by_subject(self, subject: str) -> Secrets | None:
        return await asyncio.wrap_future(self.database.read(lambda c: _secrets(c, UserRow.oidc_subject == subject)))


def set_password(connection: Connection, user_id: int, password_hash: str, actor: Actor, keep: str | None) -> None:
    connection.execute(update(UserRow).where(UserRow.id == user_id).values(password_hash=password_hash))
    ended = end_sessions(connection, user_id, keep)
    record(connection, actor, "user.password", f"user:{user_id}", {"signed_out": ended})


def _set(connection: Connection, user_id: int, values: dict[str, Any], actor: Actor, action: str) -> None:
    connection.execute(update(UserRow).where(UserRow.id == user_id).values(**values))
    record(connection, actor, action, f"user:{user_id}")


def _take_recovery(connection: Connection, user_id: int, code_hash: str, actor: Actor) -> bool:
    query = select(UserRow.recovery).where(UserRow.id == user_id).with_for_update()
    left = list(connection.execute(query).scalar_one_or_none() or [])
    if code_hash not in left:
        return False
    left.remove(code_hash)
    connection.execute(update(UserRow).where(UserRow.id == user_id).values(recovery=left))
    record(connection, actor, "user.recovery_code", f"user:{user_id}", {"left": len(left)})
    return True


def _link_account(connection: Connection, user_id: int, subject: str, actor: Actor) -> None:
    free = UserRow.oidc_subject.is_(None) | (UserRow.oidc_subject == subject)
    query = update(UserRow).where(UserRow.id == user_id, free).values(oidc_subject=subject)
    if connection.execute(query).rowcount != 1:
        raise Conflict("Another account of the sign-in service is linked to this user already; ask an admin.")
    record(connection, actor, "user.link_account", f"user:{user_id}")


def _secrets(connection: Connection, key: Any) -> Secrets | None:
    row = connection.execute(select(UserRow.__table__).where(key)).one_or_none()
    if row is None:
        return None
    linked = row.oidc_subject is not None
    return Secrets(read_user(row), row.password_hash, row.totp_secret, len(row.recovery), linked)
