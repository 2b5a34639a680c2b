"""The review queue's page: one reply after another, a verdict each. Must not know SQL, nor what a verdict is worth."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import Field

from chatbot.reviewing import STRATA, Candidate, Pick, arrange
from storage.people import User
from storage.review_candidates import Ask, Draw, Unjudged
from ui.api import MAX_SEQ, ConversationId, Strict
from ui.staff.archive import conversation_view, verdict_view
from ui.staff.corrections import standing_view
from ui.staff.pages import page
from ui.staff.parts import StaffParts
from ui.staff.views import staff_message

Seq = Annotated[int, Path(ge=1, le=MAX_SEQ)]
LONGEST = 60
_LOOKED_AT_S = 300.0


class Drawn(Strict):
    """`drawn` of the queue that held the reply."""

    day: date
    last: int = Field(ge=0, le=2**53)


class NewVerdict(Strict):
    conversation: str = Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")
    seq: int = Field(ge=1, le=MAX_SEQ)
    verdict: Literal["right", "wrong", "harmless"]
    why_shown: Literal["uniform", "thumbs_down", "near_threshold", "disagreement", "refused_group"] | None = None
    drawn: Drawn | None = None


@dataclass
class Tables:
    """Who has which reply in front of them, so that two agents do not judge the same one. Lives as long as the process; in
    memory only, since two verdicts on one reply do no harm."""

    _looked_at: dict[tuple[str, int], tuple[int, float]] = field(default_factory=dict)

    def look(self, user_id: int, place: tuple[str, int]) -> None:
        """One reply at a time for each; the one before is free again."""
        now = time.monotonic()
        kept = self._looked_at.items()
        self._looked_at = {key: value for key, value in kept if value[0] != user_id and now - value[1] < _LOOKED_AT_S}
        self._looked_at.setdefault(place, (user_id, now))

    def of_others(self, user_id: int) -> set[tuple[str, int]]:
        now = time.monotonic()
        kept = self._looked_at.items()
        return {place for place, (who, since) in kept if who != user_id and now - since < _LOOKED_AT_S}


@dataclass(frozen=True)
class ReviewRoutes:
    """The routes' methods. Lives as long as the process."""

    parts: StaffParts
    tables: Tables = field(default_factory=Tables)

    async def page(self, request: Request) -> Response:
        user = await self.parts.gate.agent(request)
        return page(self.parts, request, user, "Review", "review")

    async def queue(self, request: Request) -> dict[str, Any]:
        """What to judge next, best first, and what the user has judged today (UTC). `drawn` goes back with a verdict on what came
        up by chance."""
        user = await self.parts.gate.agent(request)
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        done = await self.parts.store.reviews.done_since(user, today)
        threshold = self.parts.settings.answer_threshold
        ask = Ask(_seed(user, today.date()), threshold)
        found = await self.parts.store.reviews.candidates(user, ask)
        known = {one.message_id: one for one in (*found.others, *found.uniform)}
        picks = arrange(
            [_candidate(one) for one in found.uniform],
            [_candidate(one) for one in found.others],
            threshold,
            done=sum(done.values()),
            taken=self._taken(user, known.values()),
        )
        groups = {one.message_id: one.group for one in found.others if one.group}
        items = [item_view(pick, known[pick.candidate.key], groups) for pick in picks]
        drawn = {"day": today.date().isoformat(), "last": found.last}
        return {"items": _some_of_each(items), "done": done, "threshold": threshold, "drawn": drawn}

    def _taken(self, user: User, known: Collection[Unjudged]) -> set[int]:
        others = self.tables.of_others(user.id)
        return {one.message_id for one in known if (one.conversation_id, one.seq) in others}

    async def item(self, conversation_id: ConversationId, seq: Seq, request: Request) -> dict[str, Any]:
        """One reply with what was said around it; the view is audited."""
        user = await self.parts.gate.agent(request)
        actor = self.parts.gate.actor(user, request)
        found = await self.parts.store.reviews.item(user, actor, (conversation_id, seq))
        self.tables.look(user.id, (conversation_id, seq))
        return {
            "conversation": conversation_view(found.conversation),
            "seq": seq,
            "messages": [staff_message(message) for message in found.messages],
            "verdict": verdict_view(found.judged) if found.judged else None,
            "corrections": await standing_view(self.parts, user, conversation_id),
        }

    async def judge(self, request: Request, said: NewVerdict) -> dict[str, Any]:
        user = await self.parts.gate.agent(request)
        actor, place = self.parts.gate.actor(user, request), (said.conversation, said.seq)
        draw = Draw(_seed(user, said.drawn.day), said.drawn.last) if said.drawn else None
        return verdict_view(
            await self.parts.store.reviews.judge(user, actor, place, said.verdict, said.why_shown, draw)
        )


def review_routes(parts: StaffParts) -> APIRouter:
    router, routes = APIRouter(), ReviewRoutes(parts)
    router.add_api_route("/agents/review", routes.page, methods=["GET"])
    router.add_api_route("/agents/api/review/queue", routes.queue, methods=["GET"])
    router.add_api_route("/agents/api/review/items/{conversation_id}/{seq}", routes.item, methods=["GET"])
    router.add_api_route("/agents/api/review/verdicts", routes.judge, methods=["POST"])
    return router


def item_view(pick: Pick, one: Unjudged, groups: dict[int, int]) -> dict[str, Any]:
    """`why` and `signs` are names of strata; the figures behind them lie beside."""
    return {
        "conversation": one.conversation_id,
        "seq": one.seq,
        "why": pick.why,
        "signs": list(pick.signs),
        "confidence": one.confidence,
        "agreement": one.agreement,
        "reason": one.reason,
        "group": groups.get(one.message_id, 0),
    }


def _seed(user: User, day: date) -> str:
    return f"{day}:{user.id}"


def _some_of_each(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first places as they are, and of each stratum enough that its filter has something to show."""
    seen = dict.fromkeys(STRATA, 0)
    chosen = []
    for place, item in enumerate(items):
        seen[item["why"]] += 1
        if place < LONGEST or seen[item["why"]] <= LONGEST // 3:
            chosen.append(item)
    return chosen


def _candidate(one: Unjudged) -> Candidate:
    return Candidate(one.message_id, one.confidence, one.agreement, one.thumbs_down, one.superseded, one.group)
