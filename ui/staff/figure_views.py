"""Figures as the overview and the exports show them: each share with what it is of and what it means. Must not know SQL."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from storage.figures import Counts, Figures
from storage.waits import Quantiles
from ui.staff.figure_words import MEANS, SHARES, Share
from ui.staff.intervals import mean, share


def figures_view(figures: Figures) -> dict[str, Any]:
    """All of it, with denominators, intervals and definitions."""
    total = figures.total()
    return {
        "first_day": figures.span.first.isoformat(),
        "last_day": figures.span.last.isoformat(),
        "language": figures.span.language,
        "computed_at": figures.computed_at.isoformat(),
        "total": _counts(total),
        "shares": [_share(one, total) for one in SHARES],
        "means": MEANS,
        "csat": _csat(total),
        "waits": {name: value for name, value in asdict(figures.waits).items() if name != "by_language"},
        "first_words": asdict(figures.first),
        "topics": {
            "of": figures.topics_of,
            "found": [{"topic": name, "conversations": n} for name, n in figures.topics],
        },
        "days": [_day(figures, day, counts) for day, counts in figures.by_day().items()],
        "languages": [_language(figures, language, counts) for language, counts in figures.by_language().items()],
    }


def _day(figures: Figures, day: str, counts: Counts) -> dict[str, Any]:
    first = figures.first_by_day.get(day, Quantiles())
    return {"day": day, **_counts(counts), "mood": _mood(counts), "first_words": asdict(first)}


def _language(figures: Figures, language: str | None, counts: Counts) -> dict[str, Any]:
    first = figures.first_by_language.get(language, Quantiles())
    wait = figures.waits.by_language.get(language, Quantiles())
    return {"language": language, **_counts(counts), "csat": _csat(counts), "mood": _mood(counts)} | {
        "first_words": asdict(first), "wait": asdict(wait),
    }  # fmt: skip


def figures_csv(figures: Figures) -> str:
    """One row a day and language with every count; figures of any kind can be made from it."""
    out = io.StringIO(newline="")
    names = [one.name for one in fields(Counts)]
    sheet = csv.writer(out)
    sheet.writerow(["day", "language", *names])
    for cell in figures.cells:
        sheet.writerow([cell.day, cell.language or "", *(getattr(cell.counts, name) for name in names)])
    return out.getvalue()


def _share(one: Share, counts: Counts) -> dict[str, Any]:
    count, of = getattr(counts, one.count), getattr(counts, one.of)
    found = share(count, of)
    part, low, high = found or (None, None, None)
    return {"key": one.key, "title": one.title, "count": count, "of": of, "of_title": one.of_title} | {
        "share": part, "low": low, "high": high, "means": one.means,
    }  # fmt: skip


def _csat(counts: Counts) -> Mapping[str, Any]:
    middle, low, high = mean(counts.ratings, counts.rating_sum, counts.rating_squares) or (None, None, None)
    if low is not None and high is not None:
        low, high = max(1.0, low), min(5.0, high)
    return {"mean": middle, "low": low, "high": high, "n": counts.ratings, "of": counts.conversations}


def _mood(counts: Counts) -> float | None:
    return counts.mood_sum / counts.moods if counts.moods else None


def _counts(counts: Counts) -> dict[str, Any]:
    return asdict(counts)
