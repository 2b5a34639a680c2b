"""Teams: which agents belong together, and whose languages they speak. Must not know conversations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from chatbot.errors import BadInput, Conflict, NotFound
from storage.audit import Actor, record
from storage.databases import Database
from storage.people import as_name
from storage.people_tables import TeamRow, UserRow

_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Team:
    """languages: ISO 639-1, those whose hand-overs it gets first; none: any. members: how many users."""

    id: int
    name: str
    languages: Sequence[str]
    members: int = 0


@dataclass(frozen=True, slots=True)
class Teams:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def all(self) -> Sequence[Team]:
        """By name."""
        return await asyncio.wrap_future(self.database.read(_all))

    async def by_name(self, name: str) -> Team:
        """Raises NotFound naming the teams that there are."""
        teams = await self.all()
        found = next((team for team in teams if team.name.casefold() == name.strip().casefold()), None)
        if found is None:
            known = ", ".join(team.name for team in teams) or "none yet"
            raise NotFound(f"There is no team named {name.strip()!r}; there are: {known}.")
        return found

    async def add(self, name: str, languages: Sequence[str], actor: Actor) -> Team:
        """Raises Conflict for a name that is taken, BadInput for what is no language."""
        values = as_name(name), as_languages(languages)
        return await asyncio.wrap_future(self.database.write(lambda c: _add(c, *values, actor)))

    async def change(self, team_id: int, name: str, languages: Sequence[str], actor: Actor) -> Team:
        """Raises NotFound, Conflict, BadInput."""
        values = as_name(name), as_languages(languages)
        return await asyncio.wrap_future(self.database.write(lambda c: _change(c, team_id, *values, actor)))


def as_languages(languages: Sequence[str]) -> list[str]:
    """Lower-case, each once. Raises BadInput."""
    codes = list(dict.fromkeys(code.strip().lower() for code in languages if code.strip()))
    if wrong := [code for code in codes if not _LANGUAGE.fullmatch(code)]:
        raise BadInput(f"{wrong[0][:20]!r} is no language code; write en, de, zh and the like.")
    return codes


def _all(connection: Connection) -> list[Team]:
    members = select(func.count()).where(UserRow.team_id == TeamRow.id, UserRow.disabled_at.is_(None)).scalar_subquery()
    query = select(TeamRow.__table__, members.label("members")).order_by(func.lower(TeamRow.name), TeamRow.id)
    return [Team(row.id, row.name, tuple(row.languages), row.members) for row in connection.execute(query)]


def _add(connection: Connection, name: str, languages: list[str], actor: Actor) -> Team:
    row = {"name": name, "languages": languages, "created_at": datetime.now(UTC)}
    try:
        with connection.begin_nested():
            made = connection.execute(insert(TeamRow).values(row).returning(TeamRow.id)).scalar_one()
    except IntegrityError as exc:
        raise Conflict(f"There is a team named {name} already.") from exc
    record(connection, actor, "team.add", f"team:{made}", {"languages": languages})
    return Team(made, name, tuple(languages))


def _change(connection: Connection, team_id: int, name: str, languages: list[str], actor: Actor) -> Team:
    query = update(TeamRow).where(TeamRow.id == team_id).values(name=name, languages=languages)
    try:
        with connection.begin_nested():
            changed = connection.execute(query).rowcount
    except IntegrityError as exc:
        raise Conflict(f"There is a team named {name} already.") from exc
    if changed != 1:
        raise NotFound("There is no such team.")
    record(connection, actor, "team.change", f"team:{team_id}", {"languages": languages})
    return Team(team_id, name, tuple(languages))
