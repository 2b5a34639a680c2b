"""Canned answers of the team: who may see and change which, each shortcut once. Must not know how gaps are filled."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, delete, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from chatbot.errors import BadInput, Conflict, NotAllowed, NotFound
from storage.audit import Actor, record
from storage.checks import check_text
from storage.databases import Database
from storage.desk_tables import CannedRow
from storage.people import User
from storage.people_tables import TeamRow, UserRow

LONGEST = 4000
_SHORTCUT = re.compile(r"[\w-]{1,40}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
NO_SUCH_ANSWER = "There is no such canned answer; somebody may have deleted it."


@dataclass(frozen=True, slots=True)
class Wording:
    """What an author gives. language None: for any; team_id None: everybody's."""

    shortcut: str
    text: str
    language: str | None = None
    team_id: int | None = None


@dataclass(frozen=True, slots=True)
class Canned:
    """A canned answer. `team` and `author` are names, None for everybody's and a user who is gone. own: the asker may change it."""

    id: int
    wording: Wording
    team: str | None
    author: str | None
    updated_at: datetime
    own: bool


@dataclass(frozen=True, slots=True)
class CannedAnswers:
    """Lives as long as the store; any event loop may call. A user sees the own team's and everybody's, an admin all.

    A user changes those of the own team; an admin changes all. Everybody's are an admin's to change, unless the company has no
    teams: then they are everyone's.
    """

    database: Database

    async def all(self, user: User, language: str | None = None) -> Sequence[Canned]:
        """Those in `language` first, then those for any, then the rest; each part by shortcut, the own team's first."""
        return await asyncio.wrap_future(self.database.read(lambda c: _all(c, user, language)))

    async def add(self, user: User, actor: Actor, wording: Wording) -> Canned:
        """Raises BadInput, NotAllowed for another team's, Conflict for a shortcut that is taken."""
        wording = checked(wording)
        return await asyncio.wrap_future(self.database.write(lambda c: _add(c, user, actor, wording)))

    async def change(self, user: User, actor: Actor, number: int, wording: Wording) -> Canned:
        """Raises as `add`, and NotFound for what the user may not see."""
        wording = checked(wording)
        return await asyncio.wrap_future(self.database.write(lambda c: _change(c, user, actor, number, wording)))

    async def delete(self, user: User, actor: Actor, number: int) -> None:
        """Raises NotFound, NotAllowed."""
        await asyncio.wrap_future(self.database.write(lambda c: _delete(c, user, actor, number)))


def checked(wording: Wording) -> Wording:
    """As it is kept: the shortcut lower-case and without "/", the text without blank ends. Raises BadInput."""
    shortcut = check_text(wording.shortcut, "shortcut").strip().removeprefix("/").lower()
    if not _SHORTCUT.fullmatch(shortcut):
        raise BadInput("A shortcut has 1 to 40 letters, digits, - or _, such as return-label.")
    text = check_text(wording.text, "text").strip()
    if not text:
        raise BadInput("The answer is empty; write it down.")
    if len(text) > LONGEST:
        raise BadInput(f"The answer has {len(text)} characters; please keep it to {LONGEST}.")
    language = (wording.language or "").strip().lower() or None
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise BadInput(f"{language[:20]!r} is no language code; write en, de, zh and the like, or nothing.")
    return Wording(shortcut, text, language, wording.team_id)


def may_change(user: User, team_id: int | None, *, teams: bool) -> bool:
    """teams: whether the company has any."""
    return user.is_admin or (team_id == user.team_id and (team_id is not None or not teams))


def _changeable(user: User) -> ColumnElement[bool]:
    """`may_change` as a condition of the write itself."""
    if user.is_admin:
        return true()
    if user.team_id is not None:
        return CannedRow.team_id == user.team_id
    return CannedRow.team_id.is_(None) & ~_some_team()


def _some_team() -> ColumnElement[bool]:
    return select(TeamRow.id).exists()


def _has_teams(connection: Connection) -> bool:
    return bool(connection.execute(select(_some_team())).scalar_one())


