"""In which order an agent should judge the bot's replies: what a verdict on each is worth. Pure; must not know where they are kept.

One place in five goes to a reply drawn by chance: only from those, with the judged ones that the draw passes over, can figures be
drawn that hold for all replies. The others go by worth, where the signs of one reply add up. A sign at its strongest outweighs all
weaker kinds: a customer's thumb down, a confidence beside the threshold (there a verdict moves the threshold), sources that
disagree, a question that many ask in vain.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

UNIFORM = "uniform"
THUMBS_DOWN = "thumbs_down"
NEAR_THRESHOLD = "near_threshold"
DISAGREEMENT = "disagreement"
REFUSED_GROUP = "refused_group"
STRATA = (UNIFORM, THUMBS_DOWN, NEAR_THRESHOLD, DISAGREEMENT, REFUSED_GROUP)

EVERY = 5  # one in so many is drawn by chance
NEAR = 0.1  # how far from the threshold a confidence still tells something about it
AGREED = 0.6  # agreement of the sources from which they count as of one mind
GROUP = 3  # refused questions that make a group worth looking at
_WEIGHTS = {THUMBS_DOWN: 4.0, NEAR_THRESHOLD: 2.0, DISAGREEMENT: 1.0, REFUSED_GROUP: 0.5}
_LARGE_GROUP = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply that nobody has judged, with its signs. confidence, agreement: [0, 1]; agreement None: nothing was searched for.
    superseded: a source was set aside for a newer one. group: how many unanswered questions read alike."""

    key: int
    confidence: float = 1.0
    agreement: float | None = None
    thumbs_down: bool = False
    superseded: bool = False
    group: int = 0


@dataclass(frozen=True, slots=True)
class Pick:
    """A place in the queue: why the reply is shown (one of STRATA), and every sign it has."""

    candidate: Candidate
    why: str
    signs: tuple[str, ...]


def arrange(
    uniform: Sequence[Candidate],
    others: Sequence[Candidate],
    threshold: float,
    *,
    done: int = 0,
    taken: Collection[int] = (),
) -> list[Pick]:
    """All of both, each reply once, in the order to judge them.

    uniform: in the order drawn, which is kept; only as many as there are places for chance are set apart, so that in a small
    store the others keep their places by worth. done: how many places of this queue are behind the agent already, so that the
    share of chance holds over a day and not from one load to the next. taken: replies that somebody else looks at now; last.
    """
    signed = {one.key: sum(_signs(one, threshold).values()) for one in _merged(others)}
    known = {one.key: one for one in _merged(others) if signed[one.key] > 0}
    total = len(known.keys() | {one.key for one in uniform})
    places = range(done, done + total)
    drawn = {one.key for one in uniform[: sum(place % EVERY == 0 for place in places)]}
    by_worth = sorted(known.keys() - drawn, key=lambda key: (key in taken, -signed[key], -key))
    by_chance = sorted(
        (one for one in uniform if one.key in drawn or one.key not in known), key=lambda one: one.key in taken
    )
    return list(_places(places, iter(by_chance), iter([known[key] for key in by_worth]), threshold))


def _places(
    places: range, by_chance: Iterator[Candidate], by_worth: Iterator[Candidate], threshold: float
) -> Iterator[Pick]:
    for place in places:
        lucky = next(by_chance, None) if place % EVERY == 0 else None
        worthy = next(by_worth, None) if lucky is None else None
        candidate = lucky or worthy or next(by_chance)
        signs = _signs(candidate, threshold)
        why = max(signs, key=lambda sign: signs[sign]) if candidate is worthy else UNIFORM
        yield Pick(candidate, why, tuple(sign for sign in STRATA if sign in signs))


def _merged(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One reply may come in by several signs; they become one."""
    found: dict[int, Candidate] = {}
    for one in candidates:
        known = found.setdefault(one.key, one)
        found[one.key] = replace(
            known,
            thumbs_down=known.thumbs_down or one.thumbs_down,
            superseded=known.superseded or one.superseded,
            group=max(known.group, one.group),
        )
    return list(found.values())


def _signs(one: Candidate, threshold: float) -> Mapping[str, float]:
    """What each sign of a reply is worth; only those above 0."""
    group = math.log(one.group) / math.log(_LARGE_GROUP) if one.group >= GROUP else 0.0
    strength = {
        THUMBS_DOWN: float(one.thumbs_down),
        NEAR_THRESHOLD: 1 - abs(one.confidence - threshold) / NEAR,
        DISAGREEMENT: _disagreement(one),
        REFUSED_GROUP: min(1.0, group),
    }
    return {sign: _WEIGHTS[sign] * value for sign, value in strength.items() if value > 0}


def _disagreement(one: Candidate) -> float:
    lack = 0.0 if one.agreement is None else 1 - one.agreement / AGREED
    return max(lack, 0.7 if one.superseded else 0.0)
