"""From a chosen precedent to the reply's words: verbatim, adapted or generated, each checked. Must not know search or stores."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from chatbot.choosing import Choice, overlap
from chatbot.errors import GenerationError
from chatbot.evidence import unsupported
from chatbot.members import named
from chatbot.prompts import NO_ANSWER, adapt_prompt, fingerprint, generate_prompt
from chatbot.protocols import ChatModel
from chatbot.retelling import lacking
from chatbot.reuse import sentences
from chatbot.slots import fill
from chatbot.types import ChatMessage, Mode, Passage, Turn
from chatbot.types.generation import Skill
from chatbot.understanding import Understanding

OnDelta = Callable[[str], None]
_ANY_SKILL = Skill()
_REWORDS = 0.3  # share of the shorter text's words that a draft and the past answer have in common
_ALSO_WORDS = frozenset({"pay:cheque", "pay:ideal"})  # "please check", "an ideal tent"
_PLACEHOLDER = re.compile(r"\[[A-Z_]+\]")
_FROM_THE_PROMPT = re.compile(
    r"\[[A-Z]+\]|\b(?:past|customer's) (?:question|answer)\b|\b(?:the|a) customer (?:asked|asks|wants)\b|\banswer is\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Writing:
    """How replies are written: settled once from the settings and the model's catalogue entry. Lives as long as the process."""

    mode: Mode
    company: str
    languages: frozenset[str] = frozenset()  # that the model is good for; empty: any
    max_tokens: int = 256
    deadline_s: float = 30.0
    prompt_budget: int = 1500


@dataclass(frozen=True, slots=True)
class Draft:
    """The words of a reply and how they came about; the fields are those of `types.Provenance`."""

    text: str
    mode: Mode
    model: str | None = None
    engine: str | None = None
    prompt_sha256: str | None = None
    finish_reason: str | None = None
    checks: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    generate_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a draft may say. customer: the customer's own words, which hold facts about that customer; company: what past answers
    say, and they alone tell what the company accepts or has."""

    customer: tuple[str, ...]
    company: tuple[str, ...]


async def compose(
    turn: Understanding,
    choice: Choice,
    window: Sequence[Turn],
    writing: Writing,
    model: ChatModel | None,
    on_delta: OnDelta,
) -> Draft:
    """The reply's words. Whatever goes wrong with the generator, the precedent itself is the answer, and the draft says so.

    Only whole sentences that pass the evidence check reach `on_delta`. Where some were shown before the draft failed, the
    precedent does not follow them as a delta: the finished reply replaces what was shown.
    """
    verbatim = "\n\n".join(fill(part, turn.known, turn.language) for part in choice.text.split("\n\n"))
    if writing.mode is Mode.PRECEDENT:
        on_delta(verbatim)
        return Draft(verbatim, Mode.PRECEDENT)
    if model is None:
        return _fall_back(Draft(verbatim, Mode.PRECEDENT), "none is running", on_delta)
    skill: Skill = getattr(model, "skill", _ANY_SKILL)  # a model that was not tuned here declares none
    languages = skill.languages or writing.languages
    if languages and turn.language not in languages:
        return _fall_back(Draft(verbatim, Mode.PRECEDENT), f"not fit for {turn.language}", on_delta)
    passages = [hit.passage for hit in (*choice.hits, *choice.supporting)]
    if writing.mode is Mode.ADAPTED and skill.prompt is None:
        prompt = adapt_prompt(turn.query.text, passages[0], verbatim, writing.company, turn.language)
    else:
        prompt = generate_prompt(window, passages, writing.company, turn.language, writing.prompt_budget)
    draft = await _generate(
        prompt, verbatim, _evidence(turn, verbatim, passages, writing), writing, model, on_delta, turn.language
    )
    if draft.mode is Mode.ADAPTED and (why := lacking(draft.text, turn, choice)):
        past = replace(draft, text=verbatim, mode=Mode.PRECEDENT)
        return replace(_fall_back(past, f"its draft {why}", _nothing), generate_ms=draft.generate_ms)
    return draft


def stopped(draft: str, past: str, asked: Sequence[str], company: str, language: str) -> str | None:
    """Why a finished draft of the mode `adapted` gives way to the past answer, as `compose` checks it sentence by sentence; None
    where it is shown. asked: the customer's own words. Not asked is `retelling.lacking`, which needs a whole turn."""
    if not draft.strip() or NO_ANSWER in draft:
        return "gave no answer"
    evidence = _Evidence(tuple(asked), (past, company))
    strayed = next((why for one in sentences(draft) if (why := _check(one, evidence, language))), None)
    return strayed or (None if _rewords(draft, past) else "its draft did not reword the past answer")


