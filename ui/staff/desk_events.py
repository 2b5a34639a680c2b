"""One stream of events for each window of the team: what changed, who is typing, never what was said. Must not know the lists."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import nullcontext

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from chatbot.errors import Busy
from chatbot.types import Event, EventKind
from storage.people import User
from ui.events import Signal
from ui.staff.parts import StaffParts
from ui.streams import RETRY_MS, STREAM_HEADERS, sse

CHECKS_EVERY_S = 3.0
"""A user who is disabled or signed out is out within this time and a heartbeat's slack."""
MAX_TEAM_WINDOWS = 500


def desk_event_routes(parts: StaffParts) -> APIRouter:
    """`GET /agents/api/events`: `hello {user, role}`, then `changed {id, seq, status}`, `typing {id, who}`, `passed {id}` (by a
    colleague, to this user), `gone {id}` (erased), `lists` (something left the user's sight), `missed` (look at everything
    again) and `signed_out`, after which the stream ends. beside=true: for a page beside the desk, whose reader may be busy
    elsewhere and does not count as present."""
    router = APIRouter()

    @router.get("/agents/api/events")
    async def events(request: Request, beside: bool = False) -> StreamingResponse:
        user = await parts.gate.agent(request)
        if parts.hub.team_windows >= MAX_TEAM_WINDOWS:
            raise Busy("Too many desk windows are open; close some and try again.", retry_after_s=10)
        stream = desk_stream(parts, user, request, beside=beside)
        return StreamingResponse(stream, media_type="text/event-stream", headers=STREAM_HEADERS)

    return router


async def desk_stream(parts: StaffParts, user: User, request: Request, *, beside: bool = False) -> AsyncGenerator[str]:
    """Everything that the user may see, until the session ends or the process stops."""
    with parts.hub.everything() as window, nullcontext() if beside else parts.presence.here(user):
        yield f"retry: {RETRY_MS}\n"
        yield sse("hello", {"user": user.id, "role": user.role})
        checked = time.monotonic()
        while (item := await window.next(max(0.0, checked + CHECKS_EVERY_S - time.monotonic()))) is not Signal.CLOSED:
            if time.monotonic() - checked >= CHECKS_EVERY_S:
                if not await parts.gate.still(user, request):
                    yield sse("signed_out", {})
                    return
                checked = time.monotonic()
            for text in await _told(parts, user, [item, *window.rest()]):
                yield text


async def _told(parts: StaffParts, user: User, items: Sequence[Event | Signal]) -> list[str]:
    if Signal.CLOSED in items:
        return []
    happened = [item for item in items if isinstance(item, Event)]
    if Signal.RESYNC in items:
        passed = dict.fromkeys(
            _text(event) for event in happened if event.kind is EventKind.PASSED and _is_for(user, event)
        )
        return [*passed, sse("missed", {})]
    if not happened:
        return [": still here\n\n"]
    ids = list(dict.fromkeys(event.conversation_id for event in happened))
    visible = await parts.store.desk.visible(user, ids)
    seen = [event for event in happened if event.conversation_id in visible and _is_for(user, event)]
    told = dict.fromkeys(_text(event) for event in seen)
    for event in happened:
        if event.kind is EventKind.STATUS and event.conversation_id not in visible:
            told[sse("gone", {"id": event.conversation_id}) if event.text == "erased" else sse("lists", {})] = None
    return list(told)


def _is_for(user: User, event: Event) -> bool:
    return event.kind is not EventKind.PASSED or event.text == str(user.id)


def _text(event: Event) -> str:
    if event.kind is EventKind.PASSED:
        return sse("passed", {"id": event.conversation_id})
    if event.kind is EventKind.TYPING:
        return sse("typing", {"id": event.conversation_id, "who": event.text})
    status = event.text if event.kind is EventKind.STATUS else None
    return sse("changed", {"id": event.conversation_id, "seq": event.seq, "status": status})
