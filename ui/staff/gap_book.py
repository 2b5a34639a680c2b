"""Keeps the grouping of refused questions: made in the background, remade when there are new ones. Must not know routes or SQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from chatbot.answering import Context
from chatbot.clustering import cluster_apart
from chatbot.errors import ChatbotError
from chatbot.gaps import WINDOW, Group, Known, Sorted, describe, known_vectors, sort_out
from chatbot.types import Action, Question, Role, Turn
from storage.gaps import MOST, Stamp
from storage.people import User
from ui.staff.parts import StaffParts

log = structlog.get_logger(__name__)
_REST = 5
"""A grouping that took a minute is remade after five at the earliest."""
_MOST_ASKED = 60


@dataclass(frozen=True, slots=True)
class Grouping:
    """One finished grouping of everybody's questions. capped: older ones of the window were left out."""

    questions: Sequence[Question]
    found: Sorted
    oldest: datetime | None
    stamp: Stamp
    capped: bool
    computed_at: datetime
    took_s: float


@dataclass(frozen=True, slots=True)
class Said:
    """What the assistant says to a question now."""

    answers: bool
    confidence: float


@dataclass
class GapBook:
    """One a process; all calls from the event loop. `problem` says why the last grouping failed; progress: (texts encoded, all)."""

    parts: StaffParts
    grouping: Grouping | None = None
    progress: tuple[int, int] = (0, 0)
    problem: str | None = None
    _known: Known = field(default_factory=known_vectors)
    _task: asyncio.Task[None] | None = None
    _asking: asyncio.Task[None] | None = None
    _said: dict[tuple[str, str, Hashable], Said] = field(default_factory=dict)

    @property
    def available(self) -> bool:
        return self.parts.assistant is not None

    @property
    def computing(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def asking(self) -> bool:
        return self._asking is not None and not self._asking.done()

    def since(self) -> datetime:
        """Where the window begins; whole days, so that a minute passing changes nothing."""
        return (datetime.now(UTC) - WINDOW).replace(hour=0, minute=0, second=0, microsecond=0)

    async def follow(self) -> None:
        """Begins a new grouping where there are new questions, or some are gone; returns at once."""
        if self.computing or not self.available:
            return
        stamp, held = await self.parts.store.gaps.stamp(self.since()), self.grouping
        if held is not None:
            resting = (datetime.now(UTC) - held.computed_at).total_seconds() < _REST * held.took_s
            if held.stamp == stamp or (resting and stamp.count >= held.stamp.count):
                return
            if stamp.count < held.stamp.count:
                self._known.clear()  # erased words stay nowhere, nor do their vectors
                self._said.clear()
        self.progress = (0, 0)
        self._task = asyncio.create_task(self._group(stamp), name="grouping of refused questions")

    async def groups(self, user: User) -> list[Group]:
        """Those of the questions that the user may see; none before the first grouping is done."""
        held = self.grouping
        if held is None:
            return []
        visible = await self.parts.store.gaps.visible(user, self.since())
        seen = [one for one in held.questions if one.id in visible]
        return await asyncio.to_thread(describe, seen, held.found, datetime.now(UTC), held.oldest)

    async def ask(self, groups: Sequence[Group]) -> dict[int, Said]:
        """What the assistant says now to each group's question in the middle, as far as it is known; the rest is asked in the
        background, the largest groups first."""
        state = await self._state()
        found = {group.id: self._said.get((group.centre.text, group.language, state)) for group in groups}
        missing = [group.centre for group in groups[:_MOST_ASKED] if found[group.id] is None]
        if missing and not self.asking and self.available:
            self._asking = asyncio.create_task(self._ask_all(missing, state), name="are these gaps answered now?")
        return {key: said for key, said in found.items() if said is not None}

    async def ask_now(self, question: Question) -> Said:
        """Raises nothing: a failing search answers nothing."""
        assert self.parts.assistant is not None
        turn, context = Turn(Role.CUSTOMER, question.text), Context(prior=question.language, busy=True)
        reply = await self.parts.assistant.answerer.answer([turn], context)
        return Said(reply.decision.action is Action.ANSWER, reply.decision.confidence)

    async def close(self) -> None:
        for task in (self._task, self._asking):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in (self._task, self._asking) if task), return_exceptions=True)

    async def _ask_all(self, questions: Sequence[Question], state: Hashable) -> None:
        self._said = {key: said for key, said in self._said.items() if key[2] == state}
        for question in questions:
            self._said[question.text, question.language, state] = await self.ask_now(question)

    async def _state(self) -> Hashable:
        """Differs whenever the assistant may say something else."""
        if self.parts.assistant is None:
            return None
        changed = await asyncio.to_thread(self.parts.store.knowledge.stamp)
        return self.parts.assistant.retriever.version, changed

    async def _group(self, stamp: Stamp) -> None:
        began = time.monotonic()
        try:
            self.grouping = await self._grouped(stamp, began)
            self.problem = None
        except ChatbotError as exc:
            self.problem = str(exc)
            log.error("gaps.failed", reason=str(exc))
        except Exception as exc:  # a fault here must be seen on the page, where nobody awaits this task
            self.problem = "The questions could not be grouped; the log says why."
            log.error("gaps.failed", error=type(exc).__name__, exc_info=True)

    async def _grouped(self, stamp: Stamp, began: float) -> Grouping:
        assert self.parts.assistant is not None
        questions = await self.parts.store.gaps.refused(self.since())
        oldest = await self.parts.store.gaps.begun()
        found = await asyncio.to_thread(
            sort_out, questions, self.parts.assistant.retriever.embedder, cluster_apart, self._known, self._tell
        )
        took = time.monotonic() - began
        log.info("gaps.grouped", questions=len(questions), ms=round(took * 1000))
        return Grouping(questions, found, oldest, stamp, stamp.count > MOST, datetime.now(UTC), took)

    def _tell(self, done: int, everything: int) -> None:
        self.progress = (done, everything)
