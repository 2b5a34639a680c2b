"""Quantiles of the time to a reply's first words, from the values of each day and language. Must not know SQL.

The database hands out a cell's values as one text: sorting them there, once for all, once a day and once a language, takes it
four times as long as everything else in the overview together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.waits import Quantiles


@dataclass(frozen=True, slots=True)
class Firsts:
    """Milliseconds to the first words of the replies; days and languages without any are left out."""

    all: Quantiles
    by_day: Mapping[str, Quantiles]
    by_language: Mapping[str | None, Quantiles]


def of(cells: Mapping[tuple[str, str | None], str | None]) -> Firsts:
    """cells: by day and language, numbers with commas between."""
    days: dict[str, list[float]] = defaultdict(list)
    languages: dict[str | None, list[float]] = defaultdict(list)
    for (day, language), values in cells.items():
        if values:
            # Sorted runs, one behind the other, are what Python's sort merges fast.
            run = sorted(map(float, values.split(",")))
            days[day] += run
            languages[language] += run
    for each in (*days.values(), *languages.values()):
        each.sort()
    every = sorted(value for run in languages.values() for value in run)
    return Firsts(
        _quantiles(every),
        {day: _quantiles(run) for day, run in days.items()},
        {language: _quantiles(run) for language, run in languages.items()},
    )


def _quantiles(ordered: Sequence[float]) -> Quantiles:
    """Nearest rank, as in `storage.waits`."""
    if not ordered:
        return Quantiles()
    p50, p95 = (ordered[-(-len(ordered) * share // 100) - 1] for share in (50, 95))
    return Quantiles(len(ordered), p50, p95)
