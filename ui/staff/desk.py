"""The live desk: its page and its JSON routes. Must not know what an action does beyond naming it."""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from chatbot.errors import BadInput
from storage.checks import check_year
from storage.desk_lists import DeskItem, ListName
from storage.people import User
from storage.taking import Hand
from ui.api import MAX_SEQ, ConversationId, Strict
from ui.staff import insight
from ui.staff.corrections import standing_view
from ui.staff.desk_views import facts_view, item_view
from ui.staff.live import LiveDesk
from ui.staff.pages import page
from ui.staff.parts import StaffParts
from ui.staff.views import staff_message

PAGE, MESSAGES = 50, 500
_SAME_VIEW_S = 600.0  # reading on in a conversation is the same view of it


class NewText(Strict):
    text: str
    client_id: str = Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")


class Transfer(Strict):
    user_id: int | None = Field(None, ge=1, le=MAX_SEQ)
    team_id: int | None = Field(None, ge=1, le=MAX_SEQ)
    why: str = Field("", max_length=1000)


class Begun(Strict):
    """Conversations for which a browser keeps words that were begun."""

    ids: list[Annotated[str, Field(max_length=64, pattern=r"^[\w.:-]+$")]] = Field(max_length=500)


class Tag(Strict):
    tag: str = Field(min_length=1, max_length=100)


@dataclass(frozen=True)
class DeskRoutes:
    """The routes' methods. Lives as long as the process."""

    parts: StaffParts
    live: LiveDesk
    _viewed: dict[tuple[int, str], float] = field(default_factory=dict)

    async def page(self, request: Request) -> Response:
        user = await self.parts.gate.agent(request)
        translates = bool(self.parts.assistant and self.parts.assistant.translator)
        return page(self.parts, request, user, "Desk", "desk", {"translates": translates})

    async def list(
        self,
        request: Request,
        which: ListName,
        after: Annotated[str | None, Query(max_length=300)] = None,
    ) -> dict[str, Any]:
        """A part of one list, with the lengths of all; `after` comes from the part before. What customers wrote is shown in
        part, which the audit log tells."""
        user = await self.parts.gate.agent(request)
        found = await self.parts.store.desk.page(user, which, _place(after), PAGE)
        await self._note_previews(user, request, f"desk.{which}", found.items)
        return {
            "items": await self._views(found.items),
            "after": "|".join((found.after[0].isoformat(), found.after[1])) if found.after else None,
            "counts": await self.parts.store.desk.counts(user),
        }

    async def counts(self, request: Request) -> dict[str, Any]:
        """The lengths of all lists, for the pages beside the desk."""
        return {"counts": await self.parts.store.desk.counts(await self.parts.gate.agent(request))}

    async def gone(self, request: Request, body: Begun) -> dict[str, Any]:
        """Those of the ids that no conversation has any more: what was begun for them is to be forgotten."""
        await self.parts.gate.agent(request)
        return {"gone": await self.parts.store.desk.gone(body.ids)}

    async def conversation(
        self, conversation_id: ConversationId, request: Request, after: Annotated[int, Query(ge=0, le=MAX_SEQ)] = 0
    ) -> dict[str, Any]:
        """The conversation with its messages with seq > `after`, at most 500, notes included, and the corrections of all that
        stand; the view is audited."""
        user = await self.parts.gate.agent(request)
        desk = self.parts.store.desk
        item = await desk.item(user, conversation_id)
        await self._audit_view(user, conversation_id, request)
        found = await desk.messages(user, conversation_id, after, MESSAGES)
        return {
            "conversation": (await self._views([item]))[0],
            "messages": [staff_message(message) for message in found],
            "corrections": await standing_view(self.parts, user, conversation_id),
            "more": len(found) == MESSAGES,
        }

    async def facts(self, conversation_id: ConversationId, request: Request) -> dict[str, Any]:
        user = await self.parts.gate.agent(request)
        found = await self.parts.store.desk.facts(user, conversation_id)
        await self._note_previews(user, request, "desk.earlier", found.earlier)
        return facts_view(found)

    async def colleagues(self, request: Request) -> dict[str, Any]:
        """Whom a conversation can be transferred to; `here`: has the desk open."""
        user = await self.parts.gate.agent(request)
        here = {present.id for present in self.parts.presence.present()}
        people = await self.parts.store.desk.colleagues()
        return {
            "users": [{"id": p.id, "name": p.name, "here": p.id in here} for p in people if p.id != user.id],
            "teams": [{"id": number, "name": name} for number, name in await self.parts.store.desk.teams()],
        }

    async def take(self, conversation_id: ConversationId, request: Request) -> dict[str, Any]:
        return _moved(conversation_id, await self.live.take(await self._hand(conversation_id, request)))

    async def give_back(self, conversation_id: ConversationId, request: Request) -> dict[str, Any]:
        return _moved(conversation_id, await self.live.give_back(await self._hand(conversation_id, request)))

    async def close(self, conversation_id: ConversationId, request: Request) -> dict[str, Any]:
        return _moved(conversation_id, await self.live.close(await self._hand(conversation_id, request)))

    async def say(self, conversation_id: ConversationId, body: NewText, request: Request) -> dict[str, Any]:
        hand = await self._hand(conversation_id, request, body.client_id)
        return staff_message(await self.live.say(hand, body.text))

    async def note(self, conversation_id: ConversationId, body: NewText, request: Request) -> dict[str, Any]:
        hand = await self._hand(conversation_id, request, body.client_id)
        return staff_message(await self.live.note(hand, body.text))

    async def transfer(self, conversation_id: ConversationId, body: Transfer, request: Request) -> dict[str, bool]:
        hand = await self._hand(conversation_id, request)
        if (body.user_id is None) == (body.team_id is None):
            raise BadInput("Choose a colleague or a team to transfer to.")
        await self.live.pass_to(hand, body.why.strip(), user_id=body.user_id, team_id=body.team_id)
        return {"transferred": True}

    async def tag(self, conversation_id: ConversationId, body: Tag, request: Request) -> dict[str, Any]:
        return await self._tag(await self._hand(conversation_id, request), body.tag, remove=False)

    async def untag(self, conversation_id: ConversationId, body: Tag, request: Request) -> dict[str, Any]:
        return await self._tag(await self._hand(conversation_id, request), body.tag, remove=True)

    async def typing(self, conversation_id: ConversationId, request: Request) -> dict[str, bool]:
        await self.live.typing(await self._hand(conversation_id, request))
        return {"told": True}

    async def _tag(self, hand: Hand, tag: str, *, remove: bool) -> dict[str, Any]:
        await self.parts.store.desk.tag(hand, tag, remove=remove)
        return facts_view(await self.parts.store.desk.facts(hand.user, hand.conversation_id))

    async def _hand(self, conversation_id: str, request: Request, token: str | None = None) -> Hand:
        user = await self.parts.gate.agent(request)
        actor = self.parts.gate.actor(user, request)
        return Hand(user, actor, conversation_id, token) if token else Hand(user, actor, conversation_id)

    async def _views(self, items: Sequence[DeskItem]) -> builtins.list[dict[str, Any]]:
        readings = await insight.read(self.parts, items)
        return [item_view(item) | insight.insight_view(one) for item, one in zip(items, readings, strict=True)]

    async def _note_previews(self, user: User, request: Request, where: str, items: Iterable[DeskItem]) -> None:
        actor, shown = self.parts.gate.actor(user, request), [item.id for item in items if item.preview]
        await self.parts.looks.note(self.parts.store.audit, actor, where, shown)

    async def _audit_view(self, user: User, conversation_id: str, request: Request) -> None:
        now, key = time.monotonic(), (user.id, conversation_id)
        if now - self._viewed.get(key, -_SAME_VIEW_S) < _SAME_VIEW_S:
            return
        for old in [other for other, at in self._viewed.items() if now - at >= _SAME_VIEW_S]:
            del self._viewed[old]
        actor = self.parts.gate.actor(user, request)
        await self.parts.store.audit.record(actor, "transcript.view", f"conversation:{conversation_id}")
        self._viewed[key] = now


