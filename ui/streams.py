"""Server-sent events: a window's live stream and the reply to one REST message. Must not know HTML."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from chatbot.errors import Busy, NotFound
from chatbot.protocols import ConversationStore
from chatbot.types import Event, EventKind, Message, Role, Status
from ui.events import Signal, Window
from ui.identity import Identity
from ui.parts import Parts
from ui.views import conversation_view, message_view, visible

KEEP_ALIVE_S = 15.0
RETRY_MS = 1000
MAX_WINDOWS = 2_000
STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def sse(event: str, data: dict[str, Any], event_id: int | None = None) -> str:
    """One event of a text/event-stream (WHATWG HTML, 9.2.5)."""
    identified = f"id: {event_id}\n" if event_id is not None else ""
    return f"{identified}event: {event}\ndata: {json.dumps(data)}\n\n"


def event_routes(parts: Parts, identity: Identity) -> APIRouter:
    """`GET /chat/events/{conversation_id}`: everything that happens, from now on, to its owner's windows only."""
    router = APIRouter(include_in_schema=False)

    @router.get("/chat/events/{conversation_id}")
    async def events(conversation_id: str, request: Request) -> StreamingResponse:
        owner = identity.from_cookie(request)
        if owner is None:
            raise NotFound("There is no such conversation.")
        await parts.store.conversation(conversation_id, owner)
        if parts.hub.open_windows >= MAX_WINDOWS:
            raise Busy("Too many windows are open; try again in a moment.", retry_after_s=10)
        stream = window_stream(parts, conversation_id, owner)
        return StreamingResponse(stream, media_type="text/event-stream", headers=STREAM_HEADERS)

    return router


async def window_stream(parts: Parts, conversation_id: str, owner: str) -> AsyncIterator[str]:
    """A `hello` with the present state, then every event. The browser compares `hello` with what it shows, so a window
    that was away, or that was too slow, loses nothing: it reads the store again."""
    with parts.hub.window(conversation_id) as window:
        yield f"retry: {RETRY_MS}\n"
        yield await _hello(parts, window, conversation_id, owner)
        while (item := await window.next(KEEP_ALIVE_S)) is not Signal.CLOSED:
            if item is Signal.QUIET:
                yield ": still here\n\n"
            elif item is Signal.RESYNC:
                yield await _hello(parts, window, conversation_id, owner)
            elif isinstance(item, Event):
                yield _event(item)


def _event(event: Event) -> str:
    stored = event.kind in (EventKind.MESSAGE, EventKind.DONE) and event.seq > 0
    return sse(event.kind.value, {"seq": event.seq, "text": event.text}, event.seq if stored else None)


async def _hello(parts: Parts, window: Window, conversation_id: str, owner: str) -> str:
    """The present state. What came meanwhile is part of it, so it is taken out of the window, with no pause between."""
    try:
        conversation = await parts.store.conversation(conversation_id, owner)
    except NotFound:
        return sse("gone", {})
    window.waiting()
    state = {"seq": conversation.last_seq, "status": conversation.status.value}
    return sse("hello", state | {"writing": parts.manager.writing(conversation_id)}, conversation.last_seq)


async def reply_stream(
    parts: Parts, window: Window, message: Message, owner: str
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The reply to `message` as (event, data): `message` once it is stored, `delta`s, and one `final`.

    window: taken before the message was handed in, so that no piece is missed. `final` has the bot's message as
    `message`, or None when no bot answers: a person does, or the turn failed (`error` says so).
    """
    yield "message", message_view(message)
    deadline = asyncio.get_running_loop().time() + parts.settings.deadline_s + 5
    done = await _finished(parts.store, message, owner)
    while done is None:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            break
        item = await window.next(min(left, KEEP_ALIVE_S))
        if item is Signal.CLOSED:
            break
        if isinstance(item, Event) and item.kind is EventKind.DELTA:
            yield "delta", {"text": item.text}
        else:
            done = await _finished(parts.store, message, owner)
    for event in window.waiting():
        if event.kind is EventKind.DELTA:
            yield "delta", {"text": event.text}
    yield "final", done or {"message": None, "error": {"code": "no_reply", "message": "No reply came; yours is saved."}}


async def _finished(store: ConversationStore, message: Message, owner: str) -> dict[str, Any] | None:
    """The content of `final` once the turn after `message` is over; None while it goes on."""
    try:
        conversation = await store.conversation(message.conversation_id, owner)
        later = visible(await store.messages(message.conversation_id, owner, message.seq, 10))
    except NotFound:
        return {"message": None, "error": {"code": "not_found", "message": "The conversation was deleted."}}
    reply = next((m for m in later if m.role is Role.BOT), None)
    if reply is None and conversation.status is Status.BOT:
        return None
    return {"message": message_view(reply) if reply else None, "conversation": conversation_view(conversation)}
