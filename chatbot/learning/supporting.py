"""Which passages support a reply and which leave it without an answer: what a training prompt may hold. Pure; must not know search.

A passage is *right* for a reply when it says what the reply says: most of the reply's content words stand in it; or their vectors
are close and a good part of the words stands there; or they are not far, and all figures and names that the reply brings stand
there. A prompt is *supported* when it holds a right passage, and every fact of the reply stands in its passages or in the
customer's own words: the check that a draft must pass in the product (`evidence.unsupported`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chatbot.choosing import overlap
from chatbot.evidence import contradicts, unsupported
from chatbot.evidence import facts as stated
from chatbot.learning.grading import Graded
from chatbot.matching import FAQ
from chatbot.retrieval.words import words
from chatbot.types import CORRECTION, Passage

_CLOSE, _COVERED = 0.75, 0.4  # cosine of the replies, and share of the reply's content words that stand in the passage
_SURELY = 0.7  # that share alone
_KIN, _TOUCHED = 0.5, 0.3  # the same, enough where the passage has all the figures and names that the reply brings
_FAR, _UNCOVERED = 0.55, 0.35  # below both a passage does not say it
_LIKE_QUESTION = 0.7  # cosine: whatever a passage says to such a question may be an answer
_SAME = 0.8  # Jaccard of the words of two answers that count as one
_SAME_MATTER = 0.3
_PLACEHOLDER = re.compile(r"\[[A-Z]+\]")
_AS_IT_STANDS = re.compile(r"[\w'À-ÿ-]+")
_STANDING = {FAQ: 1, CORRECTION: 2}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage found for a reply. words: the content words of its answer; said: the facts and words of question and answer. reply,
    question: cosines of its answer to the reply and of its question to the customer's."""

    passage: Passage
    words: frozenset[str]
    said: frozenset[str]
    reply: float
    question: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a prompt shows. promoted: one of them stood further down in the list."""

    passages: tuple[Passage, ...]
    promoted: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reply says. words: its content words; facts: the figures, codes and (in English) names that it brings, which the
    customer has not said himself. trusted: whether the encoder knows its language."""

    words: frozenset[str]
    facts: frozenset[str]
    trusted: bool


def word_set(text: str, language: str) -> frozenset[str]:
    """Content words; placeholders do not count."""
    return frozenset(words(_PLACEHOLDER.sub(" ", text), language))


def said_in(passage: Passage) -> frozenset[str]:
    """What a reply may say that shows this passage: its facts, and its words, which names are looked up in."""
    text = f"{passage.question}\n{passage.answer}"
    return stated(text) | frozenset(_AS_IT_STANDS.findall(text.casefold()))


def wanted(graded: Graded, trusted: bool, company: str) -> Wanted:
    """Of a reply."""
    return Wanted(word_set(graded.target, graded.language), frozenset(missing_facts(graded, (), company)), trusted)


def is_right(want: Wanted, one: Candidate) -> bool:
    """Does the passage say what the reply says?"""
    if not want.words:
        return False
    covered = len(want.words & one.words) / len(want.words)
    if covered >= _SURELY or (want.trusted and one.reply >= _CLOSE and covered >= _COVERED):
        return True
    near = one.reply >= _KIN if want.trusted else covered >= _TOUCHED
    return bool(want.facts) and near and not _lacking(want.facts, [one])


