"""Canned answers: the page to manage them, and the list behind "/" with their gaps filled. Must not know SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from chatbot.canned import fill_gaps
from chatbot.privacy import Masker
from chatbot.types import Role
from storage.canned import LONGEST, Canned, Wording, may_change
from storage.people import User
from storage.taking import shown_name
from ui.api import MAX_SEQ, Strict
from ui.staff.pages import page
from ui.staff.parts import StaffParts

CannedId = Annotated[int, Path(ge=1, le=2**62)]
_ID = r"^[\w-]+$"
HISTORY = 200


class NewCanned(Strict):
    """team_id None: everybody's; language None: for any."""

    shortcut: str = Field(max_length=60)
    text: str = Field(max_length=2 * LONGEST)
    language: str | None = Field(None, max_length=20)
    team_id: int | None = Field(None, ge=1, le=MAX_SEQ)

    def wording(self) -> Wording:
        return Wording(self.shortcut, self.text, self.language, self.team_id)


@dataclass(frozen=True)
class CannedRoutes:
    """Lives as long as the process."""

    parts: StaffParts
    masker: Masker

    async def page(self, request: Request) -> Response:
        user = await self.parts.gate.agent(request)
        return page(self.parts, request, user, "Canned answers", "canned")

    async def list(
        self,
        request: Request,
        conversation: Annotated[str | None, Query(min_length=1, max_length=64, pattern=_ID)] = None,
    ) -> dict[str, Any]:
        """All that the user may use. With a conversation: its language first, and `filled` for its customer."""
        user = await self.parts.gate.agent(request)
        known, language = {"agent_name": shown_name(user.name), "company": self.parts.settings.company}, None
        if conversation is not None:
            language = (await self.parts.store.desk.item(user, conversation)).language
            known["customer_name"] = await self._name_in(user, conversation)
        found = await self.parts.store.canned.all(user, language)
        return {"answers": [canned_view(one, known) for one in found], "teams": await self._teams(user)}

    async def add(self, body: NewCanned, request: Request) -> dict[str, Any]:
        user = await self.parts.gate.agent(request)
        made = await self.parts.store.canned.add(user, self.parts.gate.actor(user, request), body.wording())
        return canned_view(made)

    async def change(self, canned_id: CannedId, body: NewCanned, request: Request) -> dict[str, Any]:
        user = await self.parts.gate.agent(request)
        actor = self.parts.gate.actor(user, request)
        return canned_view(await self.parts.store.canned.change(user, actor, canned_id, body.wording()))

    async def delete(self, canned_id: CannedId, request: Request) -> dict[str, bool]:
        user = await self.parts.gate.agent(request)
        await self.parts.store.canned.delete(user, self.parts.gate.actor(user, request), canned_id)
        return {"deleted": True}

    async def _name_in(self, user: User, conversation: str) -> str:
        """The customer's name as given in the conversation, "" when none was."""
        messages = await self.parts.store.desk.messages(user, conversation, 0, HISTORY)
        said = [message.text for message in messages if message.role is Role.CUSTOMER]
        return await asyncio.to_thread(last_name_given, said, self.masker)

    async def _teams(self, user: User) -> Sequence[Mapping[str, Any]]:
        """Whose answers the user may write; id None is everybody."""
        teams = await self.parts.store.desk.teams()
        places = [(None, "Everybody"), *teams]
        return [{"id": number, "name": name} for number, name in places if may_change(user, number, teams=bool(teams))]


def last_name_given(texts: Sequence[str], masker: Masker) -> str:
    names = [span.value for text in texts for span in masker.find(text) if span.type == "NAME"]
    return names[-1] if names else ""


def canned_view(one: Canned, known: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`filled` and `gaps` where it is known for whom."""
    wording = one.wording
    view = {
        "id": one.id,
        "shortcut": wording.shortcut,
        "text": wording.text,
        "language": wording.language,
        "team_id": wording.team_id,
        "team": one.team,
        "author": one.author,
        "updated_at": one.updated_at.isoformat(),
        "own": one.own,
    }
    if known is None:
        return view
    filled, gaps = fill_gaps(wording.text, known)
    return view | {"filled": filled, "gaps": list(gaps)}


def canned_routes(parts: StaffParts) -> APIRouter:
    masker = parts.assistant.answerer.masker if parts.assistant else Masker(parts.settings.keep_visible)
    routes, router = CannedRoutes(parts, masker), APIRouter()
    router.add_api_route("/agents/canned", routes.page, methods=["GET"])
    router.add_api_route("/agents/api/canned", routes.list, methods=["GET"])
    router.add_api_route("/agents/api/canned", routes.add, methods=["POST"], status_code=201)
    router.add_api_route("/agents/api/canned/{canned_id}", routes.change, methods=["POST"])
    router.add_api_route("/agents/api/canned/{canned_id}", routes.delete, methods=["DELETE"])
    return router
