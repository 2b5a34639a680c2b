"""Intervals by resampling whole conversations: of a mean, of any figure made of sums, and of a difference. Must not know models.

Turns of one conversation are alike, so they are drawn together (cluster bootstrap, Field and Welsh 2007); the interval is the
percentile one. Both sides of a comparison are drawn with the same conversations (Koehn 2004, paired bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.errors import UsageError

ROUNDS = 2000
SEED = 20_260_101
LEVEL = 0.95
FEWEST_CLEAR = 6
"""Conversations from which few turns may refuse: that all of five are worse is chance in 1 of 32 (3 %), of six in 1 of 64."""
_AT_ONCE = 4_000_000  # weights held in memory at a time
Array = npt.NDArray[np.float64]
Values = Sequence[float] | npt.NDArray[Any]
Score = Callable[[Array], Array]
"""From sums over the turns drawn, (rounds, k), to the figure of each round, (rounds,). NaN where it is not defined."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95 % interval. n: turns that it stands on; groups: their conversations.

    With one conversation nothing is known of the spread: the bounds are infinite then, so that no comparison passes by it.
    """

    mean: float
    low: float
    high: float
    n: int
    groups: int

    def view(self, digits: int = 4) -> dict[str, float | int | None]:
        """As JSON knows it: bounds that are not finite are null."""
        named = {"mean": self.mean, "low": self.low, "high": self.high}
        rounded = {name: round(value, digits) if math.isfinite(value) else None for name, value in named.items()}
        return {**rounded, "n": self.n, "conversations": self.groups}


def interval(values: Values, groups: Sequence[Hashable], seed: int = SEED, rounds: int = ROUNDS) -> Interval:
    """The mean of one value a turn. groups: the conversation of each. Raises UsageError for none, or for unequal lengths."""
    return interval_of(_with_ones(values), groups, ratio, seed, rounds)


def paired(
    challenger: Values,
    champion: Values,
    groups: Sequence[Hashable],
    seed: int = SEED,
    rounds: int = ROUNDS,
) -> Interval:
    """The difference of means, challenger minus champion, over the same turns in the same order. Raises UsageError."""
    return paired_of(_with_ones(challenger), _with_ones(champion), groups, ratio, seed=seed, rounds=rounds)


def interval_of(
    rows: Any, groups: Sequence[Hashable], score: Score, seed: int = SEED, rounds: int = ROUNDS
) -> Interval:
    """A figure made of sums over turns, such as a ratio or corpus BLEU. rows: (turns, k), what each turn adds to the sums.

    Rounds in which the figure is not defined do not count. Raises UsageError.
    """
    sums, turns = _by_group(rows, groups)
    drawn = [score(weights @ sums) for weights in _weights(len(sums), seed, rounds)]
    return _interval(score(sums.sum(axis=0)[None])[0], np.concatenate(drawn), turns, len(sums))


def paired_of(
    challenger: Any,
    champion: Any,
    groups: Sequence[Hashable],
    score: Score,
    *,
    seed: int = SEED,
    rounds: int = ROUNDS,
) -> Interval:
    """The difference of such a figure, challenger minus champion, over the same turns in the same order. Raises UsageError."""
    new, turns = _by_group(challenger, groups)
    old, _ = _by_group(champion, groups)
    drawn = [score(weights @ new) - score(weights @ old) for weights in _weights(len(new), seed, rounds)]
    difference = score(new.sum(axis=0)[None])[0] - score(old.sum(axis=0)[None])[0]
    return _interval(difference, np.concatenate(drawn), turns, len(new))


def _by_group(rows: Any, groups: Sequence[Hashable]) -> tuple[Array, int]:
    """Sums by group, (groups, k), and the number of turns."""
    table = np.asarray(rows, dtype=np.float64)
    if len(table) != len(groups):
        raise UsageError(f"{len(table)} values for {len(groups)} turns: each turn needs one, in the same order.")
    if not len(table):
        raise UsageError("There is no turn to measure, so there is no figure; give at least one.")
    place: dict[Hashable, int] = {}
    at = [place.setdefault(group, len(place)) for group in groups]
    sums = np.zeros((len(place), table.shape[1]))
    np.add.at(sums, at, table)
    return sums, len(table)


def _weights(groups: int, seed: int, rounds: int) -> Iterator[Array]:
    """How often each group is drawn in each round, in pieces of bounded size; (piece, groups)."""
    rng = np.random.default_rng(seed)
    piece = max(1, _AT_ONCE // groups)
    even = np.full(groups, 1 / groups)
    for start in range(0, rounds, piece):
        yield rng.multinomial(groups, even, size=min(piece, rounds - start)).astype(np.float64)


def _interval(figure: float, drawn: Array, turns: int, groups: int) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if groups < 2 or not len(known):
        return Interval(float(figure), -math.inf, math.inf, turns, groups)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(figure), float(low), float(high), turns, groups)


def _with_ones(values: Values) -> Array:
    column = np.asarray(values, dtype=np.float64)
    return np.stack([column, np.ones_like(column)], axis=1) if len(column) else np.zeros((0, 2))


def ratio(sums: Array) -> Array:
    """The first sum over the second; a `Score`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1])
