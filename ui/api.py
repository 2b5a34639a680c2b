"""The REST interface under /api/v1: plain JSON in, JSON or server-sent events out. Must not know HTML or Gradio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from chatbot.errors import NotFound
from chatbot.types import Feedback
from ui.handlers import ask_for_person
from ui.identity import Identity, bearer_token, client_prefix
from ui.mydata import erase, export, receipt_view
from ui.parts import Parts
from ui.rates import Rates
from ui.streams import reply_stream, sse
from ui.views import conversation_view, message_view, visible

ConversationId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[\w-]+$")]
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": what, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    for status, what in {
        404: "No such conversation, or not yours",
        409: "The same client id with another text, or a state that has moved on",
        413: "Too large",
        422: "Not acceptable",
        429: "Too much at once; see Retry-After",
        503: "The database is away; nothing was saved",
    }.items()
}


MAX_SEQ = 2**31 - 1  # what an integer column holds on every database


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewConversation(Strict):
    language: str | None = Field(None, max_length=16, pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")


class NewMessage(Strict):
    text: str
    client_message_id: str = Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")


class NewFeedback(Strict):
    seq: int = Field(ge=1, le=MAX_SEQ)
    thumb: Literal[1, -1]
    reason: str | None = Field(None, max_length=100)
    comment: str | None = Field(None, max_length=1000)


class NewContact(Strict):
    address: str = Field(min_length=3, max_length=254)


class NewRating(Strict):
    stars: int = Field(ge=1, le=5)
    comment: str | None = Field(None, max_length=1000)


@dataclass(frozen=True)
class Api:
    """The routes' methods. Lives as long as the process."""

    parts: Parts
    identity: Identity
    rates: Rates

    def owner(self, request: Request) -> str:
        """Bearer token first, then the cookie. Raises NotFound for a stranger: to him no conversation exists."""
        owner = self.identity.from_bearer(request) or self.identity.from_cookie(request)
        if owner is None:
            raise NotFound("There is no such conversation.")
        return owner

    async def create(self, request: Request, body: NewConversation | None = None) -> JSONResponse:
        """Starts a conversation. Without a token or cookie a new `token` comes back, to send as bearer."""
        owner = self.identity.from_bearer(request) or self.identity.from_cookie(request)
        token = bearer_token(request) if self.identity.from_bearer(request) else None
        self.rates.conversation(client_prefix(request, self.parts.settings.trusted_proxies))
        if owner is None:
            token = self.identity.new_token()
            owner = self.identity.owner_of(token)
            assert owner is not None
        conversation = await self.parts.store.create_conversation(owner, body.language if body else None)
        return JSONResponse(conversation_view(conversation) | {"token": token}, 201)

    async def send(self, conversation_id: ConversationId, body: NewMessage, request: Request) -> StreamingResponse:
        """Stores a message, then streams the reply: `message` (stored), `delta`s, `final`. The same
        `client_message_id` and text again is the same message, so a retry is safe."""
        owner = self.owner(request)
        await self.parts.store.conversation(conversation_id, owner)
        prefix = client_prefix(request, self.parts.settings.trusted_proxies)
        self.rates.message(owner, prefix, conversation_id)
        held = ExitStack()
        try:
            window = held.enter_context(self.parts.hub.window(conversation_id))
            message = await self.parts.manager.receive(conversation_id, owner, body.text, body.client_message_id)
        except BaseException:
            held.close()
            self.rates.forget(conversation_id)
            raise
        events = reply_stream(self.parts, window, message, owner)
        return StreamingResponse(_closing(held, events), media_type="text/event-stream")

    async def messages(
        self, conversation_id: ConversationId, request: Request, after: Annotated[int, Query(ge=0, le=MAX_SEQ)] = 0
    ) -> dict[str, Any]:
        """The conversation and its messages with seq > `after`, at most 200, oldest first."""
        owner = self.owner(request)
        conversation = await self.parts.store.conversation(conversation_id, owner)
        found = await self.parts.store.messages(conversation_id, owner, after)
        return {
            "conversation": conversation_view(conversation),
            "messages": [message_view(m) for m in visible(found)],
            "more": bool(found) and found[-1].seq < conversation.last_seq,
        }

    async def feedback(self, conversation_id: ConversationId, body: NewFeedback, request: Request) -> JSONResponse:
        """A thumb on one of the bot's messages; a second one replaces the first."""
        owner = self._acting(request)
        await self.parts.store.add_feedback(Feedback(conversation_id, **body.model_dump()), owner)
        return JSONResponse({"saved": True})

    async def rate(self, conversation_id: ConversationId, body: NewRating, request: Request) -> JSONResponse:
        """Stars for the conversation; a second rating replaces the first."""
        owner = self._acting(request)
        await self.parts.store.rate(conversation_id, owner, body.stars, body.comment)
        return JSONResponse({"saved": True})

    async def person(self, conversation_id: ConversationId, request: Request) -> dict[str, Any]:
        """Asks for a person. Asking twice is the same as once."""
        owner = self._acting(request)
        return conversation_view(await ask_for_person(self.parts, conversation_id, owner))

    async def contact(self, conversation_id: ConversationId, body: NewContact, request: Request) -> dict[str, Any]:
        """Leaves an e-mail address at which the team answers, for when nobody is there; a second one replaces the first."""
        owner = self._acting(request)
        return conversation_view(await self.parts.manager.leave_contact(conversation_id, owner, body.address))

    async def stop(self, conversation_id: ConversationId, request: Request) -> JSONResponse:
        """Stops the reply that is being written; what stands so far is kept."""
        owner = self._acting(request)
        await self.parts.manager.stop(conversation_id, owner)
        return JSONResponse({"stopped": True})

    async def export(self, request: Request) -> dict[str, Any]:
        """Everything that is kept about the caller: all conversations with all messages."""
        owner = self._acting(request)
        return await export(self.parts, owner)

    async def delete(self, request: Request) -> dict[str, Any]:
        """Erases everything that is kept about the caller, for good. `receipt`: what went, by store."""
        owner = self._acting(request)
        erased = await erase(self.parts, owner)
        receipt = {"receipt": receipt_view(erased.receipt)} if erased.receipt else {}
        return {"deleted_conversations": erased.conversations, **receipt}

    def _acting(self, request: Request) -> str:
        owner = self.owner(request)
        self.rates.action(owner)
        return owner


def api_routes(api: Api) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["conversations"], responses=_ERRORS)
    one = "/conversations/{conversation_id}"
    add = router.add_api_route
    add("/conversations", api.create, methods=["POST"], status_code=201)
    add(f"{one}/messages", api.send, methods=["POST"], response_class=StreamingResponse)
    add(f"{one}/messages", api.messages, methods=["GET"])
    add(f"{one}/feedback", api.feedback, methods=["POST"])
    add(f"{one}/rating", api.rate, methods=["POST"])
    add(f"{one}/person", api.person, methods=["POST"])
    add(f"{one}/contact", api.contact, methods=["POST"])
    add(f"{one}/stop", api.stop, methods=["POST"])
    add("/me", api.export, methods=["GET"])
    add("/me", api.delete, methods=["DELETE"])
    return router


async def _closing(held: ExitStack, events: AsyncIterator[tuple[str, dict[str, Any]]]) -> AsyncIterator[str]:
    with held:
        async for event, data in events:
            yield sse(event, data)
