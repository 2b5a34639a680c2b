"""The admin's routes to the index: versions, roll-back, re-index, and a search that shows its workings. Must not know SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from chatbot.answering import Answerer
from chatbot.assembly import Assistant
from chatbot.choosing import choose
from chatbot.errors import Busy
from chatbot.learning.encoder_publishing import Change, roll_back_index, roll_back_kept, way_back
from chatbot.matching import WEIGHED, Match, confidence, rank
from chatbot.retrieval.index import IndexVersion, list_versions, verify
from chatbot.searching import HITS, mended
from chatbot.types import Hit, Reply, Role, SearchResult, Turn
from chatbot.types import Query as Wanted
from chatbot.understanding import understand
from storage.audit import Actor
from ui.api import Strict
from ui.staff.imports import forget_erased
from ui.staff.jobs import Job, Jobs
from ui.staff.parts import StaffParts

Version = Annotated[str, Path(pattern=r"^v\d{6,9}$")]
SHOWN = 15


class Back(Strict):
    """reason: kept in the history."""

    reason: str = Field("", max_length=500)


def index_routes(parts: StaffParts, jobs: Jobs) -> APIRouter:
    router, routes = APIRouter(), IndexRoutes(parts, jobs)
    parts.hub.listen_to_resync(lambda: forget_erased(jobs, parts.settings.data))
    api = "/admin/api/knowledge"
    router.add_api_route(f"{api}/versions", routes.versions, methods=["GET"])
    router.add_api_route(f"{api}/versions/{{index_version}}/verify", routes.verify, methods=["POST"])
    router.add_api_route(f"{api}/versions/{{index_version}}/rollback", routes.rollback, methods=["POST"])
    router.add_api_route(f"{api}/encoder/rollback", routes.encoder_back, methods=["POST"])
    router.add_api_route(f"{api}/index", routes.build, methods=["POST"], status_code=202)
    router.add_api_route(f"{api}/job", routes.job, methods=["GET"])
    router.add_api_route(f"{api}/job/cancel", routes.cancel, methods=["POST"])
    router.add_api_route(f"{api}/search", routes.search, methods=["GET"])
    return router


@dataclass(frozen=True)
class IndexRoutes:
    """Lives as long as the process."""

    parts: StaffParts
    jobs: Jobs

    async def versions(self, request: Request) -> Mapping[str, Any]:
        """Newest first; `written` and `retired` are people's changes since the current one was built, which hold already,
        `waiting` the passages that imports have brought since, which do not."""
        await self.parts.gate.admin(request)
        found = await asyncio.to_thread(list_versions, self.parts.settings.index_folder)
        added, removed = (0, 0)
        assistant = self.parts.assistant
        if assistant and assistant.retriever.version:
            added, removed = await asyncio.to_thread(assistant.retriever.overlay)
        current = next((one for one in found if one.current and one.created_at), None)
        since = datetime.fromisoformat(current.created_at) if current else datetime.min.replace(tzinfo=UTC)
        waiting = await self.parts.store.knowledge.imported_since(since)
        versions = [_version(one) for one in found]
        return {"versions": versions, "written": added, "retired": removed, "waiting": waiting}

    async def verify(self, request: Request, index_version: Version) -> Mapping[str, Any]:
        """Every byte against the manifest. Raises IndexBroken, NotFound."""
        await self.parts.gate.admin(request)
        manifest = await asyncio.to_thread(verify, self.parts.settings.index_folder, index_version)
        return {"version": index_version, "files": len(manifest.files)}

    async def rollback(self, request: Request, index_version: Version) -> Mapping[str, Any]:
        user = await self.parts.gate.admin(request)
        now = await asyncio.to_thread(roll_back_index, self.parts.settings, index_version, user.name)
        await self._refresh()
        await self.parts.store.audit.record(
            self.parts.gate.actor(user, request), "index.rollback", f"index:{index_version}"
        )
        return _version(now)

    async def encoder_back(self, request: Request, wish: Back) -> Mapping[str, Any]:
        """Back to the encoder that was in use before. `index`: the version that it had built, or None, where none is kept and `job`
        builds one; until that is done nothing changes. Raises NotFound, ModelError, Conflict."""
        user = await self.parts.gate.admin(request)
        actor, settings = self.parts.gate.actor(user, request), self.parts.settings
        change = Change(user.name, wish.reason or None, action="rollback")
        way = await asyncio.to_thread(way_back, settings)
        view = {"version": way.version, "previous": way.previous}
        kept = await asyncio.to_thread(roll_back_kept, settings, way, change)
        if kept is None:
            job = self._start(user.name, actor, {"back": {"by": change.by, "reason": change.reason}})
            return view | {"index": None, "job": job.view()}
        await self._taken(actor, {"kind": "encoder", "to": way.version, "from": way.previous})
        return view | {"index": kept.name, "job": None}

    async def build(self, request: Request) -> Mapping[str, Any]:
        """Starts to build a version; `job` tells how far it is."""
        user = await self.parts.gate.admin(request)
        return self._start(user.name, self.parts.gate.actor(user, request), {}).view()

    def _start(self, by: str, actor: Actor, wish: Mapping[str, Any]) -> Job:
        loop = asyncio.get_running_loop()

        def ended(job: Job) -> None:
            asyncio.run_coroutine_threadsafe(self._built(job, actor), loop)

        return self.jobs.start("index", by, wish, ended)

    async def _built(self, job: Job, actor: Actor) -> None:
        if job.state != "done":
            return
        if (back := job.result.get("back")) is not None:
            await self._taken(actor, back)
            return
        await self._refresh()
        await self.parts.store.audit.record(actor, "index.build", f"index:{job.result['version']}", job.result)

    async def _taken(self, actor: Actor, back: Mapping[str, Any]) -> None:
        await self._refresh()
        await self.parts.store.audit.record(actor, "models.rollback", f"model:{back['to'] or 'base'}", back)

    async def _refresh(self) -> None:
        if self.parts.assistant:
            await asyncio.to_thread(self.parts.assistant.retriever.refresh)

    async def job(self, request: Request) -> Mapping[str, Any]:
        await self.parts.gate.admin(request)
        forget_erased(self.jobs, self.parts.settings.data)
        job = self.jobs.job
        return {"job": job.view() if job else None}

    async def cancel(self, request: Request) -> Mapping[str, Any]:
        await self.parts.gate.admin(request)
        self.jobs.cancel()
        return {}

    async def search(
        self, request: Request, query: Annotated[str, Query(min_length=1, max_length=2000)]
    ) -> Mapping[str, Any]:
        """What a customer's words find: ranks of every list, fused, and as the answer is chosen; and what the policy decides."""
        await self.parts.gate.admin(request)
        assistant = self.parts.assistant
        if assistant is None:
            raise Busy("The assistant is not running here; try again in a moment.", retry_after_s=5)
        looked = await asyncio.to_thread(_look, assistant, query)
        reply = await assistant.answerer.answer([Turn(Role.CUSTOMER, query)])
        return looked | _decided(reply)


