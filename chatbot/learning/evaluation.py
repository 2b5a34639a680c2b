"""How good replies are, in figures with intervals: wording, evidence, refusals; alone, beside others, in parts. Must not know
where replies come from.

Every figure is made of sums over turns, so that it can be resampled by conversation and compared turn by turn with another's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chatbot.learning.bootstrap import ROUNDS, SEED, Array, Interval, Score, interval_of, paired_of, ratio
from chatbot.learning.examples import Example
from chatbot.learning.grounding import Grounding, ground
from chatbot.learning.wording import bleu_rows, bleu_score, chrf_rows, chrf_score, rouge_l

FEWEST = 5
"""Conversations that a topic needs for a line of its own."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a figure is. top: its best value; of: what it counts; words: a sentence for people."""

    name: str
    top: float
    of: str
    words: str


MEANINGS: Mapping[str, Meaning] = {
    "evidence_score": Meaning(
        "Evidence score", 1, "turns",
        "How far the reply says what the human took from the past answers, and states nothing of its own; 1 for handing over "
        "where that is right, 0 where it is not.",
    ),
    "evidence_choice": Meaning(
        "Right evidence", 1, "turns whose human reply rests on a past answer",
        "Share of replies that rest on the same past answer as the human's reply.",
    ),
    "grounded": Meaning(
        "Grounded", 1, "replies given",
        "Share of replies in which every number, date, address, code and (English) name stands in the evidence or was said by "
        "the customer.",
    ),
    "facts_supported": Meaning("Facts supported", 1, "replies that state a fact", "Share of all stated facts that do."),
    "chrf": Meaning(
        "chrF", 100, "turns to answer", "Likeness to the human's wording, by character n-grams; a refusal counts as empty."
    ),
    "bleu": Meaning("BLEU", 100, "turns to answer", "Likeness to the human's wording, by runs of one to four words."),
    "rouge_l": Meaning("ROUGE-L", 100, "turns to answer", "Longest common sequence of words with the human's reply."),
    "answered": Meaning("Answered", 1, "turns to answer", "Share of the turns to answer that got an answer."),
    "refusal_precision": Meaning(
        "Refusals that are right", 1, "refusals", "Share of refusals where handing over is right."
    ),
    "refusal_recall": Meaning(
        "Refused as it should", 1, "turns to hand over", "Share of the turns to hand over that were refused."
    ),
}  # fmt: skip
IN_PARTS = ("evidence_score", "evidence_choice", "grounded", "chrf", "refusal_recall")
"""The figures that are given by language and topic, too."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its interval. counted: how many of `Meaning.of` it stands on."""

    interval: Interval
    counted: int

    def view(self) -> dict[str, Any]:
        """As JSON; the mean is null where nothing was counted."""
        shown = self.interval.view()
        shown["n"] = self.counted
        return shown


@dataclass(frozen=True, slots=True)
class Replies:
    """One system's replies to the same examples, judged. present: places of the examples to which it gave one."""

    examples: tuple[Example, ...]
    texts: tuple[str | None, ...]
    judged: tuple[Grounding | None, ...]

    @property
    def present(self) -> list[int]:
        return [at for at, text in enumerate(self.texts) if text is not None]


def judge(examples: Sequence[Example], texts: Sequence[str | None]) -> Replies:
    """Judges each reply; None stands for one that is not there, which counts nowhere."""
    judged = tuple(
        None
        if text is None
        else ground(
            text,
            example.target if example.kind == "answer" else None,
            example.evidence,
            (example.question, example.window),
            example.language,
        )
        for example, text in zip(examples, texts, strict=True)
    )
    return Replies(tuple(examples), tuple(texts), judged)


def figures(
    replies: Replies, at: Sequence[int], names: Sequence[str] = tuple(MEANINGS), rounds: int = ROUNDS, seed: int = SEED
) -> dict[str, Figure]:
    """The figures over the turns at these places; those for which nothing is counted are left out."""
    groups = [replies.examples[place].conversation_id for place in at]
    found = {}
    for name, (rows, score) in _measures(replies, at, names).items():
        counted = int((rows != 0).any(axis=1).sum()) if score is not ratio else int((rows[:, 1] > 0).sum())
        if counted:
            found[name] = Figure(interval_of(rows, groups, score, seed, rounds), counted)
    return found


def differences(
    one: Replies, other: Replies, names: Sequence[str] = tuple(MEANINGS), rounds: int = ROUNDS, seed: int = SEED
) -> dict[str, Interval]:
    """one minus other, over the turns to which both gave a reply, with the same conversations drawn for both."""
    at = sorted(set(one.present) & set(other.present))
    if not at:
        return {}
    groups = [one.examples[place].conversation_id for place in at]
    new, old = _measures(one, at, names), _measures(other, at, names)
    found = {}
    for name, (rows, score) in new.items():
        if rows.any() and old[name][0].any():
            found[name] = paired_of(rows, old[name][0], groups, score, seed=seed, rounds=rounds)
    return {name: found[name] for name in found if np.isfinite(found[name].mean)}


