"""Routes of the copilot: precedents, a draft, a translation, and what became of them. Must not know search, models or SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from chatbot import copilot
from chatbot.copilot import DraftReply, Precedent, Suggestions
from chatbot.errors import Busy, Conflict, NotFound
from chatbot.types import Message, Role, Turn
from storage.copilot import Use
from storage.people import User
from ui.api import MAX_SEQ, ConversationId, Strict
from ui.staff.parts import StaffParts
from ui.views import source_view

HISTORY = 30
SEARCHES = 2  # at once, of all agents together: the threads that search are the customers' too
TRANSLATIONS = 2


class Taken(Strict):
    """What of the offers went into the message that was sent under `client_id`. draft: the mode of the draft that was inserted."""

    client_id: str = Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")
    inserted: str = Field(min_length=1, max_length=20_000)
    passages: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=20)
    draft: Literal["precedent", "adapted", "generated"] | None = None


@dataclass(frozen=True)
class CopilotRoutes:
    """Lives as long as the process; belongs to one event loop. Conversations that the user may not see raise NotFound."""

    parts: StaffParts
    _searching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SEARCHES))
    _drafts: dict[tuple[int, str], asyncio.Task[DraftReply]] = field(default_factory=dict)
    _translating: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TRANSLATIONS))

    async def suggestions(self, conversation_id: ConversationId, request: Request) -> dict[str, Any]:
        """Up to three precedents for what the customer wants to know; none where nothing was asked or no index serves."""
        user = await self.parts.gate.agent(request)
        turns, prior = await self._turns(user, conversation_id)
        assistant = self.parts.assistant
        if assistant is None:
            return suggestions_view(Suggestions())
        async with self._searching:
            found = await asyncio.to_thread(copilot.suggest, turns, assistant.answerer, prior)
        return suggestions_view(found)

    async def draft(self, conversation_id: ConversationId, request: Request) -> dict[str, Any]:
        """A draft within `copilot.DRAFT_S`; a newer request for the same conversation replaces the one that runs."""
        user = await self.parts.gate.agent(request)
        turns, prior = await self._turns(user, conversation_id)
        assistant = self.parts.assistant
        if assistant is None:
            return draft_view(DraftReply())
        key = (user.id, conversation_id)
        if earlier := self._drafts.pop(key, None):
            earlier.cancel()
        full = len(self._drafts) >= max(1, self.parts.settings.slots // 4)
        crowded = (lambda: True) if full else self.parts.manager.crowded
        task = asyncio.create_task(copilot.draft(turns, assistant.answerer, prior, crowded))
        self._drafts[key] = task
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()  # where the caller was cancelled
            if self._drafts.get(key) is task:
                del self._drafts[key]
        if task.cancelled():
            raise Conflict("A newer draft is being written for this conversation.")
        return draft_view(task.result())

    async def translation(
        self,
        conversation_id: ConversationId,
        request: Request,
        seq: Annotated[int, Query(ge=1, le=MAX_SEQ)],
        to: Annotated[str, Query(pattern=r"^[a-z]{2}$")],
    ) -> dict[str, Any]:
        """A customer's message in the language `to`; NotFound where no model is declared fit for it. The view is audited."""
        user = await self.parts.gate.agent(request)
        translator = self.parts.assistant.translator if self.parts.assistant else None
        if translator is None:
            raise NotFound("No model that translates is set up here; see model_fit.")
        found = await self.parts.store.desk.messages(user, conversation_id, seq - 1, 1)
        if not found or found[0].seq != seq or found[0].role is not Role.CUSTOMER:
            raise NotFound("There is no such message of the customer.")
        if self._translating.locked() or self.parts.manager.crowded():
            raise Busy("Too much is being written at the moment; try again in a moment.")
        actor = self.parts.gate.actor(user, request)
        await self.parts.store.audit.record(actor, "message.translate", f"conversation:{conversation_id}", {"seq": seq})
        async with self._translating:
            return {"text": await translator.translate(found[0].text, to), "to": to, "model": translator.model.name}

    async def taken(self, conversation_id: ConversationId, body: Taken, request: Request) -> dict[str, bool]:
        """Keeps, masked, what was inserted and what was sent: a pair to learn from."""
        user = await self.parts.gate.agent(request)
        message = await self.parts.store.copilot.sent(user, conversation_id, body.client_id)
        assistant = self.parts.assistant
        if assistant is None:
            return {"kept": False}  # nothing was offered
        names = [message.author] if message.author else []
        mask = assistant.answerer.masker.mask
        inserted, sent = await asyncio.to_thread(lambda: (mask(body.inserted, names), mask(message.text, names)))
        await self.parts.store.copilot.keep(message, Use(inserted, sent, tuple(body.passages), body.draft))
        return {"kept": True}

    async def _turns(self, user: User, conversation_id: str) -> tuple[list[Turn], str | None]:
        """The last turns, and the conversation's language."""
        desk = self.parts.store.desk
        item = await desk.item(user, conversation_id)
        found = await desk.messages(user, conversation_id, max(0, item.last_seq - HISTORY), HISTORY)
        return turns_of(found), item.language


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """What was said between the customer and us; notes are not."""
    spoken = (Role.CUSTOMER, Role.AGENT, Role.BOT)
    return [Turn(m.role, m.text, m.created_at, m.author) for m in messages if m.role in spoken]


def suggestions_view(found: Suggestions) -> dict[str, Any]:
    return {
        "precedents": [_precedent_view(one) for one in found.precedents],
        "language": found.language,
        "confidence": found.confidence,
        "fits": found.fits,
        "degraded": list(found.degraded),
    }


def _precedent_view(one: Precedent) -> dict[str, Any]:
    return source_view(one.source) | {"text": one.text, "general": one.general, "said": one.said}


def draft_view(made: DraftReply) -> dict[str, Any]:
    return {
        "text": made.text,
        "mode": made.mode.value,
        "sources": [source_view(source) for source in made.sources],
        "checks": list(made.checks),
        "degraded": list(made.degraded),
        "model": made.model,
    }


def copilot_routes(parts: StaffParts) -> APIRouter:
    routes, router = CopilotRoutes(parts), APIRouter(prefix="/agents/api/conversations/{conversation_id}")
    router.add_api_route("/suggestions", routes.suggestions, methods=["GET"])
    router.add_api_route("/draft", routes.draft, methods=["GET"])
    router.add_api_route("/translation", routes.translation, methods=["GET"])
    router.add_api_route("/uses", routes.taken, methods=["POST"])
    return router