def supported(found: Sequence[Candidate], k: int, want: Wanted) -> Evidence | str:
    """The prompt's passages, best first, or why there are none: "no_precedent", "superseded" or "facts_unsupported".

    The first `k` found that differ; where those lack a right passage, or facts of the reply, one found further down that has them
    takes the place of the last one that is not needed.
    """
    chosen = _distinct(found, k)
    promoted = False
    if not any(is_right(want, one) for one in chosen):
        further = next((one for one in found if is_right(want, one)), None)
        if further is None:
            return "no_precedent"
        chosen, promoted = [*chosen[: k - 1], further], True
    if missing := _lacking(want.facts, chosen):
        further = next((one for one in found if not _lacking(missing, [one])), None)
        spare = next((one for one in reversed(chosen) if not is_right(want, one)), None) if len(chosen) == k else None
        if further is None or (len(chosen) == k and spare is None):
            return "facts_unsupported"
        chosen, promoted = [*(one for one in chosen if one is not spare), further], True
    chosen = _current(chosen)
    if not any(is_right(want, one) for one in chosen) or _lacking(want.facts, chosen):
        return "superseded"
    return Evidence(tuple(one.passage for one in chosen), promoted)


def without_answer(found: Sequence[Candidate], k: int, want: Wanted) -> Evidence | None:
    """Passages that were found for the turn and do not answer it; None where too few are surely of that kind."""
    chosen = _current(_distinct([one for one in found if _says_else(want, one)], k))
    together = frozenset[str]().union(*(one.words for one in chosen))
    if not chosen or not want.words or len(want.words & together) / len(want.words) >= _SURELY:
        return None
    return Evidence(tuple(one.passage for one in chosen))


def missing_facts(graded: Graded, passages: Iterable[Passage], company: str) -> tuple[str, ...]:
    """Facts of the reply that stand neither in the passages nor in what was said."""
    said = [graded.passage.window, graded.passage.question, company]
    shown = [f"{passage.question}\n{passage.answer}" for passage in passages]
    return unsupported(_PLACEHOLDER.sub(" ", graded.target), [*said, *shown], graded.language)


def _lacking(facts: frozenset[str], shown: Sequence[Candidate]) -> frozenset[str]:
    """Those that stand in none of the passages."""
    return frozenset(
        fact for fact in facts if not any(fact in one.said or fact.removesuffix("s") in one.said for one in shown)
    )


def _says_else(want: Wanted, one: Candidate) -> bool:
    covered = len(want.words & one.words) / len(want.words) if want.words else 1.0
    if one.reply >= _FAR or covered >= _UNCOVERED or one.question >= _LIKE_QUESTION or is_right(want, one):
        return False
    return len(_lacking(want.facts, [one])) == len(want.facts)


def taught(graded: Graded, found: Sequence[Candidate], k: int) -> Evidence:
    """The prompt for an answer that the team wrote where nothing earlier says the same: that answer first, as in the product from
    that moment on, then what else is found."""
    others = [one.passage for one in _distinct(found, k) if not _outdated(graded.passage, one.passage)]
    return Evidence((graded.passage, *others[: k - 1]))


def _outdated(now: Passage, before: Passage) -> bool:
    return overlap(now.answer, before.answer) >= _SAME_MATTER and contradicts(now.answer, before.answer)


def _distinct(found: Sequence[Candidate], k: int) -> list[Candidate]:
    """The first `k` that say different things."""
    chosen: list[Candidate] = []
    for one in found:
        if len(chosen) == k:
            break
        if all(_jaccard(one.words, other.words) < _SAME for other in chosen):
            chosen.append(one)
    return chosen


def _current(chosen: Sequence[Candidate]) -> list[Candidate]:
    """Without those that another one contradicts that holds against them, as the product leaves them out (`chatbot.choosing`)."""
    return [one for one in chosen if not any(_holds_against(other, one) for other in chosen if other is not one)]


def _holds_against(one: Candidate, other: Candidate) -> bool:
    first, second = one.passage, other.passage
    if first.topic and second.topic and first.topic != second.topic:
        return False
    alike = overlap(first.answer, second.answer) >= _SAME_MATTER
    return alike and contradicts(first.answer, second.answer) and _standing(first) > _standing(second)


def _standing(passage: Passage) -> tuple[Any, ...]:
    when = passage.resolved_at.timestamp() if passage.resolved_at else float("-inf")
    return _STANDING.get(passage.source, 0), when


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both) if one or other else 1.0
