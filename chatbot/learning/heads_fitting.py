"""Fits a head on vectors: logistic regression, its strength by cross-validation over conversations, its confidence calibrated.
Must not know texts, encoders or files.

Calibration by one temperature (Guo et al. 2017), on predictions for conversations that the fit had not seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.errors import UsageError
from chatbot.learning.heads import Floats, Head, Vectors

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
SURE = 0.9
"""Share of right readings that a head is to reach above its threshold."""
_FOLDS = 4
_TEMPERATURES = np.geomspace(0.05, 50.0, 300)
_NEVER = 1.01
_FEWEST = 5  # readings on which a threshold must stand
_STEPS = 500
Labels = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a head learns from. vectors: (n, dim); labels, groups, weights: one a row; groups are conversations."""

    vectors: Vectors
    labels: Sequence[str]
    groups: Sequence[str]
    weights: Sequence[float]


@dataclass(frozen=True, slots=True)
class Fitted:
    """head: ready to read. unseen: calibrated probabilities for each row of the fit by a head that had not seen its
    conversation, (n, labels). strengths: macro-F1 by C over the folds."""

    head: Head
    strength: float
    strengths: dict[float, float]
    unseen: Floats


def fit(rows: Rows, *, balanced: bool = False, seed: int = 0, strengths: Sequence[float] = STRENGTHS) -> Fitted:
    """The head with the best macro-F1 over folds of conversations. balanced: rare labels count as much as frequent ones.

    Raises UsageError with fewer than two labels, or labels that stand in one conversation only.
    """
    labels = sorted(set(rows.labels))
    if len(labels) < 2:
        raise UsageError(
            f"There is only one label to learn ({labels[0] if labels else 'none'}); a head needs two or more, each with "
            "several conversations."
        )
    truth = np.asarray(rows.labels)
    folds = _folds(rows, truth, seed)
    logits = {strength: _unseen(rows, truth, labels, folds, _Plan(strength, balanced)) for strength in strengths}
    scores = {strength: macro_f1(truth, np.asarray(labels)[found.argmax(axis=1)]) for strength, found in logits.items()}
    best = max(strengths, key=lambda strength: (scores[strength], -strength))
    head = calibrated(_fitted(rows, truth, _Plan(best, balanced)), logits[best], truth)
    return Fitted(head, best, scores, _softmax(logits[best] / head.temperature))


def calibrated(head: Head, logits: Floats, truth: Labels) -> Head:
    """The head with temperature and threshold from its logits, (n, labels), on rows that it had not seen."""
    at = np.searchsorted(np.asarray(head.labels), truth)
    losses = [-np.log(_softmax(logits / t)[np.arange(len(at)), at] + 1e-12).mean() for t in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    shares = _softmax(logits / temperature)
    right = shares.argmax(axis=1) == at
    return Head(head.labels, head.weights, head.bias, temperature, _threshold(shares.max(axis=1), right))


def macro_f1(truth: Labels, found: Labels) -> float:
    """Mean of the labels' F1, over the labels that occur in either."""
    names = np.union1d(truth, found)
    each = []
    for name in names:
        both = float(((truth == name) & (found == name)).sum())
        each.append(2 * both / float((truth == name).sum() + (found == name).sum()))
    return float(np.mean(each))


@dataclass(frozen=True, slots=True)
class _Plan:
    strength: float
    balanced: bool


def _threshold(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """The least confidence from which on SURE of the readings are right; one that nothing reaches where there is none."""
    order = np.argsort(-confidence, kind="stable")
    held = np.arange(1, len(order) + 1)
    shares = np.cumsum(right[order]) / held
    last_of_equals = np.append(np.diff(confidence[order]) < 0, True)
    enough = np.flatnonzero((shares >= SURE) & last_of_equals & (held >= _FEWEST))
    return float(confidence[order][enough[-1]]) if len(enough) else _NEVER


def _folds(rows: Rows, truth: Labels, seed: int) -> list[tuple[Any, Any]]:
    from sklearn.model_selection import StratifiedGroupKFold  # type: ignore[import-untyped]

    groups = np.asarray(rows.groups)
    fewest = min(len(set(groups[truth == label])) for label in set(rows.labels))
    if fewest < 2:
        raise UsageError("A label stands in one conversation only; a head needs two or more of each.")
    folds = StratifiedGroupKFold(min(_FOLDS, fewest), shuffle=True, random_state=seed)
    return list(folds.split(rows.vectors, truth, groups))


def _unseen(rows: Rows, truth: Labels, labels: Sequence[str], folds: Sequence[Any], plan: _Plan) -> Floats:
    logits = np.full((len(truth), len(labels)), -30.0)
    for train, test in folds:
        head = _fitted(_part(rows, train), truth[train], plan)
        columns = np.searchsorted(np.asarray(labels), np.asarray(head.labels))
        logits[np.ix_(test, columns)] = rows.vectors[test] @ head.weights.T + head.bias
    return logits


def _part(rows: Rows, at: npt.NDArray[np.intp]) -> Rows:
    def some(values: Sequence[Any]) -> list[Any]:
        return [values[place] for place in at]

    return Rows(rows.vectors[at], some(rows.labels), some(rows.groups), some(rows.weights))


def _fitted(rows: Rows, truth: Labels, plan: _Plan) -> Head:
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    model = LogisticRegression(C=plan.strength, max_iter=_STEPS, class_weight="balanced" if plan.balanced else None)
    # one thread: the products are small, and BLAS threads that wait for a busy core spin (0.9 s became 21 s beside other jobs)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 500 steps are enough: more do not change a reading
        model.fit(rows.vectors.astype(np.float64), truth, sample_weight=np.asarray(rows.weights))
    weights, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two labels
        weights, bias = np.vstack([-weights / 2, weights / 2]), np.concatenate([-bias / 2, bias / 2])
    return Head(tuple(map(str, model.classes_)), weights.astype(np.float32), bias.astype(np.float32))


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
