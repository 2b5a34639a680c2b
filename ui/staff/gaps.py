"""The page of the gaps: groups of refused questions, answers written to them, groups set aside. Must not know SQL or vectors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from chatbot.errors import NotFound
from chatbot.gaps import PERIOD, WINDOW, Group
from storage.gaps import Decided, standing
from storage.lessons import LONGEST
from storage.people import User
from ui.api import Strict
from ui.staff.corrections import correction_view
from ui.staff.gap_book import GapBook, Said
from ui.staff.pages import page
from ui.staff.parts import StaffParts
from ui.staff.teaching import Teaching

_SHOWN = 200
_EXAMPLES = 6
GroupId = Field(ge=1, le=2**62)


class WhichGroup(Strict):
    """group: the id of any question in it, so that a page loaded before a new grouping still means the same."""

    group: int = GroupId


class GapAnswer(WhichGroup):
    """asked: the id of the question whose words `question` began with; None: the one in the middle. ours: what looks like
    personal data in the answer is the company's."""

    question: str = Field(max_length=LONGEST)
    answer: str = Field(max_length=LONGEST)
    asked: int | None = Field(None, ge=1, le=2**62)
    ours: bool = False


def gap_routes(parts: StaffParts) -> APIRouter:
    book = GapBook(parts)
    router, routes = APIRouter(lifespan=partial(_working, book)), GapRoutes(parts, book, Teaching(parts))
    router.add_api_route("/agents/gaps", routes.page, methods=["GET"], response_class=HTMLResponse)
    router.add_api_route("/agents/api/gaps", routes.list, methods=["GET"])
    router.add_api_route("/agents/api/gaps/answer", routes.answer, methods=["POST"], status_code=201)
    router.add_api_route("/agents/api/gaps/dismiss", routes.dismiss, methods=["POST"])
    router.add_api_route("/agents/api/gaps/reopen", routes.reopen, methods=["POST"])
    return router


@asynccontextmanager
async def _working(book: GapBook, _app: object) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await book.close()


@dataclass(frozen=True)
class GapRoutes:
    """Lives as long as the process."""

    parts: StaffParts
    book: GapBook
    teaching: Teaching

    async def page(self, request: Request) -> HTMLResponse:
        user = await self.parts.gate.agent(request)
        return page(self.parts, request, user, "Gaps", "gaps")

    async def list(
        self,
        request: Request,
        drafts: Annotated[str, Query(max_length=2000, pattern=r"^(\d{1,18}(,\d{1,18})*)?$")] = "",
    ) -> Mapping[str, Any]:
        """state: "unavailable" without an encoder, "computing" before the first grouping, else "ready"; `computing` and
        `asking` tell that a newer answer is on its way. drafts: questions under which a browser keeps answers that were begun;
        each comes back with the id of the group that it is in now, or None."""
        user = await self.parts.gate.agent(request)
        await self.book.follow()
        # as they are before the rest is awaited: a grouping that ends meanwhile is not in this answer, and the page asks again
        held, computing = self.book.grouping, self.book.computing
        groups = await self.book.groups(user)
        said, decided = await self.book.ask(groups), await self.parts.store.gaps.decided(self.book.since())
        holds = {group.id: standing({one.id for one in group.questions}, decided) for group in groups[:_SHOWN]}
        written = [one.correction_id for one in holds.values() if one and one.correction_id is not None]
        undoable = await self.parts.store.gaps.undoable(user, written)
        shown = [group_view(group, said.get(group.id), holds[group.id], undoable) for group in groups[:_SHOWN]]
        asked = [one["conversation"] for group in shown for one in group["examples"]]
        await self.parts.looks.note(self.parts.store.audit, self.parts.gate.actor(user, request), "gaps", asked)
        return {
            "state": "ready" if held else "computing" if self.book.available else "unavailable",
            "problem": self.book.problem,
            "computing": computing,
            "asking": self.book.asking,
            "progress": self.book.progress,
            "computed_at": held.computed_at.isoformat() if held else None,
            "window_days": WINDOW.days,
            "period_days": PERIOD.days,
            "capped": len(held.questions) if held and held.capped else None,
            "questions": len(await self.parts.store.gaps.visible(user, self.book.since())) if held else 0,
            "groups": shown,
            "drafts": _placed(groups, [int(one) for one in drafts.split(",") if one]),
            "more": max(0, len(groups) - _SHOWN),
        }

    async def answer(self, request: Request, wish: GapAnswer) -> Mapping[str, Any]:
        """Makes the answer knowledge; says how many of the group's examples the assistant now answers."""
        user = await self.parts.gate.agent(request)
        group = await self._group(user, wish.group)
        lesson, masked = await self.teaching.written(wish.question, wish.answer, group.centre.language, ours=wish.ours)
        actor = self.parts.gate.actor(user, request)
        ids, asked = [one.id for one in group.questions], _asked(group, wish)
        made = await self.parts.store.gaps.answer(user, actor, ids, lesson, asked)
        await self.teaching.take_over()
        examples = group.examples(_EXAMPLES)
        said = await asyncio.gather(*(self.book.ask_now(one) for one in examples))
        answered = sum(one.answers for one in said)
        return {"correction": correction_view(made), "masked": masked, "answered": answered, "of": len(examples)}

    async def dismiss(self, request: Request, wish: WhichGroup) -> Mapping[str, Any]:
        """Sets a group aside: not for us."""
        user = await self.parts.gate.agent(request)
        ids = [one.id for one in (await self._group(user, wish.group)).questions]
        made = await self.parts.store.gaps.decide(user, self.parts.gate.actor(user, request), ids, "dismissed")
        return {"decision": made}

    async def reopen(self, request: Request, wish: WhichGroup) -> Mapping[str, Any]:
        user = await self.parts.gate.agent(request)
        ids = [one.id for one in (await self._group(user, wish.group)).questions]
        await self.parts.store.gaps.reopen(user, self.parts.gate.actor(user, request), ids)
        return {"reopened": len(ids)}

    async def _group(self, user: User, question: int) -> Group:
        for group in await self.book.groups(user):
            if any(one.id == question for one in group.questions):
                return group
        raise NotFound("This group is not there any more; load the page again.")