def desk_routes(parts: StaffParts) -> APIRouter:
    desk, router = DeskRoutes(parts, LiveDesk(parts)), APIRouter()
    add, one = router.add_api_route, "/agents/api/desk/conversations/{conversation_id}"
    add("/agents/", desk.page, methods=["GET"])
    add("/agents/api/desk/list", desk.list, methods=["GET"])
    add("/agents/api/desk/counts", desk.counts, methods=["GET"])
    add("/agents/api/desk/gone", desk.gone, methods=["POST"])
    add("/agents/api/desk/colleagues", desk.colleagues, methods=["GET"])
    add(one, desk.conversation, methods=["GET"])
    add(f"{one}/facts", desk.facts, methods=["GET"])
    add(f"{one}/take", desk.take, methods=["POST"])
    add(f"{one}/return", desk.give_back, methods=["POST"])
    add(f"{one}/close", desk.close, methods=["POST"])
    add(f"{one}/messages", desk.say, methods=["POST"])
    add(f"{one}/notes", desk.note, methods=["POST"])
    add(f"{one}/transfer", desk.transfer, methods=["POST"])
    add(f"{one}/tags", desk.tag, methods=["POST"])
    add(f"{one}/tags", desk.untag, methods=["DELETE"])
    add(f"{one}/typing", desk.typing, methods=["POST"])
    return router


def _moved(conversation_id: str, item: DeskItem | None) -> dict[str, Any]:
    """`out_of_sight`: it was done, and what came of it is no longer the user's to see."""
    return {"id": conversation_id, "out_of_sight": True} if item is None else item_view(item)


def _place(after: str | None) -> tuple[datetime, str] | None:
    """Raises BadInput for what no answer of ours held."""
    if after is None:
        return None
    moment, _, key = after.partition("|")
    try:
        place = datetime.fromisoformat(moment)
    except ValueError as exc:
        raise BadInput("after: take it from the part of the list before.") from exc
    if place.tzinfo is None or not key:
        raise BadInput("after: take it from the part of the list before.")
    check_year(place, "after")
    return place, key
