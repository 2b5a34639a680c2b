"""From an understood turn to the past answers that may be said: searched, ranked, weighed, chosen. Blocks; knows no wording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chatbot import policy
from chatbot.choosing import Choice, choose, not_yet_said
from chatbot.errors import ChatbotError
from chatbot.evidence import quantities
from chatbot.matching import WEIGHED, Match, confidence, rank
from chatbot.protocols import Retriever
from chatbot.retrieval.words import content_spans
from chatbot.types import Query, Role, SearchResult, Turn
from chatbot.understanding import Understanding

HITS = 30
_STANDS_ALONE = 3  # content words from which a follow-up may also be searched without its context
# a hit this like the question is about the same, if only for its own customer
_PERSONAL_DENSE, _PERSONAL_COVERAGE = 0.6, 0.6


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


def find(retriever: Retriever, turn: Understanding, turns: Sequence[Turn], *, trusted: bool) -> Finding:
    """The best of what the query finds in its context and, for a follow-up, of what it finds alone.

    trusted: whether the encoder knows the turn's language.
    """
    found = _find_one(retriever, turn, turns, turn.query, trusted=trusted)
    if not turn.follow_up or len(content_spans(turn.alone.text, turn.language)) < _STANDS_ALONE:
        return found
    alone = _find_one(retriever, turn, turns, turn.alone, trusted=trusted)
    return max(found, alone, key=lambda one: one.evidence.confidence)


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


def _find_one(
    retriever: Retriever, turn: Understanding, turns: Sequence[Turn], query: Query, *, trusted: bool
) -> Finding:
    asked, query = query, mended(retriever, query)
    result = _search(retriever, query)
    matches = rank(result, trusted, turn.alone.text, query.text)
    if turn.follow_up:
        matches = not_yet_said(matches, [past.text for past in turns if past.role is Role.BOT])
    if not matches:
        evidence = policy.Evidence(found_any=bool(result.hits), personal=_personal(result))
        return Finding(query, asked.text, result, (), None, evidence)
    supports = retriever.support(query, [match.hit.passage for match in matches[:WEIGHED]])
    sure = confidence(matches, supports, query, trusted)
    choice = choose(matches, _alternatives(retriever, matches, turn.language, trusted=trusted))
    return Finding(query, asked.text, result, tuple(matches), choice, policy.Evidence(sure, found_any=True))


def _alternatives(retriever: Retriever, matches: Sequence[Match], language: str, *, trusted: bool) -> list[Match]:
    """Past answers like the best candidate, where figures are at stake: one of them may be newer and say otherwise."""
    text = matches[0].text
    if not quantities(text):
        return []
    known = {match.hit.passage.id for match in matches}
    like = rank(_search(retriever, answers_like(text, language)), trusted)
    return [match for match in like if match.hit.passage.id not in known]


def _search(retriever: Retriever, query: Query) -> SearchResult:
    try:
        return retriever.search(query, HITS)
    except ChatbotError as exc:  # the customer gets a person instead, and the provenance the reason
        return SearchResult((), degraded=(f"index: {exc}",))


def _personal(result: SearchResult) -> bool:
    return any((hit.dense or 0.0) >= _PERSONAL_DENSE and hit.coverage >= _PERSONAL_COVERAGE for hit in result.hits[:3])
