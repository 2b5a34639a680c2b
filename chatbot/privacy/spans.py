"""What was found where, and how overlapping finds are settled. Knows no pattern of any type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TYPES = ("EMAIL", "IBAN", "CARD", "ORDER", "PHONE", "NAME")


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data in `text[start:end]`; `type` is one of TYPES, `value` the text itself."""

    type: str
    start: int
    end: int
    value: str


def settle(spans: Iterable[Span]) -> list[Span]:
    """Spans in order of start, without overlaps: where two overlap, the one given first wins."""
    kept: list[Span] = []
    for span in spans:
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)