def group_view(group: Group, said: Said | None, decision: Decided | None, undoable: Collection[int]) -> dict[str, Any]:
    """status: "answered" by the team or by what is known now, "dismissed", or "open". undoable: answers that the reader may take
    back."""
    status = decision.kind if decision else "answered" if said and said.answers else "open"
    return {
        "id": group.id,
        "newest": group.questions[0].id,
        "language": group.language,
        "name": group.name,
        "question": group.centre.text,
        "asked": group.centre.id,
        "asked_in": group.centre.conversation_id,
        "size": len(group.questions),
        "customers": group.customers,
        "recent": group.recent,
        "before": group.before,
        "trend": group.trend.value,
        "first_seen": group.first_seen.isoformat(),
        "last_seen": group.last_seen.isoformat(),
        "examples": [
            {"text": one.text, "conversation": one.conversation_id, "seq": one.seq, "at": one.at.isoformat()}
            for one in group.examples(_EXAMPLES)
        ],
        "says": {"answers": said.answers, "confidence": round(said.confidence, 3)} if said else None,
        "status": status,
        "decision": _decision_view(decision, group, undoable) if decision else None,
    }


def _placed(groups: Sequence[Group], questions: Sequence[int]) -> dict[int, int | None]:
    """The group of each question."""
    where = {one.id: group.id for group in groups for one in group.questions} if questions else {}
    return {question: where.get(question) for question in questions}


def _asked(group: Group, wish: GapAnswer) -> int:
    """Whose words the question holds: those of the customer who asked just so, else of the one that it began with."""
    began, words = wish.asked or group.centre.id, _words(wish.question)
    same = [one.id for one in group.questions if _words(one.text) == words]
    return began if began in same or not same else same[0]


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _decision_view(decision: Decided, group: Group, undoable: Collection[int]) -> dict[str, Any]:
    return {
        "kind": decision.kind,
        "agent": decision.agent,
        "at": decision.created_at.isoformat(),
        "correction": decision.correction_id,
        "may_undo": decision.correction_id in undoable,
        "refused_since": sum(one.at > decision.created_at for one in group.questions),
    }
