"""Routes with which the team corrects a reply of the assistant and takes a correction back. Must not know SQL or the index."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field

from chatbot.correcting import Taught
from chatbot.errors import Conflict
from chatbot.types import Mode, Source
from storage.corrections import Corrected, Correction
from storage.lessons import LONGEST
from storage.people import User
from storage.superseding import said_by
from ui.api import MAX_SEQ, Strict
from ui.staff.parts import StaffParts
from ui.staff.teaching import Teaching
from ui.views import source_view

Seq = Annotated[int, Path(ge=1, le=MAX_SEQ)]
_ID = r"^[\w-]+$"
ConversationId = Annotated[str, Path(min_length=1, max_length=64, pattern=_ID)]
CorrectionId = Annotated[int, Path(ge=1, le=2**62)]


class NewCorrection(Strict):
    """supersede None: the sources whose words the reply was. ours: what looks like personal data in the answer is the company's."""

    conversation: str = Field(min_length=1, max_length=64, pattern=_ID)
    seq: int = Field(ge=1, le=MAX_SEQ)
    answer: str = Field(max_length=LONGEST)
    question: str | None = Field(None, max_length=LONGEST)
    supersede: list[str] | None = Field(None, max_length=20)
    ours: bool = False


def correction_routes(parts: StaffParts) -> APIRouter:
    router, routes = APIRouter(), CorrectionRoutes(parts, Teaching(parts))
    router.add_api_route("/agents/api/corrections/of/{conversation_id}/{seq}", routes.preview, methods=["GET"])
    router.add_api_route("/agents/api/corrections", routes.add, methods=["POST"], status_code=201)
    router.add_api_route("/agents/api/corrections/{correction_id}/undo", routes.undo, methods=["POST"])
    return router


@dataclass(frozen=True)
class CorrectionRoutes:
    """Lives as long as the process."""

    parts: StaffParts
    teaching: Teaching

    async def preview(self, request: Request, conversation_id: ConversationId, seq: Seq) -> Mapping[str, Any]:
        """What was asked and said, and what a correction would supersede; `answered`: the reply was one, no fixed sentence."""
        user = await self.parts.gate.agent(request)
        found = await self.parts.store.corrections.reply(user, conversation_id, seq)
        seen = {"seq": seq, "messages": len(found.messages) + 1}
        await self.parts.store.audit.record(
            self.parts.gate.actor(user, request), "correction.view", f"conversation:{conversation_id}", seen
        )
        taught = await self.teaching.asked(found)
        return _preview(found, taught)

    async def add(self, request: Request, wish: NewCorrection) -> Mapping[str, Any]:
        user = await self.parts.gate.agent(request)
        found = await self.parts.store.corrections.reply(user, wish.conversation, wish.seq)
        if found.correction is not None:
            raise Conflict(
                f"{found.correction.agent} has corrected this reply already; look at that answer, or undo it first."
            )
        lesson, masked = await self.teaching.lesson(found, wish.question, wish.answer, ours=wish.ours)
        actor = self.parts.gate.actor(user, request)
        place = (wish.conversation, wish.seq)
        made = await self.parts.store.corrections.correct(user, actor, place, lesson, wish.supersede)
        await self.teaching.take_over()
        return {"correction": correction_view(made), "masked": masked}

    async def undo(self, request: Request, correction_id: CorrectionId) -> Mapping[str, Any]:
        user = await self.parts.gate.agent(request)
        undone = await self.parts.store.corrections.undo(user, self.parts.gate.actor(user, request), correction_id)
        await self.teaching.take_over()
        return {"correction": correction_view(undone)}


async def standing_view(parts: StaffParts, user: User, conversation_id: str) -> dict[str, Any]:
    """The corrections of a conversation that stand, by the seq of the reply, for those who read it."""
    found = await parts.store.corrections.standing(user, conversation_id)
    return {str(seq): correction_view(each) for seq, each in found.items()}


def correction_view(correction: Correction) -> dict[str, Any]:
    """All of it; times in ISO 8601."""
    view = asdict(correction)
    for name in ("created_at", "undone_at"):
        view[name] = view[name].isoformat() if view[name] else None
    return view


def _preview(found: Corrected, taught: Taught) -> dict[str, Any]:
    reply = found.reply.reply
    assert reply is not None  # `Corrections.reply` finds replies only
    used = set(said_by(reply))
    return {
        "question": taught.question,
        "asked": next((message.text for message in reversed(found.messages) if message.role.value == "customer"), ""),
        "reply": found.reply.text,
        "answered": reply.mode is not Mode.FIXED,
        "language": reply.language,
        "sources": [_choice(source, used, found.copies) for source in reply.sources],
        "correction": correction_view(found.correction) if found.correction else None,
    }


def _choice(source: Source, used: Collection[str], copies: Mapping[str, int]) -> dict[str, Any]:
    """copies: under how many other questions its words stand; they go with it."""
    name = source.passage_id
    return source_view(source) | {"supersede": name in used, "copies": copies.get(name, 0)}
