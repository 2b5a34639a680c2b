"""Scripted collaborators of a turn: a generator, a retriever and a bell that remember what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chatbot.errors import ChatbotError, GenerationError
from chatbot.matching import SIGNALS
from chatbot.types import ChatMessage, Delta, Event, Hit, Passage, Query, SearchResult, Support


@dataclass
class ScriptedModel:
    """Says `pieces` one after another; `fails_after` pieces it raises, `pause_s` before each."""

    pieces: Sequence[str] = ("You have 30 days.",)
    finish_reason: str = "stop"
    fails_after: int | None = None
    pause_s: float = 0.0
    prompts: list[Sequence[ChatMessage]] = field(default_factory=list)
    closed: int = 0

    name = "scripted"
    engine = "script"

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, deadline_s: float, temperature: float = 0.0
    ) -> AsyncIterator[Delta]:
        self.prompts.append(messages)
        try:
            for number, piece in enumerate(self.pieces):
                if number == self.fails_after:
                    raise GenerationError("the model server is away")
                await asyncio.sleep(self.pause_s)
                yield Delta(piece)
            yield Delta("", self.finish_reason)
        finally:
            self.closed += 1


@dataclass
class ListRetriever:
    """Finds the hits it was given, or fails with the error it was given."""

    hits: Sequence[Hit] = ()
    agreement: float = 0.9
    error: ChatbotError | None = None
    support_each: float = 0.9
    asked: list[Query] = field(default_factory=list)
    encoder: str = "fake@1"

    def search(self, query: Query, k: int = 5) -> SearchResult:
        self.asked.append(query)
        if self.error:
            raise self.error
        return SearchResult(tuple(self.hits[:k]), self.agreement, 0, "v000001", self.encoder)

    def mend(self, text: str, language: str) -> str:
        return text

    def support(self, query: Query, passages: Sequence[Passage]) -> list[Support] | None:
        return [Support(self.support_each, self.support_each) for _ in passages]


@dataclass
class RecordingBell:
    """Keeps every event."""

    events: list[Event] = field(default_factory=list)

    def ring(self, event: Event) -> None:
        self.events.append(event)

    def kinds(self) -> list[str]:
        return [event.kind.value for event in self.events]


def hit(
    answer: str,
    question: str = "How long can I return a jacket?",
    *,
    month: int = 6,
    number: int = 1,
    score: float = 0.8,
    language: str = "en",
    source: str = "own",
) -> Hit:
    """A hit that the policy is sure of."""
    passage = Passage(
        id=f"{number:016x}",
        conversation_id=f"c-{number}",
        turn_id=3,
        language=language,
        question=question,
        window=f"customer: {question}",
        answer=answer,
        source=source,
        resolved_at=datetime(2025, month, 1, tzinfo=UTC),
    )
    signals = dict.fromkeys(SIGNALS, 0.9)
    return Hit(passage, score, dense=0.9, lexical=9.0, coverage=1.0, signals=signals)
