"""Users of the team and their sessions. Must not know passwords' hashing, cookies or pages."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from chatbot.errors import Conflict
from storage.audit import Actor, record
from storage.databases import Database
from storage.people_tables import StaffSessionRow, UserRow

SESSION_LASTS = timedelta(hours=12)
StaffRole = Literal["agent", "admin"]


@dataclass(frozen=True, slots=True)
class User:
    """One of the team. `team_id` None sees what belongs to no team; an admin sees everything."""

    id: int
    email: str
    name: str
    role: StaffRole
    team_id: int | None
    disabled: bool

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


@dataclass(frozen=True, slots=True)
class People:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def add_user(
        self, email: str, name: str, role: StaffRole, actor: Actor, *, team_id: int | None = None
    ) -> User:
        """Raises Conflict when the address is taken."""
        values = {"email": email.strip().lower(), "name": name.strip(), "role": role, "team_id": team_id}
        return await asyncio.wrap_future(self.database.write(lambda c: _add_user(c, values, actor)))

    async def start_session(self, user_id: int, *, verified: bool, network: str | None = None) -> str:
        """A new session; returns its secret, which is kept nowhere else."""
        token, now = secrets.token_urlsafe(32), datetime.now(UTC)
        row = {
            "token_hash": hash_token(token),
            "user_id": user_id,
            "created_at": now,
            "seen_at": now,
            "expires_at": now + SESSION_LASTS,
            "verified_at": now if verified else None,
            "network": network,
        }
        await asyncio.wrap_future(self.database.write(lambda c: c.execute(insert(StaffSessionRow).values(row))))
        return token

    async def signed_in(self, token: str) -> User | None:
        """The user behind a session's secret; None when it is unknown, expired, not verified, or its user disabled."""
        return await asyncio.wrap_future(self.database.read(lambda c: _signed_in(c, hash_token(token))))


def hash_token(token: str) -> str:
    """What is kept of a session's or link's secret: SHA-256, hex. The secret has 256 random bits, so no salt is needed."""
    return hashlib.sha256(b"staff:" + token.encode()).hexdigest()


def read_user(row: Any) -> User:
    """`row` has the columns of `users`."""
    return User(row.id, row.email, row.name, row.role, row.team_id, row.disabled_at is not None)


def _add_user(connection: Connection, values: Mapping[str, Any], actor: Actor) -> User:
    try:
        with connection.begin_nested():
            made = connection.execute(
                insert(UserRow).values(**values, created_at=datetime.now(UTC)).returning(*UserRow.__table__.c)
            ).one()
    except IntegrityError as exc:
        raise Conflict(f"There is a user with the address {values['email']} already.") from exc
    record(connection, actor, "user.add", f"user:{made.id}", {"role": made.role})
    return read_user(made)


def _signed_in(connection: Connection, token_hash: str) -> User | None:
    row = connection.execute(
        select(UserRow.__table__)
        .join(StaffSessionRow, StaffSessionRow.user_id == UserRow.id)
        .where(
            StaffSessionRow.token_hash == token_hash,
            StaffSessionRow.expires_at > datetime.now(UTC),
            StaffSessionRow.verified_at.is_not(None),
            UserRow.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else read_user(row)
