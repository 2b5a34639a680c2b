"""The two fits behind `chatbot/matching.json`: one that tells right from wrong, one that puts right before wrong. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_STEPS = 200


def logistic(
    table: Floats, labels: npt.NDArray[np.bool_], weights: Floats, penalty: float, rising: Sequence[bool]
) -> tuple[list[float], float]:
    """Weighted logistic regression with an L2 penalty on standardised columns; returns raw coefficients and the bias.

    table: (rows, columns). rising: columns whose coefficient may not be negative; the most negative one is left out until none
    is. A question that matches better must never count as matching worse, however the sample falls.
    """
    mean, scale = table.mean(axis=0), table.std(axis=0) + 1e-6
    rows = np.hstack([(table - mean) / scale, np.ones((len(table), 1))])

    def step(used: list[int], beta: Floats) -> tuple[Floats, Floats]:
        own = rows[:, [*used, -1]]
        ridge = np.diag([penalty] * len(used) + [1e-6])
        chance = 1 / (1 + np.exp(-np.clip(own @ beta, -30, 30)))
        slope = own.T @ (weights * (labels - chance)) - ridge @ beta
        return slope, own.T @ (own * (weights * chance * (1 - chance) + 1e-9)[:, None]) + ridge

    beta = _rising(step, table.shape[1], rising, extra=1)
    coefficients = beta[:-1] / scale
    return _rounded(coefficients), round(float(beta[-1] - coefficients @ mean), 4)


def listwise(
    lists: Sequence[tuple[Floats, npt.NDArray[np.bool_]]], penalty: float, rising: Sequence[bool]
) -> list[float]:
    """Coefficients under which a list's right candidates together get the largest share of its softmax (Cao et al. 2007, ListNet's
    top-one loss with several right ones).

    lists: for each question its candidates, (candidates, columns), and which of them are right, at least one. Columns that are the
    same for all candidates of a question cannot count. The curvature used is an upper bound of the true one, so no step overshoots.
    """
    every, right = np.vstack([table for table, _ in lists]), np.concatenate([right for _, right in lists])
    counts = [len(table) for table, _ in lists]
    starts = np.cumsum([0, *counts[:-1]])
    mean, scale = every.mean(axis=0), every.std(axis=0) + 1e-6
    scaled = (every - mean) / scale

    def step(used: list[int], beta: Floats) -> tuple[Floats, Floats]:
        own = scaled[:, used]
        shares = _shares(own @ beta, starts, counts)
        among = np.where(right, shares, 0.0)
        reached = np.maximum(np.add.reduceat(among, starts), 1e-12)
        expected = np.add.reduceat(own * shares[:, None], starts)
        slope = own.T @ (among / np.repeat(reached, counts)) - expected.sum(axis=0) - penalty * beta
        curve = own.T @ (own * shares[:, None]) - expected.T @ expected + penalty * np.eye(len(used))
        return slope, curve

    return _rounded(_rising(step, every.shape[1], rising) / scale)


def _rising(
    step: Callable[[list[int], Floats], tuple[Floats, Floats]], columns: int, rising: Sequence[bool], extra: int = 0
) -> Floats:
    """Newton's method over the columns that may count, (columns + extra,); `step` gives slope and curvature."""
    used = list(range(columns))
    while True:
        beta = np.zeros(len(used) + extra)
        for _ in range(_STEPS):
            slope, curve = step(used, beta)
            move = np.linalg.solve(curve, slope)
            beta += move
            if np.abs(move).max() < 1e-8:
                break
        negative = [(value, at) for at, value in enumerate(beta[: len(used)]) if value < 0 and rising[used[at]]]
        if not negative:
            break
        del used[min(negative)[1]]
    found = np.zeros(columns + extra)
    found[[*used, *range(columns, columns + extra)]] = beta
    return found


def _shares(scores: Floats, starts: npt.NDArray[np.int64], counts: Sequence[int]) -> Floats:
    """The softmax of each list's scores, which stand one after another."""
    powers = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), counts))
    shares: Floats = powers / np.repeat(np.add.reduceat(powers, starts), counts)
    return shares


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 4) for value in values]
