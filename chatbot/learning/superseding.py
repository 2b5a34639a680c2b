"""Which replies were overtaken by a newer answer to the same matter: "14 days" until March, "30 days" ever since. Pure.

Stricter than what a turn does (`chatbot.choosing`), for a single other figure must supersede nothing, or one customer's balance
would supersede another's. It takes two that agree with each other, later conversations or answers that always stand (the help
centre's, the team's), while hardly anybody said so before and hardly anybody says the old thing any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from chatbot.evidence import contradicts, quantities
from chatbot.learning.grading import Graded, Key, key_of
from chatbot.learning.supporting import word_set
from chatbot.matching import FAQ
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.words import language_of, words
from chatbot.types import CORRECTION, Passage

_NEIGHBOURS = 60
_SAME_MATTER, _SAME_WORDS = 0.25, 0.5  # share of the shorter text's content words in common, with and without a topic
_AGREEING = 2  # conversations
_HARDLY = 0.25  # of those that say the new thing


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer with figures. words: the content words of question and answer."""

    passage: Passage
    figures: dict[str, frozenset[str]]
    words: frozenset[str]


def superseded(replies: Sequence[Graded], passages: Sequence[Passage]) -> set[int]:
    """Positions of the replies that do not hold any more.

    passages: what is in use. Only answers with figures are looked at, against those that are most like them in words.
    """
    shown: dict[str, list[_Said]] = defaultdict(list)
    for passage in passages:
        if quantities(passage.answer):
            shown[language_of(passage.language)].append(_said(passage))
    gone: set[int] = set()
    for language, others in shown.items():
        lexical = Bm25.build([words(f"{one.passage.question} {one.passage.answer}", language) for one in others])
        for number, graded in enumerate(replies):
            if (
                graded.language != language
                or graded.passage.source in {FAQ, CORRECTION}
                or not quantities(graded.target)
            ):
                continue
            mine = _said(replace(graded.passage, answer=graded.target))
            scores = lexical.scores(sorted(mine.words))
            near = [others[int(row)] for row in np.argsort(-scores, kind="stable")[:_NEIGHBOURS] if scores[row] > 0]
            if _overtaken(mine, [one for one in near if key_of(one.passage) != graded.conversation]):
                gone.add(number)
    return gone


def _said(passage: Passage) -> _Said:
    language = language_of(passage.language)
    return _Said(passage, quantities(passage.answer), word_set(f"{passage.question} {passage.answer}", language))


def _overtaken(mine: _Said, near: Sequence[_Said]) -> bool:
    at = mine.passage.resolved_at
    since: dict[tuple[str, frozenset[str]], set[Key]] = defaultdict(set)
    before: dict[tuple[str, frozenset[str]], set[Key]] = defaultdict(set)
    still: dict[str, set[Key]] = defaultdict(set)
    for one in near:
        if not _same_matter(mine, one):
            continue
        against = contradicts(mine.passage.answer, one.passage.answer)
        when = one.passage.resolved_at
        always = one.passage.source in {FAQ, CORRECTION}
        if not always and (at is None or when is None):
            continue
        later = always or (at is not None and when is not None and when > at)
        for unit in mine.figures.keys() & one.figures.keys():
            if against and not mine.figures[unit] & one.figures[unit]:
                (since if later else before)[unit, one.figures[unit]].add(key_of(one.passage))
            elif later:
                still[unit].add(key_of(one.passage))
    return any(
        len(found) >= _AGREEING and max(len(still[said[0]]), len(before[said])) <= _HARDLY * len(found)
        for said, found in since.items()
    )


def _same_matter(one: _Said, other: _Said) -> bool:
    topics = one.passage.topic, other.passage.topic
    if all(topics) and topics[0] != topics[1]:
        return False
    return _shared(one.words, other.words) >= (_SAME_MATTER if all(topics) else _SAME_WORDS)


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0
