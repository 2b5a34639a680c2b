"""The people page: users, roles, teams, one-time links; for admins. Must not know how a password is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import Field

from chatbot.errors import Conflict
from storage.people import Profile, StaffRole, User
from storage.teams import Team
from ui.api import MAX_SEQ
from ui.staff.login import Strict
from ui.staff.pages import page
from ui.staff.parts import StaffParts

Number = Annotated[int, Path(ge=1, le=MAX_SEQ)]
Name = Annotated[str, Field(max_length=200)]
TeamNumber = Annotated[int, Field(ge=1, le=MAX_SEQ)]


class NewUser(Strict):
    email: Annotated[str, Field(max_length=300)]
    name: Name
    role: StaffRole = "agent"
    team_id: TeamNumber | None = None


class Change(Strict):
    """What is named changes; `team_id` null takes somebody out of the team."""

    name: Name | None = None
    role: StaffRole | None = None
    team_id: TeamNumber | None = None
    disabled: bool | None = None


class TeamFields(Strict):
    name: Name
    languages: Annotated[list[Annotated[str, Field(max_length=20)]], Field(max_length=50, default_factory=list)]


@dataclass(frozen=True)
class Users:
    """The routes' methods. Lives as long as the process."""

    parts: StaffParts

    async def page(self, request: Request) -> Response:
        user = await self.parts.gate.admin(request)
        return page(self.parts, request, user, "People", "users")

    async def all(self, request: Request) -> dict[str, Any]:
        await self.parts.gate.admin(request)
        people, teams = await self.parts.store.people.everyone(), await self.parts.store.teams.all()
        return {"users": [profile_view(profile) for profile in people], "teams": [team_view(team) for team in teams]}

    async def add(self, request: Request, body: NewUser) -> dict[str, Any]:
        """The new user and a one-time link, which is shown this once."""
        actor = self.parts.gate.actor(await self.parts.gate.admin(request), request)
        made = await self.parts.store.people.add_user(body.email, body.name, body.role, actor, team_id=body.team_id)
        return user_view(made) | {"link": self._address(request, await self.parts.store.links.for_user(made.id, actor))}

    async def change(self, request: Request, user_id: Number, body: Change) -> dict[str, Any]:
        """Raises NotFound, and Conflict for the last admin or for disabling oneself."""
        admin = await self.parts.gate.admin(request)
        actor, people, given = self.parts.gate.actor(admin, request), self.parts.store.people, body.model_fields_set
        if body.disabled and user_id == admin.id:
            raise Conflict("You cannot disable yourself; another admin can.")
        user = await people.user(user_id)
        if body.name is not None:
            user = await people.rename(user_id, body.name, actor)
        if body.role is not None and body.role != user.role:
            user = await people.set_role(user_id, body.role, actor)
        if "team_id" in given and body.team_id != user.team_id:
            user = await people.set_team(user_id, body.team_id, actor)
        if body.disabled is not None and body.disabled != user.disabled:
            user = await (people.disable if body.disabled else people.enable)(user_id, actor)
        return user_view(user)

    async def link(self, request: Request, user_id: Number) -> dict[str, str]:
        """A new one-time link; earlier ones stop working."""
        actor = self.parts.gate.actor(await self.parts.gate.admin(request), request)
        return {"link": self._address(request, await self.parts.store.links.for_user(user_id, actor))}

    async def drop_factor(self, request: Request, user_id: Number) -> dict[str, Any]:
        """For somebody who has lost the phone and the recovery codes."""
        actor = self.parts.gate.actor(await self.parts.gate.admin(request), request)
        await self.parts.store.people.user(user_id)
        await self.parts.store.credentials.drop_second_factor(user_id, actor)
        return user_view(await self.parts.store.people.user(user_id))

    async def sign_out(self, request: Request, user_id: Number) -> dict[str, int]:
        """Everywhere."""
        actor = self.parts.gate.actor(await self.parts.gate.admin(request), request)
        await self.parts.store.people.user(user_id)
        return {"ended": await self.parts.store.sessions.end_all(user_id, actor)}

    async def add_team(self, request: Request, body: TeamFields) -> dict[str, Any]:
        actor = self.parts.gate.actor(await self.parts.gate.admin(request), request)
        return team_view(await self.parts.store.teams.add(body.name, body.languages, actor))

    async def change_team(self, request: Request, team_id: Number, body: TeamFields) -> dict[str, Any]:
        actor = self.parts.gate.actor(await self.parts.gate.admin(request), request)
        return team_view(await self.parts.store.teams.change(team_id, body.name, body.languages, actor))

    def _address(self, request: Request, token: str) -> str:
        base = self.parts.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
        return f"{base.rstrip('/')}/setup/{token}"


def user_view(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "team_id": user.team_id,
        "disabled": user.disabled,
        "second_factor": user.second_factor,
    }


def profile_view(profile: Profile) -> dict[str, Any]:
    more = {"team": profile.team, "can_sign_in": profile.can_sign_in, "seen_at": profile.seen_at}
    return user_view(profile.user) | more


def team_view(team: Team) -> dict[str, Any]:
    return {"id": team.id, "name": team.name, "languages": list(team.languages), "members": team.members}


def users_routes(parts: StaffParts) -> APIRouter:
    users, router, one = Users(parts), APIRouter(), "/admin/api/users/{user_id}"
    add = router.add_api_route
    add("/admin/users", users.page, methods=["GET"])
    add("/admin/api/users", users.all, methods=["GET"])
    add("/admin/api/users", users.add, methods=["POST"], status_code=201)
    add(one, users.change, methods=["POST"])
    add(f"{one}/link", users.link, methods=["POST"])
    add(f"{one}/second-factor/off", users.drop_factor, methods=["POST"])
    add(f"{one}/sign-out", users.sign_out, methods=["POST"])
    add("/admin/api/teams", users.add_team, methods=["POST"], status_code=201)
    add("/admin/api/teams/{team_id}", users.change_team, methods=["POST"])
    return router
