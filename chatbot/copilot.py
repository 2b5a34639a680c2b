"""What an agent is offered for the customer's open question: precedents and a draft. Must not know stores or pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from chatbot import smalltalk
from chatbot.answering import Answerer
from chatbot.choosing import MOST_SOURCES, Choice, choose, overlap
from chatbot.composing import Draft, Writing, compose
from chatbot.matching import reusable
from chatbot.replies import source_of
from chatbot.searching import Finding
from chatbot.slots import fill
from chatbot.types import Hit, Mode, Role, Source, Turn
from chatbot.understanding import Understanding, understand

DRAFT_S = 6.0  # an agent types the first words herself meanwhile
_NEAR_DUPLICATE = 0.7  # share of the shorter answer's words
_SAID = 0.9  # share of its words that the customer has read already
_CASE_DENSE, _CASE_COVERAGE = 0.55, 0.5  # from which on a colleague's answer in one single case is worth a look
_LOOK_EVERY_S = 0.2
_SPOKEN = (Role.CUSTOMER, Role.AGENT, Role.BOT)


@dataclass(frozen=True, slots=True)
class Precedent:
    """A past answer to offer. `text` is what would be inserted: the part that holds for anybody, slots filled where known.

    general: False where the answer was given in one customer's case only; then `text` is all of it, to be read with care.
    said: the customer has read it in this conversation already.
    """

    source: Source
    text: str
    general: bool = True
    said: bool = False


@dataclass(frozen=True, slots=True)
class Suggestions:
    """At most three precedents that say different things, best first. Empty with language None: nothing has been asked yet.

    confidence: that the best one answers, in [0, 1]. fits: that is enough to offer it without a warning.
    """

    precedents: tuple[Precedent, ...] = ()
    language: str | None = None
    confidence: float = 0.0
    fits: bool = False
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftReply:
    """A draft for the agent to edit. `text` is None when nothing fits; mode PRECEDENT: a past answer as it was given.

    checks and degraded as in `types.Provenance`: which checks it passed, and why the generator had no part in it.
    """

    text: str | None = None
    mode: Mode = Mode.PRECEDENT
    sources: tuple[Source, ...] = ()
    checks: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    model: str | None = None


def suggest(turns: Sequence[Turn], answerer: Answerer, prior: str | None = None) -> Suggestions:
    """Precedents for what the customer wants to know. Blocks: call it in a thread. Never raises for a failing index.

    turns: the conversation, oldest first. prior: its language so far.
    """
    wish = _wish(turns, answerer, prior)
    if wish is None:
        return Suggestions()
    turn, finding = wish
    return Suggestions(
        precedents=tuple(_precedents(turn, finding, _told(turns))),
        language=turn.language,
        confidence=finding.evidence.confidence,
        fits=_fits(finding, answerer),
        degraded=finding.result.degraded,
    )


async def draft(
    turns: Sequence[Turn],
    answerer: Answerer,
    prior: str | None = None,
    crowded: Callable[[], bool] = lambda: False,
    deadline_s: float = DRAFT_S,
) -> DraftReply:
    """A reply to edit: the best precedent fitted to the question by the generator and checked against it, else the precedent.

    crowded: whether customers wait for the generator; as soon as they do, the draft does without it. Takes `deadline_s` at most,
    and the search. Never raises for a failing index or generator.
    """
    wish = await asyncio.to_thread(_wish, turns, answerer, prior)
    if wish is None:
        return DraftReply()
    turn, finding = wish
    choice = _choice(finding, _told(turns))
    if choice is None or not _fits(finding, answerer):
        return DraftReply(degraded=finding.result.degraded)
    made = await _compose(turn, choice, answerer, crowded, min(deadline_s, answerer.writing.deadline_s))
    return DraftReply(
        text=made.text,
        mode=made.mode,
        sources=tuple(source_of(hit) for hit in (*choice.hits, *choice.supporting)),
        checks=made.checks,
        degraded=(*finding.result.degraded, *made.degraded),
        model=made.model if made.mode is not Mode.PRECEDENT else None,
    )


def open_question(turns: Sequence[Turn]) -> list[Turn]:
    """The conversation up to the last thing that the customer wanted to know; "a person, please" and "thanks" are none."""
    spoken = [turn for turn in turns if turn.role in _SPOKEN and turn.text.strip()]
    while spoken and (spoken[-1].role is not Role.CUSTOMER or smalltalk.recognise(spoken[-1].text) is not None):
        spoken.pop()
    return spoken


def _wish(turns: Sequence[Turn], answerer: Answerer, prior: str | None) -> tuple[Understanding, Finding] | None:
    asked = open_question(turns)
    if not asked:
        return None
    turn = understand(asked, prior, answerer.detect, answerer.masker)
    return turn, answerer.find(turn, asked)


def _fits(finding: Finding, answerer: Answerer) -> bool:
    return bool(finding.matches) and finding.evidence.confidence >= answerer.thresholds.ask


def _told(turns: Sequence[Turn]) -> list[str]:
    return [turn.text for turn in turns if turn.role in (Role.BOT, Role.AGENT)]


def _is_said(text: str, told: Sequence[str]) -> bool:
    return any(overlap(text, other) >= _SAID for other in told)


def _precedents(turn: Understanding, finding: Finding, told: Sequence[str]) -> list[Precedent]:
    general = [_precedent(hit, turn, told, general=True) for hit in _standing(finding)]
    news_first = sorted(general, key=lambda one: one.said)
    known = {one.source.passage_id for one in general}
    cases = [
        _precedent(hit, turn, told, general=False)
        for hit in finding.result.hits
        if hit.passage.id not in known and not reusable(hit.passage) and _is_like(hit)
    ]
    return _distinct((*news_first, *cases))


def _standing(finding: Finding) -> list[Hit]:
    """What may be said to anybody, best first, without what a newer answer contradicts."""
    choice = finding.choice
    if choice is None:
        return []
    hits = [*choice.hits, *(match.hit for match in finding.matches)]
    return list({hit.passage.id: hit for hit in hits if hit.passage.id not in choice.superseded}.values())


def _is_like(hit: Hit) -> bool:
    return (hit.dense or 0.0) >= _CASE_DENSE and hit.coverage >= _CASE_COVERAGE


def _precedent(hit: Hit, turn: Understanding, told: Sequence[str], *, general: bool) -> Precedent:
    text = fill(reusable(hit.passage) if general else hit.passage.answer, turn.known, turn.language)
    return Precedent(source_of(hit), text, general, _is_said(text, told))


def _distinct(offered: Iterable[Precedent]) -> list[Precedent]:
    """The first few that do not repeat each other: three wordings of one answer are one choice."""
    kept: list[Precedent] = []
    for one in offered:
        if len(kept) == MOST_SOURCES:
            break
        if all(one.text != other.text and overlap(one.text, other.text) < _NEAR_DUPLICATE for other in kept):
            kept.append(one)
    return kept


def _choice(finding: Finding, told: Sequence[str]) -> Choice | None:
    """What to draft from; what the customer has read already is not said again."""
    choice = finding.choice
    if choice is None or not _is_said(choice.text, told):
        return choice
    news = [match for match in finding.matches if not _is_said(match.text, told)]
    return choose([match for match in news if match.hit.passage.id not in choice.superseded])


async def _compose(
    turn: Understanding, choice: Choice, answerer: Answerer, crowded: Callable[[], bool], deadline_s: float
) -> Draft:
    as_given = replace(answerer.writing, mode=Mode.PRECEDENT)
    if turn.attacks:
        return await _without(turn, choice, as_given, "generator: the message tries to steer it")
    if crowded():
        return await _without(turn, choice, as_given, _CROWDED)
    writing = replace(answerer.writing, mode=Mode.ADAPTED, deadline_s=deadline_s)
    work = asyncio.create_task(compose(turn, choice, (), writing, answerer.model, _shown_whole))
    try:
        while not (await asyncio.wait([work], timeout=_LOOK_EVERY_S))[0]:
            if crowded():
                return await _without(turn, choice, as_given, _CROWDED)
        return work.result()
    finally:
        work.cancel()


_CROWDED = "overload: customers come first, so the past answer stands here as it was given"


async def _without(turn: Understanding, choice: Choice, as_given: Writing, why: str) -> Draft:
    made = await compose(turn, choice, (), as_given, None, _shown_whole)
    return replace(made, degraded=(why,))


def _shown_whole(_: str) -> None:
    """A draft is shown once it is finished: half of one is nothing to edit."""
