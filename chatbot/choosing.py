"""Which candidates answer the customer: the best, what agrees with it or completes it, never what is superseded. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.evidence import contradicts
from chatbot.matching import FAQ, Match
from chatbot.types import CORRECTION, Hit

_ALTERNATIVES = 12  # candidates that may contradict or support the best
_SAME_MATTER = 0.3  # share of the shorter answer's words that two answers to one matter have in common
_SAME_WORDS = 0.5
_SAID = 0.9  # share of its words that the customer has read already
_COMPLETES = 1.5  # log-odds: a candidate this close to the best may complete the answer
_LONGEST = 600  # characters of an answer made of two
_WORD = re.compile(r"[a-zà-ÿ]{4,}|[\u3400-\u9fff]")
MOST_SOURCES = 3
_STANDING = {FAQ: 1, CORRECTION: 2}


@dataclass(frozen=True, slots=True)
class Choice:
    """What to answer from. `hits` are the passages whose words make up `text`, best first; `supporting` say the same;
    `superseded` names passages that say otherwise and are older."""

    hits: tuple[Hit, ...]
    text: str
    supporting: tuple[Hit, ...] = ()
    superseded: tuple[str, ...] = ()


def choose(matches: Sequence[Match], alternatives: Sequence[Match] = ()) -> Choice | None:
    """The answer among candidates ranked best first, or None when there is none.

    alternatives: answers like the best one, whatever was asked; they may only supersede. Where answers to one matter
    contradict each other in their figures, the most recently given one stands. A second
    candidate that is nearly as good and says something else completes the answer. What the team wrote is whole: nothing completes
    it, and older answers that merely share its words are no support for it.
    """
    if not matches:
        return None
    near = matches[:_ALTERNATIVES]
    best, superseded = _newest([*near, *alternatives])
    rest = [match for match in near if match is not best and match.hit.passage.id not in superseded]
    completing = (match for match in rest if _completes(match, best, near[0].score))
    whole = best.hit.passage.source == CORRECTION
    second = None if whole else next(completing, None)
    used = [best] if second is None else [best, second]
    alike = [m for m in rest if m is not second and overlap(m.text, best.text) >= _SAME_MATTER]
    supporting = [] if whole else _distinct(alike, used)
    room = MOST_SOURCES - len(used)
    text = "\n\n".join(match.text for match in used)
    return Choice(tuple(match.hit for match in used), text, tuple(supporting[:room]), tuple(sorted(superseded)))


def not_yet_said(matches: Sequence[Match], said: Sequence[str]) -> list[Match]:
    """The candidates that tell the customer something new; all of them when none does."""
    fresh = [match for match in matches if all(overlap(match.text, text) < _SAID for text in said)]
    return fresh or list(matches)


def _newest(near: Sequence[Match]) -> tuple[Match, set[str]]:
    best, superseded = near[0], set[str]()
    for match in near[1:]:
        if not _against(match, best):
            continue
        older = best if _newer(match.hit, best.hit) else match
        superseded.add(older.hit.passage.id)
        best = match if older is best else best
    return best, superseded


def _against(one: Match, other: Match) -> bool:
    """Whether two candidates answer the same thing with different figures."""
    if _says_what_was_replaced(one, other) or _says_what_was_replaced(other, one):
        return True
    topics = one.hit.passage.topic, other.hit.passage.topic
    if all(topics) and topics[0] != topics[1]:
        return False
    least = _SAME_MATTER if all(topics) else _SAME_WORDS
    return overlap(one.text, other.text) >= least and contradicts(one.text, other.text)


def _says_what_was_replaced(match: Match, by: Match) -> bool:
    """Whether a candidate still says what the team has replaced: the figures of the old answer, and not those of the new."""
    old = by.hit.passage.found_by
    same = old is not None and overlap(match.text, old) >= _SAME_MATTER and not contradicts(match.text, old)
    return same and contradicts(match.text, by.text)


def _completes(match: Match, best: Match, top: float) -> bool:
    topics = match.hit.passage.topic, best.hit.passage.topic
    if all(topics) and topics[0] != topics[1]:
        return False
    close = match.score >= top - _COMPLETES and len(match.text) + len(best.text) <= _LONGEST
    return close and overlap(match.text, best.text) < _SAME_WORDS and not contradicts(match.text, best.text)


def _distinct(matches: Sequence[Match], used: Sequence[Match]) -> list[Hit]:
    """One hit for each wording: a FAQ answer stands under several questions."""
    seen = {match.text for match in used}
    return [match.hit for match in matches if match.text not in seen and not seen.add(match.text)]  # type: ignore[func-returns-value]


def overlap(one: str, other: str) -> float:
    """The share of the shorter text's words that stand in the other too, [0, 1]."""
    first, second = set(_WORD.findall(one.casefold())), set(_WORD.findall(other.casefold()))
    return len(first & second) / min(len(first), len(second)) if first and second else 0.0


def _newer(one: Hit, other: Hit) -> bool:
    """Whether the first holds against the second: what the team wrote before a FAQ entry, that before any conversation, for
    they hold until they are replaced; among equals what was said later."""
    first, second = _STANDING.get(one.passage.source, 0), _STANDING.get(other.passage.source, 0)
    if first != second:
        return first > second
    when, then = one.passage.last_seen or one.passage.resolved_at, other.passage.last_seen or other.passage.resolved_at
    return when is not None and then is not None and when > then