def by_language(replies: Replies, rounds: int = ROUNDS, seed: int = SEED) -> dict[str, dict[str, Figure]]:
    """The figures of IN_PARTS by language, most turns first."""
    return _by(replies, [one.language for one in replies.examples], rounds, seed)


def by_topic(replies: Replies, rounds: int = ROUNDS, seed: int = SEED) -> dict[str, dict[str, Figure]]:
    """The same by topic; topics of fewer than FEWEST conversations together."""
    return _by(replies, topics_of(replies.examples, replies.present), rounds, seed)


def topics_of(examples: Sequence[Example], at: Sequence[int]) -> list[str]:
    """The name of the line in which each example's topic is told. at: those that count."""
    counted = {(examples[place].topic, examples[place].conversation_id) for place in at}
    conversations = Counter(topic for topic, _ in counted)

    def named(topic: str | None) -> str:
        if topic is None:
            return "(no topic)"
        return topic if conversations[topic] >= FEWEST else "(rare topics)"

    return [named(one.topic) for one in examples]


def places_of(names: Sequence[str], at: Sequence[int]) -> dict[str, list[int]]:
    """Of each name the places where it stands, most first."""
    places: dict[str, list[int]] = {}
    for place in at:
        places.setdefault(names[place], []).append(place)
    return {name: places[name] for name in sorted(places, key=lambda name: (-len(places[name]), name))}


def _by(replies: Replies, names: Sequence[str], rounds: int, seed: int) -> dict[str, dict[str, Figure]]:
    places = places_of(names, replies.present)
    return {name: figures(replies, held, IN_PARTS, rounds, seed) for name, held in places.items()}


def _measures(replies: Replies, at: Sequence[int], names: Sequence[str]) -> dict[str, tuple[Array, Score]]:
    """Rows, one a turn, and how their sums become the figure; a turn that does not count adds zeros."""
    examples = [replies.examples[place] for place in at]
    judged = [found for place in at if (found := replies.judged[place]) is not None]
    answers = np.asarray([example.kind == "answer" for example in examples])
    refused = np.asarray([one.refused for one in judged])
    chosen = np.asarray([np.nan if one.chosen is None else float(one.chosen) for one in judged])
    stated = np.asarray([0 if one.refused else max(one.stated, len(one.missing)) for one in judged])
    made: dict[str, Callable[[], tuple[Array, Score]]] = {
        "evidence_score": lambda: _share([one.score for one in judged], np.ones(len(at))),
        "evidence_choice": lambda: _share(np.nan_to_num(chosen), ~np.isnan(chosen)),
        "grounded": lambda: _share([one.grounded for one in judged], ~refused),
        "facts_supported": lambda: _share(stated - np.asarray([len(one.missing) for one in judged]), stated),
        "answered": lambda: _share(~refused, answers),
        "refusal_precision": lambda: _share(refused & ~answers, refused),
        "refusal_recall": lambda: _share(refused & ~answers, ~answers),
        "chrf": lambda: (_worded(replies, at, judged, chrf_rows), chrf_score),
        "bleu": lambda: (_worded(replies, at, judged, bleu_rows), bleu_score),
        "rouge_l": lambda: _share(_worded(replies, at, judged, _rouge_rows)[:, 0], answers),
    }
    return {name: made[name]() for name in names} if at else {}


def _share(values: Any, counts: Any) -> tuple[Array, Score]:
    """Rows of (value where it counts, whether and how much it counts)."""
    weight = np.asarray(counts, dtype=np.float64)
    return np.stack([np.where(weight > 0, np.asarray(values, dtype=np.float64), 0.0), weight], axis=1), ratio


def _worded(
    replies: Replies, at: Sequence[int], judged: Sequence[Grounding], rows_of: Callable[[list[str], list[str]], Array]
) -> Array:
    """Rows of the turns to answer; zeros for the others."""
    places = [row for row, place in enumerate(at) if replies.examples[place].kind == "answer"]
    said = ["" if judged[row].refused else str(replies.texts[at[row]]) for row in places]
    made = rows_of(said, [replies.examples[at[row]].target for row in places]) if places else np.zeros((0, 1))
    rows = np.zeros((len(at), made.shape[1]))
    rows[places] = made
    return rows


def _rouge_rows(said: list[str], wanted: list[str]) -> Array:
    return np.asarray([[rouge_l(one, other)] for one, other in zip(said, wanted, strict=True)])
