"""Which of the passages found answers the customer: reusable, agreed upon, and not superseded. Pure; knows no search."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chatbot.evidence import contradicts
from chatbot.reuse import general_part
from chatbot.types import Hit, SearchResult

_CLOSE = 0.75  # of the best fused score: hits below it are about something else
_SAME_MATTER = 0.3  # share of the shorter answer's words that two answers to one matter have in common
_WORD = re.compile(r"[a-zà-ÿ]{4,}|[\u3400-\u9fff]")
MOST_SOURCES = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """The passage to answer from. `text` is its reusable part, word for word; `supporting` are hits that say the same;
    `superseded` names passages that say otherwise and are older."""

    hit: Hit
    text: str
    supporting: tuple[Hit, ...]
    superseded: tuple[str, ...]


def choose(result: SearchResult) -> Choice | None:
    """The best reusable passage, or None when every one found holds for its own customer only.

    Order: the medoid of the replies if it is close to the best, then by fused score. Among answers to the same matter
    whose figures contradict each other the most recently given one stands.
    """
    usable = [(hit, text) for hit in _in_order(result) if (text := _reusable(hit))]
    if not usable:
        return None
    best, text = usable[0]
    superseded: list[str] = []
    for hit, other in usable[1:]:
        if same_matter(text, other) and contradicts(text, other):
            if _newer(hit, best):
                superseded.append(best.passage.id)
                best, text = hit, other
            else:
                superseded.append(hit.passage.id)
    supporting = [
        hit
        for hit, other in usable
        if hit is not best
        and hit.passage.id not in superseded
        and hit.score >= _CLOSE * best.score
        and same_matter(text, other)
    ]
    return Choice(best, text, tuple(supporting[: MOST_SOURCES - 1]), tuple(superseded))


def same_matter(one: str, other: str) -> bool:
    """Whether two answers speak of the same thing: overlap of their words (four letters and up) by the shorter one."""
    first, second = set(_WORD.findall(one.casefold())), set(_WORD.findall(other.casefold()))
    return bool(first and second) and len(first & second) >= _SAME_MATTER * min(len(first), len(second))


def _reusable(hit: Hit) -> str:
    passage = hit.passage
    return passage.answer if passage.source == "faq" else general_part(passage.answer, passage.language)


def _in_order(result: SearchResult) -> list[Hit]:
    hits = list(result.hits)
    if hits and result.medoid and hits[result.medoid].score >= _CLOSE * hits[0].score:
        hits.insert(0, hits.pop(result.medoid))
    return hits


def _newer(one: Hit, other: Hit) -> bool:
    when, then = one.passage.last_seen or one.passage.resolved_at, other.passage.last_seen or other.passage.resolved_at
    return when is not None and then is not None and when > then
