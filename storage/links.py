"""One-time links: to choose a password, or to become the first admin. Must not know addresses of pages or hashing."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from chatbot.errors import Conflict, NotFound
from storage.audit import Actor, record
from storage.credentials import set_password
from storage.databases import Database
from storage.people import NO_SUCH_USER, User, add_user, as_email, as_name, has_admin, read_user
from storage.people_tables import LinkRow, UserRow
from storage.sessions import hash_token

LASTS = timedelta(hours=72)
SPENT = "This link has been used, or it is too old; ask an admin for a new one."


@dataclass(frozen=True, slots=True)
class Links:
    """Lives as long as the store; any event loop may call. A link works once, for 72 hours; its token is kept as a hash."""

    database: Database

    async def for_user(self, user_id: int, actor: Actor) -> str:
        """A new link's token; earlier ones of the user stop working. Raises NotFound, Conflict for a disabled user."""
        token = secrets.token_urlsafe(32)
        await asyncio.wrap_future(self.database.write(lambda c: _for_user(c, user_id, hash_token(token), actor)))
        return token

    async def for_first_admin(self) -> str | None:
        """A new link's token while nobody could sign in as an admin, else None; the earlier one stops working."""
        token = secrets.token_urlsafe(32)
        made = await asyncio.wrap_future(self.database.write(lambda c: _for_first_admin(c, hash_token(token))))
        return token if made else None

    async def look(self, token: str) -> User | None:
        """Whom the link is for; None: for the first admin. Using it up is another matter. Raises NotFound."""
        return await asyncio.wrap_future(self.database.read(lambda c: _look(c, hash_token(token))))

    async def choose_password(self, token: str, password_hash: str, network: str | None) -> User:
        """Uses the link up: sets the password and signs its user out everywhere. Raises NotFound."""
        work = self.database.write(lambda c: _choose_password(c, hash_token(token), password_hash, network))
        return await asyncio.wrap_future(work)

    async def become_admin(self, token: str, email: str, name: str, password_hash: str) -> User:
        """Uses the link up: makes the first admin. Raises NotFound, BadInput, Conflict."""
        values = {"email": as_email(email), "name": as_name(name), "role": "admin", "password_hash": password_hash}
        return await asyncio.wrap_future(self.database.write(lambda c: _become_admin(c, hash_token(token), values)))


def _for_user(connection: Connection, user_id: int, token_hash: str, actor: Actor) -> None:
    row = connection.execute(select(UserRow.disabled_at).where(UserRow.id == user_id)).one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_USER)
    if row.disabled_at:
        raise Conflict("This user is disabled; enable the user first.")
    connection.execute(delete(LinkRow).where(LinkRow.user_id == user_id))
    _insert(connection, user_id, token_hash)
    record(connection, actor, "user.link", f"user:{user_id}")


def _for_first_admin(connection: Connection, token_hash: str) -> bool:
    if has_admin(connection):
        return False
    connection.execute(delete(LinkRow).where(LinkRow.user_id.is_(None)))
    _insert(connection, None, token_hash)
    return True


def _insert(connection: Connection, user_id: int | None, token_hash: str) -> None:
    row = {"token_hash": token_hash, "user_id": user_id, "expires_at": datetime.now(UTC) + LASTS, "used_at": None}
    connection.execute(insert(LinkRow).values(row))


def _fresh(token_hash: str) -> Any:
    return (LinkRow.token_hash == token_hash) & LinkRow.used_at.is_(None) & (LinkRow.expires_at > datetime.now(UTC))


def _look(connection: Connection, token_hash: str) -> User | None:
    link = connection.execute(select(LinkRow.user_id).where(_fresh(token_hash))).one_or_none()
    if link is None or (link.user_id is None and has_admin(connection)):
        raise NotFound(SPENT)
    if link.user_id is None:
        return None
    return read_user(connection.execute(select(UserRow.__table__).where(UserRow.id == link.user_id)).one())


def _use_up(connection: Connection, token_hash: str) -> int | None:
    """Compare-and-set, so that of two who open it at the same time one is refused."""
    used = update(LinkRow).where(_fresh(token_hash)).values(used_at=datetime.now(UTC)).returning(LinkRow.user_id)
    link = connection.execute(used).one_or_none()
    if link is None:
        raise NotFound(SPENT)
    return None if link.user_id is None else int(link.user_id)


def _choose_password(connection: Connection, token_hash: str, password_hash: str, network: str | None) -> User:
    user_id = _use_up(connection, token_hash)
    if user_id is None:
        raise NotFound(SPENT)
    user = read_user(connection.execute(select(UserRow.__table__).where(UserRow.id == user_id)).one())
    actor = Actor(user.id, f"{user.id} {user.name}", network)
    record(connection, actor, "link.use", f"user:{user.id}")
    set_password(connection, user.id, password_hash, actor, None)
    return user


def _become_admin(connection: Connection, token_hash: str, values: Mapping[str, Any]) -> User:
    if _use_up(connection, token_hash) is not None or has_admin(connection):
        raise NotFound(SPENT)
    return add_user(connection, values, Actor(None, "first start"))
