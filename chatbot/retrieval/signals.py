"""How a query and one passage match, signal by signal: what ranking and the abstention policy learn from. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chatbot.retrieval.concepts import concepts
from chatbot.retrieval.kin import Held, together
from chatbot.retrieval.words import trigrams, words
from chatbot.types import Passage, Support, TokenVectors

Idf = Callable[[str], float]
_CACHED = 50_000
_QUERIES = 1_000


def text_signals(text: str, language: str, passages: Sequence[Passage], idf: Idf) -> list[dict[str, float]]:
    """For each passage shares in [0, 1] of the query that stand in it.

    coverage, coverage_question, coverage_answer: of the query's idf mass. trigrams_question, trigrams_answer: of its character
    trigrams, which forgive typos and inflection. topic: of the trigrams of the passage's topic that stand in the query.
    concepts: of what the query speaks of (`retrieval.concepts`). alike: how far question and query speak of the same (Dice).
    label: the same for the topic's name, whether that is English or in the passage's language.
    kin_words, kin_trigrams, kin_concepts, kin_alike: the same of all these passages that share its topic, taken together.
    """
    asked = {word: idf(word) for word in _in_order(text, language)}
    total = sum(asked.values())
    pieces, spoken = _trigrams(text, language), concepts(text, language)
    found, held = [], []
    for passage in passages:
        question, answer = _words(passage.question, language), _words(passage.answer, language)
        topic = _trigrams((passage.topic or "").replace("_", " "), language)
        question_pieces, answer_pieces = _trigrams(passage.question, language), _trigrams(passage.answer, language)
        question_speaks = concepts(passage.question, language)
        speaks = question_speaks | concepts(passage.answer, language)
        alike = _alike(spoken, question_speaks)
        held.append(Held(words_of(passage, language), question_pieces | answer_pieces, speaks, alike))
        found.append(
            {
                "coverage": _mass(asked, total, words_of(passage, language)),
                "coverage_question": _mass(asked, total, question),
                "coverage_answer": _mass(asked, total, answer),
                "trigrams_question": _share(pieces, question_pieces),
                "trigrams_answer": _share(pieces, answer_pieces),
                "topic": _share(topic, pieces),
                "label": _alike(spoken, _of_label(passage.topic or "", language)),
                "concepts": _share(spoken, speaks),
                "alike": alike,
            }
        )
    for signals, kin in zip(found, together(passages, held), strict=True):
        signals["kin_words"] = _mass(asked, total, kin.words)
        signals["kin_trigrams"] = _share(pieces, kin.trigrams)
        signals["kin_concepts"] = _share(spoken, kin.concepts)
        signals["kin_alike"] = kin.alike
    return found


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
    return _every_word(passage.question, passage.answer, passage.window, language)


def _mass(asked: Mapping[str, float], total: float, held: frozenset[str]) -> float:
    return sum(weight for word, weight in asked.items() if word in held) / total if total else 0.0


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


@lru_cache(maxsize=_CACHED)
def _every_word(question: str, answer: str, window: str, language: str) -> frozenset[str]:
    return _words(question, language) | _words(answer, language) | _words(window, language)


@lru_cache(maxsize=_CACHED)
def _words(text: str, language: str) -> frozenset[str]:
    return frozenset(words(text, language))


@lru_cache(maxsize=_CACHED)
def _trigrams(text: str, language: str) -> frozenset[str]:
    return frozenset(trigrams(text, language))
