"""The admin's page of what the assistant knows: passages, answers of the team. Must not know SQL or how an index is searched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from storage.entries import Entry, State, Wanted
from storage.lessons import LONGEST
from ui.api import Strict
from ui.staff.corrections import correction_view
from ui.staff.imports import import_routes
from ui.staff.indexing import index_routes
from ui.staff.jobs import Jobs
from ui.staff.pages import page
from ui.staff.parts import StaffParts
from ui.staff.teaching import Teaching

PassageId = Annotated[str, Path(min_length=1, max_length=200)]
RowKey = Annotated[int | None, Query(ge=1, le=2**62)]
_LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class NewAnswer(Strict):
    """language None: told from the question. ours: what looks like personal data in the answer is the company's."""

    question: str = Field(max_length=LONGEST)
    answer: str = Field(max_length=LONGEST)
    language: str | None = Field(None, max_length=16, pattern=_LANGUAGE)
    topic: str | None = Field(None, max_length=100)
    ours: bool = False


class Edit(Strict):
    answer: str = Field(max_length=LONGEST)
    question: str | None = Field(None, max_length=LONGEST)
    ours: bool = False


class Retirement(Strict):
    """at None: now."""

    at: datetime | None = None


def knowledge_routes(parts: StaffParts) -> APIRouter:
    jobs = Jobs(parts.settings)
    router, routes = APIRouter(lifespan=partial(_working, jobs)), KnowledgeRoutes(parts, Teaching(parts))
    api = "/admin/api/knowledge"
    router.add_api_route("/admin/knowledge", routes.page, methods=["GET"], response_class=HTMLResponse)
    router.add_api_route(f"{api}/passages", routes.list, methods=["GET"])
    router.add_api_route(f"{api}/passages", routes.write, methods=["POST"], status_code=201)
    router.add_api_route(f"{api}/passages/{{passage_id}}", routes.one, methods=["GET"])
    router.add_api_route(f"{api}/passages/{{passage_id}}/edit", routes.edit, methods=["POST"], status_code=201)
    router.add_api_route(f"{api}/passages/{{passage_id}}/retire", routes.retire, methods=["POST"])
    router.add_api_route(f"{api}/passages/{{passage_id}}/lift", routes.lift, methods=["POST"])
    router.add_api_route(f"{api}/facts", routes.facts, methods=["GET"])
    router.add_api_route(f"{api}/corrections", routes.corrections, methods=["GET"])
    router.include_router(index_routes(parts, jobs))
    router.include_router(import_routes(parts, jobs))
    return router


@asynccontextmanager
async def _working(jobs: Jobs, _app: object) -> AsyncIterator[None]:
    """Work that runs when the server stops is cancelled, and leaves nothing behind."""
    try:
        yield
    finally:
        await asyncio.to_thread(jobs.close)


@dataclass(frozen=True)
class KnowledgeRoutes:
    """Lives as long as the process."""

    parts: StaffParts
    teaching: Teaching

    async def page(self, request: Request) -> HTMLResponse:
        user = await self.parts.gate.admin(request)
        return page(self.parts, request, user, "Knowledge", "knowledge")

    async def list(
        self,
        request: Request,
        words: Annotated[str, Query(max_length=500)] = "",
        state: State = "in use",
        source: Annotated[str | None, Query(max_length=200)] = None,
        language: Annotated[str | None, Query(max_length=16)] = None,
        after: RowKey = None,
    ) -> Mapping[str, Any]:
        """Passages, newest first; `after` of an answer asks for the next ones."""
        await self.parts.gate.admin(request)
        wanted = Wanted(words, state, source or None, language or None, after)
        found = await self.parts.store.knowledge.page(wanted)
        return {"passages": [_view(entry) for entry in found.entries], "after": found.after}

    async def one(self, request: Request, passage_id: PassageId) -> Mapping[str, Any]:
        await self.parts.gate.admin(request)
        return _view(await self.parts.store.knowledge.entry(passage_id))

    async def write(self, request: Request, wish: NewAnswer) -> Mapping[str, Any]:
        """A new answer to a question that had none."""
        user = await self.parts.gate.admin(request)
        lesson, masked = await self.teaching.written(
            wish.question, wish.answer, wish.language, wish.topic, ours=wish.ours
        )
        made = await self.parts.store.corrections.write(user, self.parts.gate.actor(user, request), lesson)
        await self.teaching.take_over()
        return {"correction": correction_view(made), "masked": masked}

    async def edit(self, request: Request, passage_id: PassageId, wish: Edit) -> Mapping[str, Any]:
        """Puts another answer in a passage's place."""
        user = await self.parts.gate.admin(request)
        old = (await self.parts.store.knowledge.entry(passage_id)).passage
        question = wish.question or old.question
        lesson, masked = await self.teaching.written(question, wish.answer, old.language, old.topic, ours=wish.ours)
        actor = self.parts.gate.actor(user, request)
        made = await self.parts.store.corrections.write(user, actor, lesson, replaces=passage_id)
        await self.teaching.take_over()
        return {"correction": correction_view(made), "masked": masked}

    async def retire(self, request: Request, passage_id: PassageId, wish: Retirement) -> Mapping[str, Any]:
        user = await self.parts.gate.admin(request)
        actor = self.parts.gate.actor(user, request)
        entry = await self.parts.store.knowledge.retire(user, actor, passage_id, wish.at)
        await self.teaching.take_over()
        return _view(entry)

    async def lift(self, request: Request, passage_id: PassageId) -> Mapping[str, Any]:
        user = await self.parts.gate.admin(request)
        entry = await self.parts.store.knowledge.lift(user, self.parts.gate.actor(user, request), passage_id)
        await self.teaching.take_over()
        return _view(entry)

    async def facts(self, request: Request) -> Mapping[str, Any]:
        """How much there is, by source and language."""
        await self.parts.gate.admin(request)
        found = await self.parts.store.knowledge.facts()
        kinds = [
            {"source": source, "language": language, "passages": count}
            for (source, language), count in sorted(found.by_kind.items())
        ]
        return {"kinds": kinds, "retired": found.retired}

    async def corrections(self, request: Request, before: RowKey = None) -> Mapping[str, Any]:
        """The answers that the team wrote, newest first."""
        user = await self.parts.gate.admin(request)
        found = await self.parts.store.corrections.recent(user, before_id=before)
        return {"corrections": [correction_view(each) for each in found]}


def _view(entry: Entry) -> dict[str, Any]:
    passage = entry.passage
    seen = passage.last_seen or passage.resolved_at
    return {
        "id": passage.id,
        "question": passage.question,
        "answer": passage.answer,
        "language": passage.language,
        "source": passage.source,
        "topic": passage.topic,
        "conversation": passage.conversation_id,
        "turn": passage.turn_id,
        "seen": seen.isoformat() if seen else None,
        "author": entry.author,
        "used": entry.used,
        "last_used": entry.last_used.isoformat() if entry.last_used else None,
        "retired_at": entry.retired_at.isoformat() if entry.retired_at else None,
        "retired_by": entry.retired_by,
        "replaced_by": entry.replaced_by,
    }
