"""The users of the team: who they are, their role and team, their credentials. Must not know hashing, cookies or pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from chatbot.errors import BadInput, Conflict, NotFound
from storage.audit import Actor, record
from storage.databases import Database
from storage.people_tables import LinkRow, StaffSessionRow, TeamRow, UserRow

StaffRole = Literal["agent", "admin"]
NO_SUCH_USER = "There is no such user."


@dataclass(frozen=True, slots=True)
class User:
    """One of the team. `team_id` None sees what belongs to no team; an admin sees everything."""

    id: int
    email: str
    name: str
    role: StaffRole
    team_id: int | None
    disabled: bool
    second_factor: bool = False

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as the list of people shows it. `can_sign_in`: a password is chosen, or an account elsewhere is linked."""

    user: User
    team: str | None
    can_sign_in: bool
    created_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class People:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def add_user(
        self, email: str, name: str, role: StaffRole, actor: Actor, *, team_id: int | None = None
    ) -> User:
        """Raises Conflict when the address is taken, BadInput for what is no address or name."""
        values = {"email": as_email(email), "name": as_name(name), "role": role, "team_id": team_id}
        return await asyncio.wrap_future(self.database.write(lambda c: add_user(c, values, actor)))

    async def everyone(self) -> Sequence[Profile]:
        """All users, those who may sign in first, by name."""
        return await asyncio.wrap_future(self.database.read(_everyone))

    async def user(self, user_id: int) -> User:
        """Raises NotFound."""
        return await asyncio.wrap_future(self.database.read(lambda c: _user(c, user_id)))

    async def by_email(self, email: str) -> User:
        """Raises NotFound."""
        return await asyncio.wrap_future(self.database.read(lambda c: _by_email(c, email.strip().lower())))

    async def rename(self, user_id: int, name: str, actor: Actor) -> User:
        values = {"name": as_name(name)}
        return await self._change(user_id, values, actor, "user.rename")

    async def set_role(self, user_id: int, role: StaffRole, actor: Actor) -> User:
        """Raises Conflict for the last admin. It holds from the user's next request on."""
        return await self._change(user_id, {"role": role}, actor, "user.role")

    async def set_team(self, user_id: int, team_id: int | None, actor: Actor) -> User:
        return await self._change(user_id, {"team_id": team_id}, actor, "user.team")

    async def disable(self, user_id: int, actor: Actor) -> User:
        """Ends the user's sessions and links. Raises Conflict for the last admin."""
        return await self._change(user_id, {"disabled_at": datetime.now(UTC)}, actor, "user.disable")

    async def enable(self, user_id: int, actor: Actor) -> User:
        return await self._change(user_id, {"disabled_at": None}, actor, "user.enable")

    async def has_admin(self) -> bool:
        """Is there an admin who could sign in?"""
        return await asyncio.wrap_future(self.database.read(has_admin))

    async def _change(self, user_id: int, values: Mapping[str, Any], actor: Actor, action: str) -> User:
        return await asyncio.wrap_future(self.database.write(lambda c: _change(c, user_id, values, actor, action)))


def as_email(text: str) -> str:
    """Lower-case. Raises BadInput unless it looks like an address (one @, a dot behind it, no spaces)."""
    email = text.strip().lower()
    name, _, host = email.rpartition("@")
    odd = any(c.isspace() or not c.isprintable() for c in email)
    if odd or not name or "." not in host.strip(".") or len(email) > 254:
        raise BadInput(f"{email[:80]!r} is no e-mail address; it looks like ann@shop.example.")
    return email


def as_name(text: str) -> str:
    """Raises BadInput for an empty name, or one of more than 100 characters."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise BadInput("A name has 1 to 100 characters.")
    return name


def read_user(row: Any) -> User:
    """`row` has the columns of `users`."""
    off, factor = row.disabled_at is not None, row.totp_secret is not None
    return User(row.id, row.email, row.name, row.role, row.team_id, off, factor)


def add_user(connection: Connection, values: Mapping[str, Any], actor: Actor) -> User:
    """In the caller's transaction. Raises Conflict, NotFound for the team."""
    _check_team(connection, values)
    try:
        with connection.begin_nested():
            row = {**values, "recovery": [], "created_at": datetime.now(UTC)}
            made = connection.execute(insert(UserRow).values(row).returning(*UserRow.__table__.c)).one()
    except IntegrityError as exc:
        raise Conflict(f"There is a user with the address {values['email']} already.") from exc
    record(connection, actor, "user.add", f"user:{made.id}", {"role": made.role, "team_id": made.team_id})
    return read_user(made)


def has_admin(connection: Connection) -> bool:
    can = UserRow.password_hash.is_not(None) | UserRow.oidc_subject.is_not(None)
    query = select(UserRow.id).where(UserRow.role == "admin", UserRow.disabled_at.is_(None), can).limit(1)
    return connection.execute(query).first() is not None


def _change(connection: Connection, user_id: int, values: Mapping[str, Any], actor: Actor, action: str) -> User:
    _check_team(connection, values)
    was_admin = user_id in _admins(connection)
    query = update(UserRow).where(UserRow.id == user_id).values(**values).returning(*UserRow.__table__.c)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_USER)
    if was_admin and not _admins(connection):
        raise Conflict("This is the last admin; make somebody else an admin first.")
    if row.disabled_at:
        connection.execute(delete(StaffSessionRow).where(StaffSessionRow.user_id == user_id))
        connection.execute(delete(LinkRow).where(LinkRow.user_id == user_id))
    shown = {name: value for name, value in values.items() if name in ("role", "team_id")}
    record(connection, actor, action, f"user:{user_id}", shown)
    return read_user(row)


def _admins(connection: Connection) -> set[int]:
    """Locks their rows, so that two admins who disable each other at the same time do not both succeed."""
    query = select(UserRow.id).where(UserRow.role == "admin", UserRow.disabled_at.is_(None))
    return set(connection.execute(query.order_by(UserRow.id).with_for_update()).scalars())


def _check_team(connection: Connection, values: Mapping[str, Any]) -> None:
    team_id = values.get("team_id")
    if team_id is not None and connection.execute(select(TeamRow.id).where(TeamRow.id == team_id)).first() is None:
        raise NotFound("There is no such team.")


def _user(connection: Connection, user_id: int) -> User:
    row = connection.execute(select(UserRow.__table__).where(UserRow.id == user_id)).one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_USER)
    return read_user(row)


def _by_email(connection: Connection, email: str) -> User:
    row = connection.execute(select(UserRow.__table__).where(UserRow.email == email)).one_or_none()
    if row is None:
        raise NotFound(f"There is no user with the address {email}.")
    return read_user(row)


def _everyone(connection: Connection) -> list[Profile]:
    seen = (
        select(StaffSessionRow.user_id, func.max(StaffSessionRow.seen_at).label("seen_at"))
        .group_by(StaffSessionRow.user_id)
        .subquery()
    )
    query = (
        select(UserRow.__table__, TeamRow.name.label("team"), seen.c.seen_at)
        .outerjoin(TeamRow, TeamRow.id == UserRow.team_id)
        .outerjoin(seen, seen.c.user_id == UserRow.id)
        .order_by(UserRow.disabled_at.is_not(None), func.lower(UserRow.name), UserRow.id)
    )
    return [
        Profile(read_user(row), row.team, bool(row.password_hash or row.oidc_subject), row.created_at, row.seen_at)
        for row in connection.execute(query)
    ]
