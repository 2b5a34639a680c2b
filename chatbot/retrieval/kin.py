"""What candidates that are about one matter hold together: a past answer is judged by its fellows too. Pure.

One customer's words are few; the dozen conversations filed under a topic use most words that the matter is asked with. A
topic whose conversations together hold the question is the likelier one, whichever of them comes closest by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chatbot.types import Passage


@dataclass(frozen=True, slots=True)
class Held:
    """Words, character trigrams and concepts that a passage, or several together, share with the query; `alike`: how much the
    most similar of their questions speaks of the query's concepts, in [0, 1]."""

    words: frozenset[str]
    trigrams: frozenset[str]
    concepts: frozenset[str]
    alike: float


def together(passages: Sequence[Passage], held: Sequence[Held]) -> list[Held]:
    """For each passage what it and the others of its topic share with the query; without a topic, those of its conversation."""
    groups: dict[str, list[Held]] = defaultdict(list)
    keys = [passage.topic or f"{passage.source}\n{passage.conversation_id}" for passage in passages]
    for key, one in zip(keys, held, strict=True):
        groups[key].append(one)
    joined = {key: _joined(members) for key, members in groups.items()}
    return [joined[key] for key in keys]


def _joined(members: Sequence[Held]) -> Held:
    return Held(
        _union(one.words for one in members),
        _union(one.trigrams for one in members),
        _union(one.concepts for one in members),
        max(one.alike for one in members),
    )


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