async def _generate(  # noqa: PLR0913, PLR0917 - one step of compose, split off for its length
    prompt: list[ChatMessage],
    verbatim: str,
    evidence: _Evidence,
    writing: Writing,
    model: ChatModel,
    on_delta: OnDelta,
    language: str,
) -> Draft:
    started = time.perf_counter()
    past = Draft(verbatim, Mode.PRECEDENT, model=model.name, engine=model.engine, prompt_sha256=fingerprint(prompt))
    text, shown, finish, instead = "", 0, None, on_delta
    try:
        async with aclosing(
            model.stream(prompt, max_tokens=writing.max_tokens, deadline_s=writing.deadline_s)
        ) as stream:  # type: ignore[type-var]
            async for delta in stream:
                text, finish = text + delta.text, delta.finish_reason or finish
                done = sentences(text) if delta.finish_reason else sentences(text)[:-1]
                for sentence in done[shown:]:
                    if NO_ANSWER in sentence:  # words for us, which nobody is to see pass by
                        return _fall_back(past, "gave no answer", instead, started)
                    if strayed := _check(sentence, evidence, language):
                        return _fall_back(past, strayed, instead, started, checks=(strayed,))
                    on_delta(sentence + " ")
                    instead = _nothing
                shown = max(shown, len(done))
    except GenerationError as exc:
        return _fall_back(past, str(exc), instead, started)
    text = text.strip()
    if not text or NO_ANSWER in text or finish == "length":
        why = "cut at the length limit" if finish == "length" else "gave no answer"
        return _fall_back(past, why, instead, started)
    if writing.mode is Mode.ADAPTED and not _rewords(text, verbatim):
        return _fall_back(past, "its draft did not reword the past answer", instead, started)
    passed = ("evidence: passed",)
    return replace(past, text=text, mode=writing.mode, finish_reason=finish, checks=passed, generate_ms=_since(started))


def _rewords(text: str, past: str) -> bool:
    """A small model may repeat question and prompt, which holds no unsupported fact and answers nothing."""
    return overlap(text, past) >= _REWORDS and not _FROM_THE_PROMPT.search(text)


def _check(sentence: str, evidence: _Evidence, language: str) -> str | None:
    if left := _PLACEHOLDER.search(sentence):
        return f"evidence: a placeholder is left: {left[0]}"
    invented = named(sentence) - _ALSO_WORDS
    if invented:
        invented -= named("\n".join(evidence.company))
    every = (*evidence.customer, *evidence.company)
    missing = [*unsupported(sentence, every, language), *sorted(one.partition(":")[2] for one in invented)]
    return f"evidence: not supported: {', '.join(missing)}" if missing else None


def _evidence(turn: Understanding, verbatim: str, passages: Sequence[Passage], writing: Writing) -> _Evidence:
    asked = (turn.text, turn.query.text)
    if writing.mode is Mode.ADAPTED:
        return _Evidence(asked, (verbatim, writing.company))
    before = tuple(p.question for p in passages)
    return _Evidence((*asked, *before), (verbatim, writing.company, *(p.answer for p in passages)))


def _fall_back(
    past: Draft, why: str, on_delta: OnDelta, started: float | None = None, *, checks: tuple[str, ...] = ()
) -> Draft:
    on_delta(past.text)
    spent = _since(started) if started else 0.0
    return replace(past, finish_reason="fallback", checks=checks, degraded=(f"generator: {why}",), generate_ms=spent)


def _nothing(_: str) -> None:
    """In place of `on_delta` once sentences of a draft are on screen."""


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
