"""Whether a reply stands on its evidence: its facts, the passage it rests on, whether it refuses. Must not know models.

Deterministic, from words and figures alone (`chatbot.evidence`). What the human took from the evidence is the measure: the
content words of the human's reply that stand in a passage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.evidence import facts, names, unsupported
from chatbot.retrieval.words import words

_RESTS = 0.25
"""Least share of a text's content words that stand in the passage on which it is said to rest."""
_SAME = 0.8
"""Passages that share this much of the shorter one's words are one: to take either is right."""
_REFUSES = re.compile(r"^\W*no answer\W*$", re.I)


@dataclass(frozen=True, slots=True)
class Grounding:
    """One reply judged.

    stated: its numbers, dates, addresses, codes and (English) names; missing: those that neither evidence nor customer stated.
    refused: it is the hand-over. chosen: whether it rests on the passage on which the human's reply rests, None where the
    human's rests on none. score: the evidence score in [0, 1] (`ground`).
    """

    stated: int
    missing: tuple[str, ...]
    refused: bool
    chosen: bool | None
    score: float

    @property
    def grounded(self) -> bool:
        """No fact of the reply's own."""
        return not self.missing


def ground(reply: str, target: str | None, evidence: Sequence[str], said: Sequence[str], language: str) -> Grounding:
    """Judges one reply.

    target: the human's reply, None (or the refusal) where a hand-over is right. evidence: the passages' texts as they stood in
    the prompt. said: the customer's own words, whose facts may be repeated.

    The evidence score: where a hand-over is right, 1 for a refusal and else 0. Where an answer is right: the F1 of the reply's
    content words against those that the human took from the evidence, times the share of stated facts that are supported; 0 for
    a refusal. Where the human took nothing from the evidence, all of the human's words count.
    """
    refused = refuses(reply)
    missing = () if refused else unsupported(reply, [*evidence, *said], language)
    stated = 0 if refused else len(_stated(reply, language))
    if target is None or refuses(target):
        return Grounding(stated, missing, refused, None, float(refused))
    right = rests_on(target, evidence, language)
    chosen = (
        None if right is None else not refused and _same(rests_on(reply, evidence, language), right, evidence, language)
    )
    supported = 1 - len(missing) / max(stated, len(missing), 1)
    score = 0.0 if refused else supported * _likeness(reply, target, evidence, language)
    return Grounding(stated, missing, refused, chosen, score)


def refuses(text: str) -> bool:
    """Whether a text is the refusal that the generator is told to give, and nothing besides. An empty one is."""
    return not text.strip() or bool(_REFUSES.match(text))


def rests_on(text: str, evidence: Sequence[str], language: str) -> int | None:
    """Place of the passage that holds most of the text's content words; None when none holds a quarter of them."""
    own = frozenset(words(text, language))
    if not own:
        return None
    shares = [len(own & frozenset(words(passage, language))) / len(own) for passage in evidence]
    best = max(range(len(shares)), key=lambda at: shares[at], default=None)
    return best if best is not None and shares[best] >= _RESTS else None


def _same(one: int | None, other: int, evidence: Sequence[str], language: str) -> bool:
    if one is None or one == other:
        return one == other
    first, second = (frozenset(words(evidence[at], language)) for at in (one, other))
    return len(first & second) >= _SAME * min(len(first), len(second))


def _likeness(reply: str, target: str, evidence: Sequence[str], language: str) -> float:
    """F1 of content words; the reply's own filling words, which neither side took from the evidence, cost nothing."""
    held = frozenset(word for passage in evidence for word in words(passage, language))
    wanted, given = frozenset(words(target, language)), frozenset(words(reply, language))
    if wanted & held:
        wanted, given = wanted & held, given & held
    common = len(wanted & given)
    return 2 * common / (len(wanted) + len(given)) if common else 0.0


def _stated(text: str, language: str) -> frozenset[str]:
    return facts(text) | (names(text) if language == "en" else frozenset())
