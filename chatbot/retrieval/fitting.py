"""Fits a corpus' fusion on its own held-out turns; must not know files, versions or encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from chatbot.retrieval.fusion import DENSE, SIGNALS, Fusion, elect, rank_table, rrf
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.reading import LEXICAL, best_of
from chatbot.retrieval.vectors import VectorIndex

Floats = npt.NDArray[np.float32]
ENOUGH = 60  # passages below which a fit would be noise
_SAMPLE, _DEPTH, _TOP = 400, 30, 5
_SHARP = 4  # power of the cosine that is rewarded: hitting the reply counts, being vaguely like it does not
_GAIN = 0.001  # a change that gains less than this in mean reward is not worth a departure from the default
_GRID: dict[str, Sequence[float]] = {
    **dict.fromkeys(SIGNALS, (0.0, 0.25, 0.5, 1.0, 2.0)),
    "k": (2.0, 5.0, 20.0, 60.0),
    "pool": (1.0, 5.0, 10.0, 20.0),
    "power": (1.0, 2.0, 8.0, 32.0),
}


@dataclass(frozen=True, slots=True)
class Corpus:
    """One language's passages as the fit needs them: row i of every array is passage i."""

    conversations: Sequence[str]
    words: Mapping[str, Sequence[list[str]]]  # of "window" and "question"
    vectors: dict[str, Floats]  # of "window", "question" and "reply", (n, dim) each
    dense: dict[str, VectorIndex]
    lexical: dict[str, Bm25]


@dataclass(frozen=True, slots=True)
class _Turn:
    """One held-out turn: its candidates' ranks, their replies' likeness to each other and the reward of each."""

    ranks: Floats
    likeness: Floats
    truth: Floats


def fit(corpus: Corpus) -> Fusion:
    """The fusion whose elected replies come closest to the true ones, by coordinate ascent from the default.

    A held-out turn is a passage searched for without its whole conversation. Deterministic; about a second.
    """
    turns = _held_out(corpus)
    best = Fusion()
    if len(turns) < ENOUGH // 2:
        return best
    reached = _rewards(turns, best)
    for _ in range(2):
        before = best
        for name, values in _GRID.items():
            for value in values:
                tried = replace(best, **{name: value})
                if tried.weights().any() and _better(rewards := _rewards(turns, tried), reached):
                    best, reached = tried, rewards
        if best == before:
            break
    return best


def _better(tried: Floats, reached: Floats) -> bool:
    """More than its own standard error better, turn by turn: what a sample cannot tell apart is left as it is."""
    gain = tried - reached
    doubt = float(gain.std()) / float(np.sqrt(len(gain)))
    return float(gain.mean()) > max(_GAIN, doubt)


def _rewards(turns: Sequence[_Turn], fusion: Fusion) -> Floats:
    return np.asarray([_reward(turn, fusion) for turn in turns], dtype=np.float32)


def _reward(turn: _Turn, fusion: Fusion) -> float:
    scores = rrf(turn.ranks, fusion)
    order = np.argsort(-scores, kind="stable")[: max(_TOP, int(fusion.pool))]
    chosen = elect(turn.likeness[np.ix_(order, order)], scores[order], fusion, _TOP)
    return float(turn.truth[order[chosen]])


def _held_out(corpus: Corpus) -> list[_Turn]:
    count = len(corpus.conversations)
    rows = np.sort(np.random.default_rng(11).permutation(count)[:_SAMPLE])
    owner = np.unique(np.asarray(corpus.conversations, dtype=object).astype(str), return_inverse=True)[1]
    reach = min(count, _DEPTH * 2)
    asked_with = {"window": "window", "question": "question", "reply": "window"}
    near = {name: corpus.dense[name].nearest(corpus.vectors[asked_with[name]][rows], reach)[0] for name in DENSE}
    turns = []
    for number, row in enumerate(rows):
        lists = {name: near[name][number] for name in DENSE}
        for name, field in LEXICAL.items():
            lists[name] = best_of(corpus.lexical[field].scores(corpus.words[field][row]), reach)
        others = {name: ids[(ids >= 0) & (owner[ids] != owner[row])][:_DEPTH] for name, ids in lists.items()}
        ids, ranks = rank_table(others)
        if len(ids):
            replies = corpus.vectors["reply"][ids]
            truth = replies @ corpus.vectors["reply"][row]
            turns.append(_Turn(ranks, replies @ replies.T, np.clip(truth, 0, 1) ** _SHARP))
    return turns
