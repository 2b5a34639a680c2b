"""Replies to examples, each judged: the evidence score, the wording, whether it hands over. Must not know who wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatbot.learning.examples import Example
from chatbot.learning.grounding import ground
from chatbot.learning.wording import corpus_wording


@dataclass(frozen=True, slots=True)
class Judged:
    """Examples with one model's replies, in step. evidence: the evidence score of each, in [0, 1] (`grounding.ground`)."""

    examples: tuple[Example, ...]
    replies: tuple[str, ...]
    evidence: tuple[float, ...]

    def answers(self) -> list[int]:
        """Places of the turns that want an answer."""
        return [at for at, example in enumerate(self.examples) if example.kind == "answer"]

    def refusals(self) -> list[int]:
        """Places of the turns that must be handed over."""
        return [at for at, example in enumerate(self.examples) if example.kind == "hand_over"]

    def figures(self) -> Mapping[str, float]:
        """Means: `evidence` in [0, 1] and `chrf` in [0, 100] over the answers, `refused` over the turns to hand over. A figure
        for which there is no turn is left out."""
        found: dict[str, float] = {}
        if at := self.answers():
            found["evidence"] = sum(self.evidence[one] for one in at) / len(at)
            found["chrf"] = corpus_wording(
                [self.replies[one] for one in at], [self.examples[one].target for one in at]
            ).chrf
        if at := self.refusals():
            found["refused"] = sum(self.evidence[one] for one in at) / len(at)
        return found


def judge(examples: Sequence[Example], replies: Sequence[str]) -> Judged:
    """Judges one model's replies, in the examples' order."""
    scores = tuple(
        ground(
            reply,
            example.target if example.kind == "answer" else None,
            example.evidence,
            (example.question, example.window),
            example.language,
        ).score
        for example, reply in zip(examples, replies, strict=True)
    )
    return Judged(tuple(examples), tuple(replies), scores)


def alike(one: Sequence[str], other: Sequence[str]) -> tuple[float, float]:
    """How far two models' replies agree: the share that is the same word for word, and the mean share of words before the first
    difference, both in [0, 1]."""
    if not one:
        return 0.0, 0.0
    same = sum(first.split() == second.split() for first, second in zip(one, other, strict=True)) / len(one)
    until = sum(_until(first.split(), second.split()) for first, second in zip(one, other, strict=True)) / len(one)
    return same, until


def _until(first: Sequence[str], second: Sequence[str]) -> float:
    longest = max(len(first), len(second))
    common = next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )
    return common / longest if longest else 1.0
