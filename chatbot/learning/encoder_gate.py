"""Whether a tuned encoder is better than its base, or not worse than another, on conversations new to both. Must not know how
either was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatbot.learning.bootstrap import FEWEST_CLEAR, SEED, interval, paired
from chatbot.learning.encoder_exam import Marks

SLACK = 0.02  # a figure may fall by no more than this, at the interval's lower end
NAMES = {"reply": "R@1 of the true reply among 100", "window": "hit@1, nearest window had the same answer"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """passed: may be published without force. reasons: a sentence for each failure. figures: by name before, after, difference."""

    passed: bool
    reasons: tuple[str, ...]
    figures: Mapping[str, Any]


def judge(before: Mapping[str, Marks], after: Mapping[str, Marks], seed: int = SEED) -> Verdict:
    """Better in at least one figure beyond chance, worse in none, in no language: paired bootstrap over whole conversations."""
    found = not_worse(before, after, seed)
    better = any(figure["difference"]["low"] > 0 for figure in found.figures.values())
    reasons = found.reasons if better else (*found.reasons, "no figure rose beyond chance on held-out conversations")
    return Verdict(not reasons, reasons, found.figures)


def not_worse(before: Mapping[str, Marks], after: Mapping[str, Marks], seed: int = SEED) -> Verdict:
    """Worse in no figure and in no language; for two that are both better than their base."""
    reasons: list[str] = []
    figures: dict[str, Any] = {}
    for name, old in before.items():
        new = after[name]
        gain = paired(new.hits, old.hits, old.owners, seed)
        figures[name] = {
            "before": interval(old.hits, old.owners, seed).view(),
            "after": interval(new.hits, new.owners, seed).view(),
            "difference": gain.view(),
        }
        if gain.low < -SLACK:
            reasons.append(f"{NAMES[name]} may have fallen ({gain.mean:+.3f}, {gain.low:+.3f} to {gain.high:+.3f})")
        figures[name]["languages"] = _by_language(name, old, new, seed, reasons)
    return Verdict(not reasons, tuple(reasons), figures)


def _by_language(name: str, old: Marks, new: Marks, seed: int, reasons: list[str]) -> dict[str, Any]:
    """A language fails where the fall is beyond chance: with few turns a mere doubt is certain to be there."""
    found = {}
    for language in sorted(set(old.languages)):
        rows = [row for row, one in enumerate(old.languages) if one == language]
        owners = [old.owners[row] for row in rows]
        if len(set(owners)) < FEWEST_CLEAR:
            continue
        gain = paired(_of(new.hits, rows), _of(old.hits, rows), owners, seed)
        found[language] = gain.view()
        if gain.high < 0:
            reasons.append(f"{NAMES[name]} fell in {language} ({gain.mean:+.3f}, {gain.low:+.3f} to {gain.high:+.3f})")
    return found


def _of(values: Sequence[float], rows: Sequence[int]) -> list[float]:
    return [values[row] for row in rows]
