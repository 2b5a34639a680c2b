"""`chatbot user` and `chatbot team`: who works here. Knows no password: people choose theirs by a one-time link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from chatbot.errors import UsageError
from chatbot.settings import Settings
from scripts.options import DataOption, JsonOption, print_json, run, settings_from
from storage.audit import COMMAND
from storage.opening import Store, open_store
from storage.people import Profile, User
from storage.teams import Team

T = TypeVar("T")
EmailArgument = Annotated[str, typer.Argument(help="The user's e-mail address.", metavar="EMAIL")]


class Role(StrEnum):
    """What a user may do."""

    AGENT = "agent"
    ADMIN = "admin"


app = typer.Typer(help="The people who sign in: agents and admins.", no_args_is_help=True)
teams = typer.Typer(help="Teams of agents; a team limits what its agents see.", no_args_is_help=True)


@app.command("add")
def add(
    ctx: typer.Context,
    email: EmailArgument,
    name: Annotated[str, typer.Option("--name", help="As colleagues know the person; customers see the first name.")],
    role: Annotated[Role, typer.Option("--role", help="What the person may do.")] = Role.AGENT,
    team: Annotated[str | None, typer.Option("--team", help="An existing team.", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Adds somebody and prints a one-time link to choose a password (72 hours)."""
    settings = settings_from(ctx, data)

    async def work(store: Store) -> tuple[User, str]:
        team_id = (await store.teams.by_name(team)).id if team else None
        made = await store.people.add_user(email, name, role.value, COMMAND, team_id=team_id)
        return made, await store.links.for_user(made.id, COMMAND)

    user, token = _with_store(settings, work)
    _tell_link(settings, user, token, as_json)


@app.command("list")
def list_users(ctx: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Everybody, with role, team and when they were last here."""
    people = _with_store(settings_from(ctx, data), lambda store: store.people.everyone())
    if as_json:
        print_json([_profile(profile) for profile in people])
        return
    table = Table("", "Name", "E-mail", "Role", "Team", "Second factor", "Last here", box=None)
    for one in people:
        user = one.user
        mark = "disabled" if user.disabled else "" if one.can_sign_in else "link not used yet"
        seen = one.seen_at.strftime("%Y-%m-%d %H:%M") if one.seen_at else "never"
        factor = "on" if user.second_factor else "off"
        table.add_row(mark, user.name, user.email, user.role, one.team or "", factor, seen)
    Console(highlight=False).print(table)


@app.command("disable")
def disable(ctx: typer.Context, email: EmailArgument, data: DataOption = None) -> None:
    """Signs somebody out everywhere, at once, and keeps them out."""
    user = _change(settings_from(ctx, data), email, lambda store, user: store.people.disable(user.id, COMMAND))
    _tell(f"{user.email} is disabled.")


@app.command("enable")
def enable(ctx: typer.Context, email: EmailArgument, data: DataOption = None) -> None:
    """Lets somebody in again."""
    user = _change(settings_from(ctx, data), email, lambda store, user: store.people.enable(user.id, COMMAND))
    _tell(f"{user.email} is enabled.")


@app.command("reset")
def reset(
    ctx: typer.Context,
    email: EmailArgument,
    totp: Annotated[bool, typer.Option("--totp", help="Remove the second factor too (lost phone).")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prints a new one-time link; the present password holds until the link is used."""
    settings = settings_from(ctx, data)

    async def work(store: Store) -> tuple[User, str]:
        user = await store.people.by_email(email)
        if totp:
            await store.credentials.drop_second_factor(user.id, COMMAND)
        return user, await store.links.for_user(user.id, COMMAND)

    user, token = _with_store(settings, work)
    _tell_link(settings, user, token, as_json)


@app.command("role")
def role(
    ctx: typer.Context, email: EmailArgument, role: Annotated[Role, typer.Argument()], data: DataOption = None
) -> None:
    """Makes somebody an agent or an admin."""
    settings = settings_from(ctx, data)
    user = _change(settings, email, lambda store, user: store.people.set_role(user.id, role.value, COMMAND))
    _tell(f"{user.email} is now an {user.role}.")


@app.command("team")
def set_team(
    ctx: typer.Context,
    email: EmailArgument,
    team: Annotated[str | None, typer.Argument(help="The team's name; none takes the person out of the team.")] = None,
    data: DataOption = None,
) -> None:
    """Puts somebody into a team."""

    async def work(store: Store, user: User) -> User:
        team_id = (await store.teams.by_name(team)).id if team else None
        return await store.people.set_team(user.id, team_id, COMMAND)

    user = _change(settings_from(ctx, data), email, work)
    _tell(f"{user.email} is now in {f'the team {team}' if team else 'no team'}.")


@teams.command("add")
def add_team(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The team's name.")],
    language: Annotated[
        list[str] | None,
        typer.Option("--language", help="Gets hand-overs in it first, e.g. de; may be repeated.", show_default=False),
    ] = None,
    data: DataOption = None,
) -> None:
    """Adds a team."""
    team = _with_store(settings_from(ctx, data), lambda store: store.teams.add(name, language or [], COMMAND))
    _tell(f"The team {team.name} is there.")


@teams.command("list")
def list_teams(ctx: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Every team with its languages and how many people it has."""
    found = _with_store(settings_from(ctx, data), lambda store: store.teams.all())
    if as_json:
        print_json([_team(team) for team in found])
        return
    table = Table("Team", "Languages", "People", box=None)
    for team in found:
        table.add_row(team.name, ", ".join(team.languages) or "any", str(team.members))
    Console(highlight=False).print(table)


def _with_store(settings: Settings, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    with _opened(settings) as store:
        return asyncio.run(work(store))


def _change(settings: Settings, email: str, work: Callable[[Store, User], Coroutine[Any, Any, User]]) -> User:
    async def find_and_change(store: Store) -> User:
        return await work(store, await store.people.by_email(email))

    return _with_store(settings, find_and_change)


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    url = settings.database_url.get_secret_value() if settings.database_url else None
    if url is None and not settings.data.is_dir():
        raise UsageError(
            f"There is no data folder {settings.data} yet; make one with `chatbot init`, or name it with --data."
        )
    with open_store(url, settings.data) as store:
        yield store


def _tell(sentence: str) -> None:
    Console(highlight=False, soft_wrap=True).print(sentence, markup=False)


def _tell_link(settings: Settings, user: User, token: str, as_json: bool) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = (settings.public_url or f"http://{host}:{settings.port}").rstrip("/")
    link = f"{base}/setup/{token}"
    if as_json:
        print_json({"id": user.id, "email": user.email, "name": user.name, "role": user.role, "link": link})
        return
    _tell(f"{user.name} <{user.email}>, {user.role}. To choose a password, once and within 72 hours:\n{link}")
    if settings.public_url is None:
        _tell(
            "The address is that of the settings (public_url, host, port); a server that was started with --port has another."
        )


def _profile(profile: Profile) -> dict[str, Any]:
    user = profile.user
    return {
        "id": user.id, "email": user.email, "name": user.name, "role": user.role, "team": profile.team,
        "disabled": user.disabled, "second_factor": user.second_factor, "can_sign_in": profile.can_sign_in,
        "created_at": profile.created_at, "seen_at": profile.seen_at,
    }  # fmt: skip


def _team(team: Team) -> dict[str, Any]:
    return {"id": team.id, "name": team.name, "languages": list(team.languages), "members": team.members}


if __name__ == "__main__":
    run(app)
