"""One turn from past turns to a reply: understand, search, decide, compose. Must not know stores, windows or owners."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from chatbot import policy
from chatbot.choosing import MOST_SOURCES, Choice, choose, not_yet_said
from chatbot.composing import Draft, OnDelta, Writing, compose
from chatbot.errors import ChatbotError
from chatbot.evidence import quantities
from chatbot.matching import FAQ, WEIGHED, Match, confidence, fitted_with, rank
from chatbot.phrases import phrase
from chatbot.policy import Reason
from chatbot.privacy import Masker
from chatbot.protocols import ChatModel, Retriever
from chatbot.retrieval.popular import stands_alone
from chatbot.retrieval.words import content_spans
from chatbot.transcripts.window import trained_window
from chatbot.types import (
    CORRECTION,
    Action,
    Decision,
    Hit,
    Mode,
    Provenance,
    Query,
    Reply,
    Role,
    SearchResult,
    Source,
    Turn,
)
from chatbot.understanding import Detect, Understanding, understand

_log = logging.getLogger(__name__)
HITS = 30
_STANDS_ALONE = 3  # content words from which a follow-up may also be searched without its context
_TERSE = 1
_NO_PASSAGES = "language"  # degraded: the index holds nothing in this language, which is no fault
_PERSONAL_DENSE, _PERSONAL_COVERAGE = (
    0.6,
    0.6,
)  # a hit this like the question is about the same, if only for its own customer


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
        clock = _Clock()
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
            return _about(topic, self._fixed(turn, decision, None, clock))
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
        return _reply(
            turn, decision, finding, choice, draft, clock, busy=context.busy and self.writing.mode is not Mode.PRECEDENT
        )

    def apology(self, context: Context, why: str) -> Reply:
        """The reply when a turn could not be finished: says so and offers a person; `why` goes into the provenance."""
        language = context.prior or "en"
        return Reply(
            text=phrase("unavailable", language),
            decision=Decision(Action.HAND_OVER, Reason.NO_KNOWLEDGE, 0.0, offered=True),
            mode=Mode.FIXED,
            language=language,
            quick_replies=(phrase("wish_person", language),),
            provenance=Provenance(policy_version=policy.POLICY_VERSION, degraded=(why,)),
        )

    def _window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """What was said last; for a model that was tuned here, in the very form that it was trained on."""
        tuned = getattr(getattr(self.model, "skill", None), "prompt", None) is not None
        return trained_window(turns, self.masker.mask) if tuned else turns[-4:]

    def find(self, turn: Understanding, turns: Sequence[Turn]) -> Finding:
        """The best of what the query finds in its context and, for a follow-up, of what it finds alone. Blocks."""
        found = self._find_one(turn, turns, turn.query)
        if not turn.follow_up or len(content_spans(turn.alone.text, turn.language)) < _STANDS_ALONE:
            return found
        return max(found, self._find_one(turn, turns, turn.alone), key=lambda one: one.evidence.confidence)

    def _find_one(self, turn: Understanding, turns: Sequence[Turn], query: Query) -> Finding:
        asked, query = query, mended(self.retriever, query)
        result = self._search(query)
        trusted = turn.language in self.encoder_languages
        matches = rank(result, trusted, turn.alone.text, query.text)
        if turn.follow_up:
            matches = not_yet_said(matches, [past.text for past in turns if past.role is Role.BOT])
        if not matches:
            evidence = policy.Evidence(found_any=bool(result.hits), personal=_personal(result))
            return Finding(query, asked.text, result, (), None, evidence)
        supports = self.retriever.support(query, [match.hit.passage for match in matches[:WEIGHED]])
        sure = confidence(matches, supports, query, trusted)
        choice = choose(matches, self._alternatives(matches, turn.language, trusted))
        return Finding(query, asked.text, result, tuple(matches), choice, policy.Evidence(sure, found_any=True))

    def _alternatives(self, matches: Sequence[Match], language: str, trusted: bool) -> list[Match]:
        """Past answers like the best candidate, where figures are at stake: one of them may be newer and say otherwise."""
        text = matches[0].text
        if not quantities(text):
            return []
        known = {match.hit.passage.id for match in matches}
        like = rank(self._search(answers_like(text, language)), trusted)
        return [match for match in like if match.hit.passage.id not in known]

    def _search(self, query: Query) -> SearchResult:
        try:
            return self.retriever.search(query, HITS)
        except ChatbotError as exc:  # the customer gets a person instead, and the provenance the reason
            return SearchResult((), degraded=(f"index: {exc}",))

    def _fixed(self, turn: Understanding, decision: Decision, finding: Finding | None, clock: _Clock) -> Reply:
        result = finding.result if finding else SearchResult(())
        key, quick = _wording(decision, result)
        clock.lap("compose")
        near = _suggestions(result) if key == "did_you_mean" else ()
        wishes = tuple(phrase(wish, turn.language) for wish in quick)
        return Reply(
            text=phrase(key, turn.language, company=self.writing.company),
            decision=decision,
            mode=Mode.FIXED,
            language=turn.language,
            quick_replies=near + wishes,
            provenance=_provenance(finding, result) if finding else _provenance_of(turn.query.text, None, result),
            timings_ms=clock.laps,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """What one query led to. query: as searched for; asked: before typos were mended. `matches`: the reusable candidates, best
    first."""

    query: Query
    asked: str
    result: SearchResult
    matches: tuple[Match, ...]
    choice: Choice | None
    evidence: policy.Evidence


class _Clock:
    """Milliseconds by step of one turn."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 2)
        self._last = now


