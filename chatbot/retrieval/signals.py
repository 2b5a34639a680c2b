"""How a query and one passage match, signal by signal: what ranking and the abstention policy learn from. Pure arithmetic."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chatbot.retrieval.concepts import concepts
from chatbot.retrieval.kin import Held, together
from chatbot.retrieval.words import trigrams, words
from chatbot.types import Passage, Support, TokenVectors

Idf = Callable[[str], float]
_PASSAGES = 5_000  # about 25 kB each
_QUERIES = 1_000


def text_signals(text: str, language: str, passages: Sequence[Passage], idf: Idf) -> list[dict[str, float]]:
    """For each passage shares in [0, 1] of the query that stand in it.

    coverage, coverage_question, coverage_answer: of the query's idf mass. trigrams_question, trigrams_answer: of its character
    trigrams, which forgive typos and inflection. topic: of the trigrams of the passage's topic that stand in the query.
    concepts: of what the query speaks of (`retrieval.concepts`). alike: how far question and query speak of the same (Dice).
    label: the same for the topic's name, whether that is English or in the passage's language.
    kin_words, kin_trigrams, kin_concepts, kin_alike: the same of all these passages that share its topic, taken together.
    """
    weights = {word: idf(word) for word in _in_order(text, language)}
    asked, total, names = tuple(weights.items()), sum(weights.values()), frozenset(weights)
    spelt, spoken = _trigrams_of(text, language), concepts(text, language)
    found, shared = [], []
    for passage in passages:
        held = held_of(passage, language)
        alike = _alike(spoken, held.question_speaks)
        shared.append(Held(held.words & names, held.trigrams & spelt, held.speaks & spoken, alike))
        found.append(
            {
                "coverage": _mass(asked, total, held.words),
                "coverage_question": _mass(asked, total, held.question),
                "coverage_answer": _mass(asked, total, held.answer),
                "trigrams_question": _share(spelt, held.question_trigrams),
                "trigrams_answer": _share(spelt, held.answer_trigrams),
                "topic": _share(held.topic, spelt),
                "label": _alike(spoken, held.label),
                "concepts": _share(spoken, held.speaks),
                "alike": alike,
            }
        )
    for signals, kin in zip(found, together(passages, shared), strict=True):
        signals["kin_words"] = _mass(asked, total, kin.words)
        signals["kin_trigrams"] = _share(spelt, kin.trigrams)
        signals["kin_concepts"] = _share(spoken, kin.concepts)
        signals["kin_alike"] = kin.alike
    return found


@dataclass(frozen=True, slots=True)
class Parts:
    """What a passage is compared by: words, character trigrams and concepts of its texts, its topic and its topic's name."""

    words: frozenset[str]
    question: frozenset[str]
    answer: frozenset[str]
    question_trigrams: frozenset[str]
    answer_trigrams: frozenset[str]
    trigrams: frozenset[str]
    topic: frozenset[str]
    label: frozenset[str]
    question_speaks: frozenset[str]
    speaks: frozenset[str]


def held_of(passage: Passage, language: str) -> Parts:
    """The passage's parts; those of the passages used last are kept."""
    return _parts(passage.question, passage.searched, passage.window, passage.topic or "", language)


@lru_cache(maxsize=_PASSAGES)
def _parts(question: str, answer: str, window: str, topic: str, language: str) -> Parts:
    in_question, in_answer = (frozenset(words(text, language)) for text in (question, answer))
    of_question, of_answer = _trigrams(question, language), _trigrams(answer, language)
    question_speaks = concepts(question, language)
    return Parts(
        words=in_question | in_answer | frozenset(words(window, language)),
        question=in_question,
        answer=in_answer,
        question_trigrams=of_question,
        answer_trigrams=of_answer,
        trigrams=of_question | of_answer,
        topic=_trigrams_of(topic.replace("_", " "), language),
        label=_of_label(topic, language),
        question_speaks=question_speaks,
        speaks=question_speaks | concepts(answer, language),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A content word of the query: where it stands, how it is looked up, and its idf."""

    start: int
    end: int
    word: str
    weight: float


def support(query: TokenVectors, asked: Sequence[Asked], passage: TokenVectors, held: frozenset[str]) -> Support:
    """See `protocols.Retriever.support`; held: the passage's own words. 0.0 for a query or passage without a word."""
    if not len(passage.vectors) or not len(query.vectors):
        return Support(0.0, 0.0)
    best = (query.vectors @ passage.vectors.T.astype(query.vectors.dtype)).max(axis=1)
    covers: list[tuple[float, Asked]] = []
    for word in asked:
        tokens = [best[at] for at, (left, right) in enumerate(query.spans) if left < word.end and right > word.start]
        if tokens:
            covers.append((float(sum(tokens) / len(tokens)), word))
    mass = sum(word.weight for _, word in covers)
    if not mass:
        return Support(0.0, 0.0)
    elsewhere = [cover for cover, word in covers if word.word not in held]
    mean = sum(cover * word.weight for cover, word in covers) / mass
    return Support(mean, sum(elsewhere) / len(elsewhere) if elsewhere else 1.0)


def words_of(passage: Passage, language: str) -> frozenset[str]:
    """Every content word of a passage, as it is looked up."""
    return held_of(passage, language).words


def _mass(asked: Sequence[tuple[str, float]], total: float, held: frozenset[str]) -> float:
    return sum([weight for word, weight in asked if word in held]) / total if total else 0.0


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    return len(part & whole) / len(part) if part else 0.0


def _of_label(topic: str, language: str) -> frozenset[str]:
    name = topic.replace("_", " ")
    return concepts(name, "en") | concepts(name, language)


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


@lru_cache(maxsize=_QUERIES)
def _in_order(text: str, language: str) -> tuple[str, ...]:
    return tuple(words(text, language))  # a sum of weights depends on their order in its last digits


def _trigrams(text: str, language: str) -> frozenset[str]:
    return frozenset(map(sys.intern, trigrams(text, language)))  # passages share most of theirs


_trigrams_of = lru_cache(maxsize=_QUERIES)(_trigrams)