def _seen(user: User) -> ColumnElement[bool]:
    if user.is_admin:
        return true()
    return or_(CannedRow.team_id.is_(None), CannedRow.team_id == user.team_id)


def _rows() -> Select[Any]:
    names = TeamRow.name.label("team"), UserRow.name.label("author")
    query = select(CannedRow.__table__, *names).outerjoin(TeamRow, TeamRow.id == CannedRow.team_id)
    return query.outerjoin(UserRow, UserRow.id == CannedRow.user_id)


def _all(connection: Connection, user: User, language: str | None) -> list[Canned]:
    fit = case((CannedRow.language == language, 0), (CannedRow.language.is_(None), 1), else_=2)
    query = _rows().where(_seen(user)).order_by(fit, CannedRow.shortcut, CannedRow.team_id.is_(None), CannedRow.id)
    teams = _has_teams(connection)
    return [_canned(row, may_change(user, row.team_id, teams=teams)) for row in connection.execute(query)]


def _canned(row: Row[Any], own: bool) -> Canned:
    wording = Wording(row.shortcut, row.text, row.language, row.team_id)
    return Canned(row.id, wording, row.team, row.author, row.updated_at, own)


def _one(connection: Connection, user: User, number: int) -> Canned:
    row = connection.execute(_rows().where(CannedRow.id == number, _seen(user))).one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_ANSWER)
    return _canned(row, may_change(user, row.team_id, teams=_has_teams(connection)))


def _values(user: User, wording: Wording) -> dict[str, Any]:
    place = f"{wording.team_id or ''}/{wording.language or ''}/{wording.shortcut}"
    return {
        "place": place,
        "shortcut": wording.shortcut,
        "text": wording.text,
        "language": wording.language,
        "team_id": wording.team_id,
        "user_id": user.id,
        "updated_at": datetime.now(UTC),
    }


def _check_place(connection: Connection, user: User, wording: Wording) -> None:
    if not may_change(user, wording.team_id, teams=_has_teams(connection)):
        raise _not_yours()
    team_id = wording.team_id
    if team_id is not None and connection.execute(select(TeamRow.id).where(TeamRow.id == team_id)).first() is None:
        raise NotFound("There is no such team.")


def _add(connection: Connection, user: User, actor: Actor, wording: Wording) -> Canned:
    _check_place(connection, user, wording)
    values = _values(user, wording)
    try:
        with connection.begin_nested():
            number = connection.execute(insert(CannedRow).values(values).returning(CannedRow.id)).scalar_one()
    except IntegrityError as exc:
        raise _taken(wording) from exc
    _trace(connection, actor, "add", number, wording)
    return _one(connection, user, number)


def _change(connection: Connection, user: User, actor: Actor, number: int, wording: Wording) -> Canned:
    _one(connection, user, number)
    _check_place(connection, user, wording)
    try:
        with connection.begin_nested():
            own = update(CannedRow).where(CannedRow.id == number, _changeable(user))
            if not connection.execute(own.values(_values(user, wording))).rowcount:
                raise _not_yours()
    except IntegrityError as exc:
        raise _taken(wording) from exc
    _trace(connection, actor, "change", number, wording)
    return _one(connection, user, number)


def _delete(connection: Connection, user: User, actor: Actor, number: int) -> None:
    found = _one(connection, user, number)
    if not connection.execute(delete(CannedRow).where(CannedRow.id == number, _changeable(user))).rowcount:
        raise _not_yours()
    _trace(connection, actor, "delete", number, found.wording)


def _not_yours() -> NotAllowed:
    return NotAllowed("You may change the canned answers of your own team only; ask an admin.")


def _taken(wording: Wording) -> Conflict:
    return Conflict(
        f"There is an answer /{wording.shortcut} for this team and language already; choose another shortcut."
    )


def _trace(connection: Connection, actor: Actor, verb: str, number: int, wording: Wording) -> None:
    detail: Mapping[str, Any] = {"team_id": wording.team_id, "language": wording.language}
    record(connection, actor, f"canned.{verb}", f"canned:{number}", detail)