def answers_like(text: str, language: str) -> Query:
    """The search for past answers that say what this one says."""
    return Query(text, f"customer: {text}", language)


def mended(retriever: Retriever, query: Query) -> Query:
    """The query with its typos mended."""
    return replace(
        query,
        text=retriever.mend(query.text, query.language),
        window=retriever.mend(query.window, query.language),
    )


def _personal(result: SearchResult) -> bool:
    return any((hit.dense or 0.0) >= _PERSONAL_DENSE and hit.coverage >= _PERSONAL_COVERAGE for hit in result.hits[:3])


def _reply(  # noqa: PLR0913 - gathers what the steps of one turn found
    turn: Understanding,
    decision: Decision,
    finding: Finding,
    choice: Choice,
    draft: Draft,
    clock: _Clock,
    *,
    busy: bool,
) -> Reply:
    provenance = _provenance(finding, finding.result)
    provenance = replace(
        provenance,
        model=draft.model,
        engine=draft.engine,
        prompt_sha256=draft.prompt_sha256,
        finish_reason=draft.finish_reason,
        checks=(*provenance.checks, *draft.checks, *(f"superseded: {passage}" for passage in choice.superseded)),
        degraded=(
            *finding.result.degraded,
            *draft.degraded,
            *(("overload: answered without the generator",) if busy else ()),
        ),
    )
    timings = dict(clock.laps)
    if draft.generate_ms:
        timings["generate"] = round(draft.generate_ms, 2)
    text = f"{phrase('busy', turn.language)} {draft.text}" if busy else draft.text
    return Reply(
        text=text,
        decision=decision,
        mode=draft.mode,
        language=turn.language,
        sources=tuple(source_of(hit) for hit in (*choice.hits, *choice.supporting)),
        provenance=provenance,
        timings_ms=timings,
    )


def _provenance(finding: Finding, result: SearchResult) -> Provenance:
    asked = finding.asked if finding.asked != finding.query.text else None
    return _provenance_of(finding.query.text, asked, result)


def _provenance_of(query: str, asked: str | None, result: SearchResult) -> Provenance:
    return Provenance(
        index_version=result.index_version,
        encoder=result.encoder,
        policy_version=policy.POLICY_VERSION,
        checks=_unfitted(result.encoder),
        query=query,
        asked=asked,
        agreement=round(result.agreement, 4) if result.hits else None,
        degraded=result.degraded,
    )


@cache
def _unfitted(encoder: str | None) -> tuple[str, ...]:
    """What each reply says whose confidence comes from another encoder's cosines than it was fitted on; logged once."""
    if encoder in (None, fitted_with()):
        return ()
    _log.warning(
        "confidences were fitted with %s and the index is searched with %s: check them with `chatbot test` and "
        "`chatbot calibration`, and set answer_threshold by what they show",
        fitted_with(),
        encoder,
    )
    return (f"confidence: fitted with {fitted_with()}",)


def source_of(hit: Hit) -> Source:
    """The public view of what was found."""
    passage = hit.passage
    when = passage.last_seen or passage.resolved_at
    score = round(hit.score, 4)
    kind = passage.source if passage.source in (FAQ, CORRECTION) else "chat"
    public = passage.id, passage.conversation_id, passage.turn_id, passage.question, passage.answer
    return Source(*public, score, when, kind)


def _about(topic: str, reply: Reply) -> Reply:
    """With the topic in its provenance, for whoever asks why."""
    return replace(reply, provenance=replace(reply.provenance, checks=(f"topic: {topic} goes to a person",)))


def _suggestions(result: SearchResult) -> tuple[str, ...]:
    """Short questions of different passages, to choose from."""
    seen: dict[str, None] = {}
    for hit in result.hits:
        question = hit.passage.question.strip().splitlines()[-1]
        if stands_alone(question):
            seen.setdefault(question, None)
    return tuple(seen)[:MOST_SOURCES]


def _wording(decision: Decision, result: SearchResult) -> tuple[str, tuple[str, ...]]:
    """Key of the sentence, and keys of the quick replies under it."""
    reason = Reason(decision.reason)
    if reason in _PLAIN:
        return _PLAIN[reason]
    if reason is Reason.NEAR:
        return ("did_you_mean" if _suggestions(result) else "unclear", ("wish_person",))
    if reason is Reason.NO_KNOWLEDGE and any(part != _NO_PASSAGES for part in result.degraded):
        return ("unavailable", ("wish_person",))
    return ("no_precedent", ("wish_person", "wish_rephrase"))


_PLAIN: dict[Reason, tuple[str, tuple[str, ...]]] = {
    Reason.GREETING: ("greeting", ()),
    Reason.THANKS: ("thanks", ()),
    Reason.GOODBYE: ("goodbye", ()),
    Reason.ACKNOWLEDGE: ("acknowledge", ()),
    Reason.ARE_YOU_A_BOT: ("are_you_a_bot", ("wish_person",)),
    Reason.UNCLEAR: ("unclear", ("wish_person",)),
    Reason.ATTACK: ("attack", ("wish_person",)),
    Reason.CUSTOMER_ASKED: ("handed_over", ()),
    Reason.PERSON_TOPIC: ("handed_over", ()),
    Reason.REPEATED: ("repeated", ()),
    Reason.ONLY_PERSONAL: ("not_sure", ("wish_person",)),
}


def _ignore(_: str) -> None:
    """For callers that want no deltas."""
