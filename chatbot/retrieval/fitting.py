"""Fits a corpus' fusion on its own held-out turns; must not know files, versions or encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.retrieval.fusion import DENSE, SIGNALS, Fusion, rank_table
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.reading import LEXICAL, best_of
from chatbot.retrieval.vectors import VectorIndex

Floats = npt.NDArray[np.float32]
ENOUGH = 60  # passages below which a fit would be noise
_SAMPLE, _FOLDS, _DEPTH, _TOP = 600, 4, 30, 5
_SHARP = 4  # power of the likeness that is rewarded: hitting the reply counts, being vaguely like it does not
_SPELT = 2**14  # buckets for runs of characters
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
    answers: Sequence[str]
    words: Mapping[str, Sequence[list[str]]]  # of "window" and "question"
    vectors: dict[str, Floats]  # of "window", "question" and "reply", (n, dim) each
    dense: dict[str, VectorIndex]
    lexical: dict[str, Bm25]


@dataclass(frozen=True, slots=True)
class _Turns:
    """Held-out turns, (n,) along the first axis of each: ranks of up to `c` candidates, (n, c, 5), inf where there is none; their
    replies' likeness to each other, (n, c, c); the reward of each, (n, c)."""

    ranks: Floats
    likeness: Floats
    truth: Floats

    def __len__(self) -> int:
        return len(self.truth)

    def part(self, chosen: npt.NDArray[np.bool_]) -> _Turns:
        return _Turns(self.ranks[chosen], self.likeness[chosen], self.truth[chosen])


def fit(corpus: Corpus) -> Fusion:
    """The fusion whose elected replies come closest to the true ones, where that holds for turns it was not fitted on.

    A held-out turn is a passage searched for without its whole conversation. Each fold's turns judge what was fitted on all
    others. The fits' mean is taken, which a few turns more or less hardly move, if on the turns they had not seen they beat the
    default by more than their gain's error. Deterministic; a few seconds.
    """
    turns = _held_out(corpus)
    if len(turns) < ENOUGH // 2:
        return Fusion()
    fold = np.arange(len(turns)) * _FOLDS // len(turns)  # the turns of one conversation stand together
    fits, gains = [], []
    for number in range(_FOLDS):
        fitted = _ascend(turns.part(fold != number))
        unseen = turns.part(fold == number)
        fits.append(fitted)
        gains.append(_rewards(unseen, fitted) - _rewards(unseen, Fusion()))
    return _mean(fits) if _clear(np.concatenate(gains)) else Fusion()


def _ascend(turns: _Turns) -> Fusion:
    """Coordinate ascent from the default; what is gained by chance is lost in the mean of the folds."""
    best = Fusion()
    reached = _rewards(turns, best)
    for _ in range(2):
        before = best
        for name, values in _GRID.items():
            for value in values:
                tried = replace(best, **{name: value})
                if tried.weights().any() and (rewards := _rewards(turns, tried)).mean() > reached.mean():
                    best, reached = tried, rewards
        if best == before:
            break
    return best


def _mean(fits: Sequence[Fusion]) -> Fusion:
    return Fusion(
        **{field.name: float(np.mean([getattr(one, field.name) for one in fits])) for field in fields(Fusion)}
    )


def _clear(gains: Floats) -> bool:
    """More than its own standard error above nought, turn by turn: what a sample cannot tell apart is left as it is."""
    doubt = float(gains.std()) / float(np.sqrt(len(gains)))
    return float(gains.mean()) > max(_GAIN, doubt)


def _rewards(turns: _Turns, fusion: Fusion) -> Floats:
    """(n,) the reward of the reply that `rrf` and `elect` would choose in each turn."""
    weights = fusion.weights()
    scores = (weights / (fusion.k + turns.ranks)).sum(axis=2) * ((fusion.k + 1) / max(float(weights.sum()), 1e-9))
    order = np.argsort(-scores, axis=1, kind="stable")[:, : max(1, int(fusion.pool))]
    near, each = order[:, :_TOP], np.arange(len(turns))[:, None]
    likeness = turns.likeness[each[:, :, None], near[:, :, None], order[:, None, :]] ** fusion.power
    votes = (likeness * np.take_along_axis(scores, order, 1)[:, None, :]).sum(axis=2)
    chosen = np.take_along_axis(near, np.argmax(np.round(votes, 5), axis=1)[:, None], 1)
    return np.asarray(np.take_along_axis(turns.truth, chosen, 1)[:, 0], dtype=np.float32)


def _held_out(corpus: Corpus) -> _Turns:
    count = len(corpus.conversations)
    rows = np.sort(np.random.default_rng(11).permutation(count)[:_SAMPLE])
    owner = np.unique(np.asarray(corpus.conversations, dtype=object).astype(str), return_inverse=True)[1]
    reach = min(count, _DEPTH * 2)
    asked_with = {"window": "window", "question": "question", "reply": "window"}
    near = {name: corpus.dense[name].nearest(corpus.vectors[asked_with[name]][rows], reach)[0] for name in DENSE}
    found = []
    for number, row in enumerate(rows):
        lists = {name: near[name][number] for name in DENSE}
        for name, field in LEXICAL.items():
            lists[name] = best_of(corpus.lexical[field].scores(corpus.words[field][row]), reach)
        others = {name: ids[(ids >= 0) & (owner[ids] != owner[row])][:_DEPTH] for name, ids in lists.items()}
        ids, ranks = rank_table(others)
        if len(ids):
            found.append((int(row), ids, ranks))
    return _together(found, corpus.vectors["reply"], _spelt(corpus.answers))


def _spelt(answers: Sequence[str]) -> Any:
    """(n, 2^14) sparse, rows of length 1: each answer's runs of two to four characters, the square root of how often.

    An encoder that does not know a language finds all its answers alike; characters tell them apart in any.
    """
    from sklearn.feature_extraction.text import HashingVectorizer  # type: ignore[import-untyped]
    from sklearn.preprocessing import normalize  # type: ignore[import-untyped]

    runs = HashingVectorizer(
        analyzer="char", ngram_range=(2, 4), n_features=_SPELT, alternate_sign=False, norm=None, lowercase=False
    ).transform(answers)
    return normalize(runs.sqrt(), copy=False)


def _together(found: Sequence[tuple[int, npt.NDArray[np.int64], Floats]], replies: Floats, spelt: Any) -> _Turns:
    """Each turn's row, candidates and ranks as one table; where it has fewer candidates than others, the rest never counts.

    A candidate's reward: the mean of how alike it and the true reply are in meaning and in spelling, sharpened.
    """
    most = max((len(ids) for _, ids, _ in found), default=0)
    turns = _Turns(
        np.full((len(found), most, len(SIGNALS)), np.inf, dtype=np.float32),
        np.zeros((len(found), most, most), dtype=np.float32),
        np.zeros((len(found), most), dtype=np.float32),
    )
    for at, (row, ids, ranks) in enumerate(found):
        size, own = len(ids), replies[ids]
        turns.ranks[at, :size] = ranks
        turns.likeness[at, :size, :size] = np.clip(own @ own.T, 0, 1)
        meaning, spelling = np.clip(own @ replies[row], 0, 1), (spelt[ids] @ spelt[row].T).toarray()[:, 0]
        turns.truth[at, :size] = ((meaning + spelling) / 2) ** _SHARP
    return turns