def _look(assistant: Assistant, text: str) -> dict[str, Any]:
    answerer: Answerer = assistant.answerer
    turn = understand([Turn(Role.CUSTOMER, text)], None, answerer.detect, answerer.masker)
    query = mended(answerer.retriever, turn.query)
    result = answerer.retriever.search(query, HITS)
    trusted = turn.language in answerer.encoder_languages
    matches = rank(result, trusted, turn.alone.text)
    view = {"query": query.text, "language": query.language, "index_version": result.index_version}
    return view | {"degraded": list(result.degraded), **_judged(answerer, query, result, matches, trusted)}


def _judged(
    answerer: Answerer, query: Wanted, result: SearchResult, matches: Sequence[Match], trusted: bool
) -> dict[str, Any]:
    sure, chosen = None, set[str]()
    if matches:
        supports = answerer.retriever.support(query, [match.hit.passage for match in matches[:WEIGHED]])
        sure = confidence(matches, supports, query, trusted)
        choice = choose(matches)
        chosen = {hit.passage.id for hit in choice.hits} if choice else set()
    places = {match.hit.passage.id: (place, match.score) for place, match in enumerate(matches, 1)}
    hits = [_hit(hit, fused, places, chosen) for fused, hit in enumerate(result.hits, 1)]
    return {"best_confidence": sure, "hits": hits[:SHOWN]}


def _hit(hit: Hit, fused: int, places: Mapping[str, tuple[int, float]], chosen: set[str]) -> dict[str, Any]:
    place, score = places.get(hit.passage.id, (None, None))
    return {
        "passage_id": hit.passage.entry_id,
        "question": hit.passage.question,
        "answer": hit.passage.answer,
        "source": hit.passage.source,
        "fused_rank": fused,
        "fused": round(hit.score, 4),
        "dense": hit.dense,
        "lexical": hit.lexical,
        "ranks": dict(hit.ranks),
        "final_rank": place,
        "score": score,
        "chosen": hit.passage.id in chosen,
    }


def _decided(reply: Reply) -> dict[str, Any]:
    decision = reply.decision
    return {
        "decision": decision.action.value,
        "reason": decision.reason,
        "confidence": decision.confidence,
        "answer": reply.text,
        "mode": reply.mode.value,
    }


def _version(version: IndexVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "created_at": version.created_at,
        "encoder": version.encoder,
        "passages": version.passages,
        "conversations": version.conversations,
        "languages": dict(version.languages or {}),
        "current": version.current,
        "problem": version.problem,
    }
