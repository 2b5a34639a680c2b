"""Business hours: is the team there, and when is it back? Pure functions of the clock; must not know conversations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from chatbot.phrases import phrase

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_MIDNIGHT = 24 * 60
Span = tuple[int, int]
"""Minutes of the day: from, to (not included)."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When the team is there. `spans` by weekday, Monday 0; without any it is always open. Wall time of `zone`."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    spans: Mapping[int, Sequence[Span]] = field(default_factory=dict)

    def is_open(self, moment: datetime) -> bool:
        """moment: with a zone."""
        if not self.spans:
            return True
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.spans.get(local.weekday(), ()))

    def next_opening(self, moment: datetime) -> datetime | None:
        """The first opening after `moment`, in the team's zone; `moment` itself while it is open."""
        local = moment.astimezone(self.zone)
        if self.is_open(moment):
            return local
        for ahead in range(8):
            day = local.date() + timedelta(days=ahead)
            for start, _ in self.spans.get(day.weekday(), ()):
                # by way of UTC: a wall time that a clock change skips becomes the one that clocks show instead
                opening = datetime.combine(day, time(start // 60, start % 60), self.zone).astimezone(UTC)
                if opening > moment:
                    return opening.astimezone(self.zone)
        return None


def read_hours(by_day: Mapping[str, str], zone: str = "UTC") -> Hours:
    """by_day: {"mon": "09:00-12:30, 13:30-17:00", ...}; a day that is not named is closed. zone: an IANA name.

    Raises ValueError with a sentence that names the day, the span or the zone.
    """
    spans: dict[int, tuple[Span, ...]] = {}
    for day, text in by_day.items():
        if day.lower() not in DAYS:
            raise ValueError(f"{day!r} is no day; take {', '.join(DAYS)}")
        if text.strip().lower() not in ("", "closed"):
            spans[DAYS.index(day.lower())] = _spans(day, text)
    if by_day and not spans:
        raise ValueError("the team is never there; name at least one day with its hours, or leave all out")
    return Hours(read_zone(zone), spans)


def read_zone(name: str) -> ZoneInfo:
    """Raises ValueError for a name that the IANA time zone database does not have."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:  # the name may be a folder of the database, or leave it
        raise ValueError(f"{name!r} is no time zone; take an IANA name such as Europe/Berlin") from exc


def opening_words(opening: datetime, now: datetime, language: str) -> str:
    """ "on Monday at 09:00 CET": when, in words that go into a sentence of `language`; both in the team's zone."""
    days = (opening.date() - now.date()).days
    key = {0: "when_today", 1: "when_tomorrow"}.get(days, "when_day")
    name = opening.tzname() or ""
    zone = f"UTC{name}" if name[:1] in ("+", "-") else name
    weekday = phrase("weekdays", language).split()[opening.weekday()]
    return phrase(key, language, day=weekday, time=f"{opening:%H:%M} {zone}")


def _spans(day: str, text: str) -> tuple[Span, ...]:
    found = sorted(_span(day, part.strip()) for part in text.split(","))
    for (_, end), (start, _) in pairwise(found):
        if start < end:
            raise ValueError(f"{day!r}: the spans of {text!r} overlap")
    return tuple(found)


def _span(day: str, text: str) -> Span:
    parts = _SPAN.fullmatch(text)
    if parts is None:
        raise ValueError(f"{day!r}: {text!r} is no span of time such as 09:00-17:00")
    from_hour, from_minute, to_hour, to_minute = map(int, parts.groups())
    start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if from_minute > 59 or to_minute > 59 or not start < end <= _MIDNIGHT:
        raise ValueError(f"{day!r}: {text!r} must end after it begins, at 24:00 at the latest")
    return start, end
