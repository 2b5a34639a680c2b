"""One turn from past turns to a reply: understand, search, decide, compose. Must not know stores, windows or owners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chatbot import policy
from chatbot.composing import OnDelta, Writing, compose
from chatbot.privacy import Masker
from chatbot.protocols import ChatModel, Retriever
from chatbot.replies import Clock, about, answered, apology, fixed
from chatbot.retrieval.words import content_spans
from chatbot.searching import Finding, find
from chatbot.transcripts.window import trained_window
from chatbot.types import Action, Decision, Mode, Reply, Turn
from chatbot.understanding import Detect, Understanding, understand

_TERSE = 1  # content words up to which a message alone may be unclear


@dataclass(frozen=True, slots=True)
class Context:
    """What the conversation so far tells: its language, how often in a row the bot failed, whether it just offered a person.

    `busy` asks for an answer without the generator.
    """

    prior: str | None = None
    failures: int = 0
    offered: bool = False
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Confidences from which to answer, and to ask back."""

    answer: float = 0.63
    ask: float = 0.35


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers turns. Holds no state of its own; lives as long as the process; any task of the event loop may call."""

    retriever: Retriever
    masker: Masker
    detect: Detect
    writing: Writing
    encoder_languages: frozenset[str] = frozenset({"en"})
    thresholds: Thresholds = Thresholds()
    model: ChatModel | None = None
    for_people: Callable[[str], str | None] | None = None  # the topic of a question that is left to people, else None

    async def answer(
        self, turns: Sequence[Turn], context: Context = Context(), on_delta: OnDelta | None = None
    ) -> Reply:
        """The reply to the last customer turn(s). Never raises for a failing index or generator: the reply says so instead."""
        clock = Clock()
        turn = await asyncio.to_thread(understand, turns, context.prior, self.detect, self.masker)
        clock.lap("understand")
        # what needs no knowledge is decided before any search
        situation = policy.Situation(
            intent=turn.intent,
            terse=len(content_spans(turn.alone.text, turn.language)) <= _TERSE,
            attacks=turn.attacks,
            evidence=policy.Evidence(),
            failures=context.failures,
            accepted_offer=context.offered and turn.affirmative,
            answer_threshold=self.thresholds.answer,
            ask_threshold=self.thresholds.ask,
        )
        if turn.intent is not None or turn.attacks or situation.accepted_offer:
            decision = policy.decide(situation)
            return self._fixed(turn, decision, None, clock)
        if self.for_people and (topic := await asyncio.to_thread(self.for_people, turn.query.text)):
            clock.lap("topic")
            decision = policy.decide(replace(situation, person_topic=True))
            return about(topic, self._fixed(turn, decision, None, clock))
        finding = await asyncio.to_thread(self.find, turn, turns)
        clock.lap("search")
        choice = finding.choice
        decision = policy.decide(replace(situation, evidence=finding.evidence))
        clock.lap("decide")
        if decision.action is not Action.ANSWER or choice is None:
            return self._fixed(turn, decision, finding, clock)
        writing = replace(self.writing, mode=Mode.PRECEDENT) if context.busy else self.writing
        draft = await compose(turn, choice, self._window(turns), writing, self.model, on_delta or _ignore)
        clock.lap("compose")
        busy = context.busy and self.writing.mode is not Mode.PRECEDENT
        return answered(turn, decision, finding, choice, draft, clock, busy=busy)

    def apology(self, context: Context, why: str) -> Reply:
        """The reply when a turn could not be finished; `why` goes into the provenance."""
        return apology(context.prior or "en", why)

    def _window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """What was said last; for a model that was tuned here, in the very form that it was trained on."""
        tuned = getattr(getattr(self.model, "skill", None), "prompt", None) is not None
        return trained_window(turns, self.masker.mask) if tuned else turns[-4:]

    def find(self, turn: Understanding, turns: Sequence[Turn]) -> Finding:
        """See `searching.find`. Blocks."""
        return find(self.retriever, turn, turns, trusted=turn.language in self.encoder_languages)

    def _fixed(self, turn: Understanding, decision: Decision, finding: Finding | None, clock: Clock) -> Reply:
        return fixed(turn, decision, finding, clock, company=self.writing.company)


def _ignore(_: str) -> None:
    """For callers that want no deltas."""
