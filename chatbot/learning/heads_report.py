"""How well a head reads conversations that it has not learnt from: macro-F1, confusions, calibration. Must not know models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chatbot.learning.bootstrap import Array, Interval, interval, interval_of, paired_of, ratio
from chatbot.learning.heads import Floats, Head, blended
from chatbot.learning.heads_labels import Labelled

_PAIRS = 10
_BINS = 10


@dataclass(frozen=True, slots=True)
class Report:
    """Figures on held-out texts, each with its 95 % interval by conversation.

    sure: share of texts on which the head says a label rather than "unknown"; right_when_sure: of those. calibration: expected
    calibration error. labels: name -> (F1, texts). confusions: (true, read, texts), most frequent first.
    """

    macro_f1: Interval
    accuracy: Interval
    majority: float
    sure: Interval
    right_when_sure: Interval
    calibration: float
    labels: dict[str, tuple[float, int]]
    confusions: tuple[tuple[str, str, int], ...]
    languages: dict[str, Interval]

    def view(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "macro_f1": self.macro_f1.view(),
            "accuracy": self.accuracy.view(),
            "majority_label": round(self.majority, 4),
            "sure": self.sure.view(),
            "right_when_sure": self.right_when_sure.view(),
            "calibration_error": round(self.calibration, 4),
            "labels": {name: {"f1": round(f1, 4), "texts": texts} for name, (f1, texts) in self.labels.items()},
            "confusions": [{"true": true, "read": read, "texts": n} for true, read, n in self.confusions],
            "languages": {name: found.view() for name, found in self.languages.items()},
        }


def report(head: Head, shares: Floats, rows: Sequence[Labelled]) -> Report:
    """shares: the head's probabilities for each row, (rows, labels). Rows need not be of labels that the head knows."""
    truth = [row.label for row in rows]
    read = [head.labels[at] for at in shares.argmax(axis=1)]
    groups = [row.conversation for row in rows]
    names = sorted({*truth, *read})
    parts = parts_of(truth, read, names)
    right = np.asarray([one == other for one, other in zip(truth, read, strict=True)])
    sure = shares.max(axis=1) >= head.threshold
    sums = parts.sum(axis=0).reshape(len(names), 3)
    wrong = Counter((true, found) for true, found in zip(truth, read, strict=True) if true != found)
    return Report(
        macro_f1=interval_of(parts, groups, macro_f1_of),
        accuracy=interval(right, groups),
        majority=Counter(truth).most_common(1)[0][1] / len(truth),
        sure=interval(sure, groups),
        right_when_sure=interval_of(np.stack([right & sure, sure], axis=1), groups, ratio),
        calibration=_calibration(shares.max(axis=1), right),
        labels={name: (float(2 * s[0] / max(1, s[1] + s[2])), int(s[1])) for name, s in zip(names, sums, strict=True)},
        confusions=tuple((true, found, n) for (true, found), n in wrong.most_common(_PAIRS)),
        languages={language: _of(language, rows, right) for language in sorted({row.language for row in rows})},
    )


@dataclass(frozen=True, slots=True)
class Contest:
    """The mood head beside the lexicon on the same held-out conversations: macro-F1 of upset against content, each at the cut
    that was best for it on the conversations of the fit. better: challenger minus lexicon."""

    lexicon: Interval
    head: Interval
    better: Interval

    @property
    def won(self) -> bool:
        """Whether the head is better, and not by chance."""
        return self.better.low > 0

    def view(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "lexicon": self.lexicon.view(),
            "head": self.head.view(),
            "difference": self.better.view(),
            "won": self.won,
        }


def contest(train: Sequence[Feeling], test: Sequence[Feeling]) -> Contest:
    """Cuts from `train`, figures on `test`; each conversation is one case."""
    names, groups = sorted({one.label for one in test}), [one.conversation for one in test]
    truth = [one.label for one in test]
    parts = []
    for side in ("lexicon", "head"):
        cut = _best_cut([getattr(one, side) for one in train], [one.label for one in train])
        found = [_LOW if getattr(one, side) < cut else _HIGH for one in test]
        parts.append(parts_of(truth, found, sorted({*names, _LOW, _HIGH})))
    lexicon, head = parts
    return Contest(
        interval_of(lexicon, groups, macro_f1_of),
        interval_of(head, groups, macro_f1_of),
        paired_of(head, lexicon, groups, macro_f1_of),
    )


@dataclass(frozen=True, slots=True)
class Feeling:
    """One conversation's running mood after its last message, by both."""

    conversation: str
    label: str
    lexicon: float
    head: float


def feelings(rows: Sequence[Labelled], lexicon: Sequence[float], head: Sequence[float]) -> list[Feeling]:
    """One a conversation, from the moods of its messages in their order."""
    held: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        held.setdefault(row.conversation, []).append(at)
    return [
        Feeling(own, rows[at[0]].label, blended([lexicon[one] for one in at]), blended([head[one] for one in at]))
        for own, at in held.items()
    ]


def macro_f1_of(sums: Array) -> Array:
    """From sums of (both, true, read) a label to the mean F1 over labels that occur; a `bootstrap.Score`."""
    counted = sums.reshape(len(sums), -1, 3)
    total = counted[:, :, 1] + counted[:, :, 2]
    each = np.where(total > 0, 2 * counted[:, :, 0] / np.maximum(total, 1e-12), 0.0)
    return np.asarray(each.sum(axis=1) / (total > 0).sum(axis=1))


_LOW, _HIGH = "upset", "content"


def parts_of(truth: Sequence[str], read: Sequence[str], names: Sequence[str]) -> Array:
    """(rows, 3 * labels): what each row adds to the counts of (both, true, read) of each label."""
    place = {name: at for at, name in enumerate(names)}
    parts = np.zeros((len(truth), len(names), 3))
    for row, (true, found) in enumerate(zip(truth, read, strict=True)):
        parts[row, place[true], 1] += 1
        parts[row, place[found], 2] += 1
        parts[row, place[true], 0] += true == found
    return parts.reshape(len(truth), -1)


def _best_cut(moods: Sequence[float], labels: Sequence[str]) -> float:
    """The mood below which a customer counts as upset, with the best macro-F1."""
    values = np.unique(moods)
    cuts = [*((values[1:] + values[:-1]) / 2), -2.0, 2.0]
    names = sorted({*labels, _LOW, _HIGH})

    def score(cut: float) -> float:
        found = [_LOW if mood < cut else _HIGH for mood in moods]
        return float(macro_f1_of(parts_of(labels, found, names).sum(axis=0)[None])[0])

    return float(max(cuts, key=score))


def _of(language: str, rows: Sequence[Labelled], right: Any) -> Interval:
    at = [place for place, row in enumerate(rows) if row.language == language]
    return interval(right[at], [rows[place].conversation for place in at])


def _calibration(confidence: Floats, right: Any) -> float:
    """Expected calibration error over ten bins of equal width (Naeini et al. 2015)."""
    places = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    total = 0.0
    for place in range(_BINS):
        held = places == place
        if held.any():
            total += held.mean() * abs(float(confidence[held].mean()) - float(right[held].mean()))
    return total
