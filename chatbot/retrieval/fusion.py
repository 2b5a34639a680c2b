"""Joins ranked lists into one and finds the reply that the others agree with; pure arithmetic, knows no index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

SIGNALS = ("window", "question", "reply", "window_words", "question_words")
DENSE = ("window", "question", "reply")
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weight of each signal in reciprocal rank fusion, and how the top replies vote.

    `k` is RRF's constant (Cormack et al. 2009, who took 60). `pool` replies vote, each with its score; `power` sharpens
    their likeness: 1 is the medoid, a large one a vote by (all but) the same answer.
    """

    window: float = 1.0
    question: float = 1.0
    reply: float = 0.5
    window_words: float = 0.5
    question_words: float = 1.0
    k: float = 5.0
    pool: float = 10.0
    power: float = 8.0

    def weights(self) -> Floats:
        """(5,) float32 in the order of SIGNALS."""
        return np.asarray([getattr(self, signal) for signal in SIGNALS], dtype=np.float32)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Fused:
    """Candidates best first. `scores` in [0, 1]: 1 is first in every list that counts. `ranks` count from 1."""

    ids: npt.NDArray[np.int64]
    scores: Floats
    ranks: npt.NDArray[np.float32]  # (candidates, 5), inf where a list missed it


def rank_table(lists: Mapping[str, npt.NDArray[np.int64]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Union of the lists and its ranks in each, (candidates, 5), inf where it is missing; ids below 0 are skipped."""
    present = {name: ids[ids >= 0] for name, ids in lists.items()}
    union = np.unique(np.concatenate([*present.values(), np.zeros(0, dtype=np.int64)])).astype(np.int64)
    ranks = np.full((len(union), len(SIGNALS)), np.inf, dtype=np.float32)
    for column, signal in enumerate(SIGNALS):
        if signal in present:
            at = np.searchsorted(union, present[signal])
            ranks[at, column] = np.arange(1, len(at) + 1)
    return union, ranks


def rrf(ranks: npt.NDArray[np.float32], fusion: Fusion, working: npt.NDArray[np.bool_] | None = None) -> Floats:
    """Fused score of each candidate in [0, 1]. `working` tells which signals were there; the rest do not count."""
    weights = fusion.weights()
    if working is not None:
        weights = np.where(working, weights, 0).astype(np.float32)
    if not weights.any():  # all that counts has failed: what is left counts alike
        weights = np.ones_like(weights) if working is None else working.astype(np.float32)
    best = float(weights.sum()) / (fusion.k + 1)
    return np.asarray((weights / (fusion.k + ranks)).sum(1) / max(best, 1e-9), dtype=np.float32)


def fuse(
    lists: Mapping[str, npt.NDArray[np.int64]], fusion: Fusion, working: npt.NDArray[np.bool_] | None = None
) -> Fused:
    """Reciprocal rank fusion of the lists, ties broken by id so that the same search gives the same answer."""
    ids, ranks = rank_table(lists)
    scores = rrf(ranks, fusion, working)
    order = np.lexsort((ids, -scores))
    return Fused(ids[order], scores[order], ranks[order])


def elect(likeness: Floats, scores: Floats, fusion: Fusion, candidates: int) -> int:
    """Position of the reply that the pool agrees with most, among the first `candidates`.

    likeness: (n, n) cosines of the replies, best hit first; scores: (n,) fused scores.
    """
    pool = min(len(scores), max(1, int(fusion.pool)))
    support = np.clip(likeness[: max(1, min(candidates, pool)), :pool], 0, 1) ** fusion.power @ scores[:pool]
    return int(np.argmax(np.round(support, 5)))  # rounded: equal answers tie, and the better hit comes first


def agreement(likeness: Floats, top: int = 5) -> float:
    """Mean pairwise cosine of the first `top` replies, below 0 counted as 0; 0 for fewer than two: nothing agrees."""
    count = min(top, len(likeness))
    if count < 2:
        return 0.0
    upper = np.triu_indices(count, 1)
    return float(np.clip(likeness[:count, :count][upper], 0, 1).mean())


def from_dict(raw: Mapping[str, float]) -> Fusion:
    """A fusion from a manifest. Raises TypeError for names that this program does not know."""
    return Fusion(**raw)
