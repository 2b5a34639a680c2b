"""What came of a turn as a reply: its words, sources, quick replies and provenance. Pure; must not search or decide."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import cache

from chatbot import policy
from chatbot.choosing import MOST_SOURCES, Choice
from chatbot.composing import Draft
from chatbot.matching import FAQ, fitted_with
from chatbot.phrases import phrase
from chatbot.policy import Reason
from chatbot.retrieval.popular import stands_alone
from chatbot.searching import Finding
from chatbot.types import CORRECTION, Action, Decision, Hit, Mode, Provenance, Reply, SearchResult, Source
from chatbot.understanding import Understanding

_log = logging.getLogger(__name__)
_NO_PASSAGES = "language"  # degraded: the index holds nothing in this language, which is no fault


class Clock:
    """Milliseconds by step of one turn."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """The step `name` ends now."""
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 2)
        self._last = now


def answered(  # noqa: PLR0913 - gathers what the steps of one turn found
    turn: Understanding,
    decision: Decision,
    finding: Finding,
    choice: Choice,
    draft: Draft,
    clock: Clock,
    *,
    busy: bool,
) -> Reply:
    """The reply that says what was found. busy: the generator was passed over, which the reply says."""
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


def fixed(turn: Understanding, decision: Decision, finding: Finding | None, clock: Clock, *, company: str) -> Reply:
    """The reply in the product's own words."""
    result = finding.result if finding else SearchResult(())
    key, quick = _wording(decision, result)
    clock.lap("compose")
    near = _suggestions(result) if key == "did_you_mean" else ()
    wishes = tuple(phrase(wish, turn.language) for wish in quick)
    return Reply(
        text=phrase(key, turn.language, company=company),
        decision=decision,
        mode=Mode.FIXED,
        language=turn.language,
        quick_replies=near + wishes,
        provenance=_provenance(finding, result) if finding else _provenance_of(turn.query.text, None, result),
        timings_ms=clock.laps,
    )


def apology(language: str, why: str) -> Reply:
    """The reply when a turn could not be finished: says so and offers a person; `why` goes into the provenance."""
    return Reply(
        text=phrase("unavailable", language),
        decision=Decision(Action.HAND_OVER, Reason.NO_KNOWLEDGE, 0.0, offered=True),
        mode=Mode.FIXED,
        language=language,
        quick_replies=(phrase("wish_person", language),),
        provenance=Provenance(policy_version=policy.POLICY_VERSION, degraded=(why,)),
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
    public = passage.entry_id, passage.conversation_id, passage.turn_id, passage.question, passage.answer
    return Source(*public, score, when, kind)


def about(topic: str, reply: Reply) -> Reply:
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
