"""The archive's pages: search over all conversations, and one transcript with why each reply was said. Must not know SQL."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from chatbot.types import Conversation
from storage.archive import Entry
from storage.filters import Filters
from storage.reviews import Judged
from storage.searchbox import MAX_BOX_CHARS, Snippet
from ui.api import ConversationId, Strict
from ui.staff.corrections import standing_view
from ui.staff.pages import page
from ui.staff.parts import StaffParts
from ui.staff.views import staff_message

_FILTERS = {one.name for one in fields(Filters)}


class Wanted(Strict):
    """What is searched for; an empty field filters nothing."""

    q: str = Field("", max_length=MAX_BOX_CHARS)
    since: datetime | None = None
    until: datetime | None = None
    language: str | None = Field(None, max_length=16)
    status: str | None = Field(None, max_length=20)
    outcome: str | None = Field(None, max_length=20)
    rating: int | None = Field(None, ge=0, le=5)
    tag: str | None = Field(None, max_length=60)
    agent: int | None = Field(None, ge=1, le=2**53)
    mode: str | None = Field(None, max_length=20)
    reason: str | None = Field(None, max_length=40)
    action: str | None = Field(None, max_length=20)
    thumb: int | None = Field(None, ge=-1, le=1)

    def filters(self) -> Filters:
        return Filters(**self.model_dump(include=_FILTERS))


class Asked(Wanted):
    """The query of a search. after: `next` of the page before."""

    after: str | None = Field(None, max_length=600)


@dataclass(frozen=True)
class ArchiveRoutes:
    """The routes' methods. Lives as long as the process."""

    parts: StaffParts

    async def page(self, request: Request) -> Response:
        user = await self.parts.gate.agent(request)
        return page(self.parts, request, user, "Transcripts", "transcripts")

    async def transcript_page(self, conversation_id: ConversationId, request: Request) -> Response:
        """Draws itself from `transcript`, which is what is audited; says nothing of whether there is such a conversation."""
        user = await self.parts.gate.agent(request)
        extra = {"conversation": conversation_id}
        return page(self.parts, request, user, "Transcript", "transcripts", extra)

    async def search(self, request: Request, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
        """At most 50, newest first; `next` is the `after` of the following page. back_to: the search has looked so far back
        without filling the page; go on with `next`."""
        user = await self.parts.gate.agent(request)
        found = await self.parts.store.archive.search(user, asked.q, asked.filters(), after=asked.after)
        shown = [entry.conversation.id for entry in found.entries]
        actor = self.parts.gate.actor(user, request)  # what is shown of each is in the customer's words
        if asked.q and shown:
            await self.parts.store.audit.record(actor, "transcript.search", None, {"conversations": shown})
        else:
            await self.parts.looks.note(self.parts.store.audit, actor, "archive", shown)
        back_to = found.back_to.isoformat() if found.back_to else None
        return {"entries": [entry_view(entry) for entry in found.entries], "next": found.next, "back_to": back_to}

    async def choices(self, request: Request) -> dict[str, Any]:
        user = await self.parts.gate.agent(request)
        found = await self.parts.store.archive.choices(user)
        return {
            "tags": list(found.tags),
            "agents": [{"id": number, "name": name} for number, name in found.agents],
            "languages": list(self.parts.settings.languages),
        }

    async def transcript(self, conversation_id: ConversationId, request: Request) -> dict[str, Any]:
        """Everything said, with how each reply came about, what was thought of it, and what people put in its place; the view is
        audited."""
        user = await self.parts.gate.agent(request)
        actor = self.parts.gate.actor(user, request)
        found = await self.parts.store.archive.transcript(conversation_id, user, actor)
        judged = await self.parts.store.reviews.verdicts(user, conversation_id)
        return {
            "conversation": conversation_view(found.conversation) | {"tags": list(found.tags)},
            "messages": [staff_message(message) for message in found.messages],
            "verdicts": {str(seq): verdict_view(verdict) for seq, verdict in judged.items()},
            "corrections": await standing_view(self.parts, user, conversation_id),
        }


def archive_routes(parts: StaffParts) -> APIRouter:
    router, routes = APIRouter(), ArchiveRoutes(parts)
    router.add_api_route("/agents/transcripts", routes.page, methods=["GET"])
    router.add_api_route("/agents/transcripts/{conversation_id}", routes.transcript_page, methods=["GET"])
    router.add_api_route("/agents/api/transcripts", routes.search, methods=["GET"])
    router.add_api_route("/agents/api/transcripts/choices", routes.choices, methods=["GET"])
    router.add_api_route("/agents/api/transcripts/{conversation_id}", routes.transcript, methods=["GET"])
    return router


def entry_view(entry: Entry) -> dict[str, Any]:
    """`hit.marks` are [start, end) in `hit.text`, in UTF-16 units as JavaScript counts."""
    hit = entry.hit
    shown = hit and {
        "seq": hit.seq,
        "role": hit.role.value,
        "time": hit.created_at.isoformat(),
        "text": hit.snippet.text,
        "marks": _utf16(hit.snippet),
        "cut": [hit.snippet.cut_before, hit.snippet.cut_after],
    }
    return conversation_view(entry.conversation) | {"tags": list(entry.tags), "hit": shown}


def conversation_view(one: Conversation) -> dict[str, Any]:
    """Times are ISO 8601."""
    return {
        "id": one.id,
        "status": one.status.value,
        "language": one.language,
        "created_at": one.created_at.isoformat(),
        "updated_at": one.updated_at.isoformat(),
        "messages": one.last_seq,
        "reason": one.handover_reason,
        "agent": one.agent,
        "rating": one.rating,
    }


def verdict_view(one: Judged) -> dict[str, Any]:
    return {"verdict": one.verdict, "agent": one.agent, "why_shown": one.why_shown, "at": one.at.isoformat()}


def _utf16(snippet: Snippet) -> list[list[int]]:
    def units(end: int) -> int:
        return len(snippet.text[:end].encode("utf-16-le", "surrogatepass")) // 2

    return [[units(start), units(end)] for start, end in snippet.marks]
