"""Two versions side by side: the same question to both, a vote, where each pair stands. Must not know how a model answers."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from chatbot.contest import Contest
from chatbot.errors import Busy, ChatbotError, Conflict
from chatbot.learning.datasets import open_dataset
from chatbot.learning.examples import Example, read_examples
from chatbot.types import Reply
from storage.votes import BOTH, NEITHER, Standing, Vote
from ui.api import Strict
from ui.staff.parts import StaffParts

API = "/admin/api/models/contest"
Name = Annotated[str, Field(min_length=1, max_length=80)]
_KEPT = 20


class Ask(Strict):
    """blind: which answer is whose is told after the vote. suggested: the `example` that the question is, if any."""

    pair: tuple[Name, Name]
    question: str = Field(min_length=1, max_length=2000)
    suggested: str | None = Field(None, min_length=1, max_length=200)
    blind: bool = True


class Choice(Strict):
    """The better one of the two as they were shown."""

    ticket: str = Field(max_length=40)
    better: Literal["left", "right", "both", "neither"]


@dataclass(frozen=True, slots=True)
class _Shown:
    """One comparison that waits for its vote: whose the left and the right answer are."""

    sides: tuple[str, str]
    question: str
    language: str
    blind: bool
    replies: Mapping[str, Reply]


def contest_routes(parts: StaffParts) -> tuple[APIRouter, Contest | None]:
    """The routes, and the contest whose servers must be stopped with the process."""
    contest = Contest(parts.settings, parts.assistant.answerer) if parts.assistant else None
    router, routes = APIRouter(), ContestRoutes(parts, contest)
    router.add_api_route(API, routes.standing, methods=["GET"])
    router.add_api_route(f"{API}/question", routes.question, methods=["GET"])
    router.add_api_route(f"{API}/answers", routes.answers, methods=["POST"])
    router.add_api_route(f"{API}/votes", routes.vote, methods=["POST"], status_code=201)
    router.add_api_route(f"{API}/votes/{{vote_id}}", routes.take_back, methods=["DELETE"])
    return router, contest


@dataclass(frozen=True)
class ContestRoutes:
    """Lives as long as the process; comparisons that wait for a vote do, too."""

    parts: StaffParts
    contest: Contest | None
    waiting: OrderedDict[str, _Shown] = field(default_factory=OrderedDict)

    async def standing(self, request: Request) -> Mapping[str, Any]:
        """Who can be compared, and the votes so far."""
        await self.parts.gate.admin(request)
        found = await self.parts.store.votes.standings()
        names = await asyncio.to_thread(self.contest.contenders) if self.contest else []
        return {"contenders": names, "standings": [_standing(one) for one in found]}

    async def question(
        self, request: Request, language: Annotated[str, Query(pattern=r"^[a-z]{2,3}$")] = "en"
    ) -> Mapping[str, Any]:
        """One to ask: from the newest data set's test examples, else one that many ask, which is no `example`; masked."""
        await self.parts.gate.admin(request)
        question, example = await asyncio.to_thread(self._question, language)
        return {"question": question, "example": example}

    def _question(self, language: str) -> tuple[str | None, str | None]:
        found: list[tuple[str, str | None]]
        try:
            found = [(one.question, one.id) for one in self._examples() if one.language == language]
        except ChatbotError:
            found = []
        if not found and self.parts.assistant:
            found = [(one, None) for one in self.parts.assistant.examples(language)]
        return random.choice(found) if found else (None, None)  # noqa: S311 - which question is asked is no secret

    def _examples(self) -> Iterator[Example]:
        """What is suggested first. Raises NotFound, UsageError."""
        return read_examples(open_dataset(self.parts.settings.data).test)

    async def answers(self, request: Request, ask: Ask) -> Mapping[str, Any]:
        """Both answers, left and right by chance where blind; whose they are at once where both say the same, as there is nothing
        to vote on. Raises Busy, NotFound, ModelError."""
        await self.parts.gate.admin(request)
        if self.contest is None:
            raise Busy("The assistant is not running here; try again in a moment.", retry_after_s=5)
        kept = await asyncio.to_thread(self._kept, ask)
        replies = await self.contest.answers(ask.pair, ask.question)
        sides = (ask.pair[1], ask.pair[0]) if ask.blind and secrets.randbelow(2) else ask.pair
        shown = _Shown(sides, kept, replies[sides[0]].language, ask.blind, replies)
        told = {"left": replies[sides[0]].text, "right": replies[sides[1]].text}
        if told["left"] == told["right"]:
            return {"ticket": None, **told, **_revealed(shown)}
        ticket = secrets.token_urlsafe(16)
        self.waiting[ticket] = shown
        while len(self.waiting) > _KEPT:
            self.waiting.popitem(last=False)
        return {"ticket": ticket, **told, **({} if ask.blind else _revealed(shown))}

    def _kept(self, ask: Ask) -> str:
        """What the vote says was asked: the words, masked; of a suggestion its name only, as the words are a customer's and
        stand where an erasure finds them, in the data set. Raises Conflict for a suggestion that is not there any more."""
        if ask.suggested:
            suggestion = next((one.question for one in self._examples() if one.id == ask.suggested), None)
            if suggestion is None:  # whether the words are its cannot be told
                raise Conflict("The suggested question is not in the newest data set any more; suggest another.")
            if suggestion.split() == ask.question.split():
                return f"example:{ask.suggested}"
        assert self.contest is not None  # `answers` has looked
        return self.contest.answerer.masker.mask(ask.question)

    async def vote(self, request: Request, choice: Choice) -> Mapping[str, Any]:
        """Keeps the vote and tells whose the answers were. Raises Conflict when the comparison is gone or was voted on."""
        user = await self.parts.gate.admin(request)
        shown = self.waiting.pop(choice.ticket, None)
        if shown is None:
            raise Conflict("This comparison is gone or was voted on; ask again.")
        named = {"left": shown.sides[0], "right": shown.sides[1], "both": BOTH, "neither": NEITHER}
        vote = Vote(shown.question, shown.language, shown.sides, named[choice.better], shown.blind)
        number = await self.parts.store.votes.cast(user, self.parts.gate.actor(user, request), vote)
        return {"vote": number, **_revealed(shown)}

    async def take_back(self, request: Request, vote_id: Annotated[int, Path(ge=1, le=2**62)]) -> Mapping[str, Any]:
        user = await self.parts.gate.admin(request)
        await self.parts.store.votes.take_back(user, self.parts.gate.actor(user, request), vote_id)
        return {}


def _revealed(shown: _Shown) -> dict[str, Any]:
    return {"sides": [_side(name, shown.replies[name]) for name in shown.sides]}


def _side(name: str, reply: Reply) -> dict[str, Any]:
    return {
        "name": name,
        "action": reply.decision.action.value,
        "mode": reply.mode.value,
        "confidence": reply.decision.confidence,
        "degraded": list(reply.provenance.degraded),
        "checks": list(reply.provenance.checks),
        "ms": round(sum(reply.timings_ms.get(part, 0.0) for part in ("understand", "search", "decide", "compose"))),
    }


def _standing(one: Standing) -> dict[str, Any]:
    low, high = one.interval
    return {
        "first": one.first,
        "second": one.second,
        "for_first": one.for_first,
        "for_second": one.for_second,
        "both": one.both,
        "neither": one.neither,
        "votes": one.votes,
        "blind": one.blind,
        "share": [round(low, 3), round(high, 3)],
    }
