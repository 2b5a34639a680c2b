"""Single values of export records: ids, texts, times, ratings, tags. Knows no vendor's structure."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chatbot.transcripts.contract import RecordError

_MILLISECONDS = 100_000_000_000  # epoch values above this (year 5138) count milliseconds
_EUROPEAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ ,T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_GOOD = {
    "good",
    "great",
    "amazing",
    "excellent",
    "positive",
    "satisfied",
    "happy",
    "thumbs_up",
    "👍",
    "like",
    "goodwithcomment",
}
_BAD = {
    "bad",
    "terrible",
    "poor",
    "negative",
    "unsatisfied",
    "dissatisfied",
    "unhappy",
    "thumbs_down",
    "👎",
    "dislike",
    "badwithcomment",
}
_NEUTRAL = {"ok", "okay", "neutral", "average", "fair"}
_UNRATED = {"", "offered", "unoffered", "none", "null", "unrated", "n/a", "nan", "-"}
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*$")


def required_id(value: Any, what: str = "id") -> str:
    """The source's own id, verbatim. Raises RecordError when there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value).strip():
        raise RecordError(f"it has no {what}")
    text = str(value)
    if len(text) > 200 or _UNPRINTABLE.search(text):
        raise RecordError(f"its {what} is longer than 200 characters or holds control characters")
    return text


def content_id(value: Any) -> str:
    """A stable id for records that bring none: 16 hex digits of the SHA-256 of their content."""
    canonical = json.dumps(value, ensure_ascii=True, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def text_of(value: Any, what: str) -> str:
    """A text field; absent is "". Raises RecordError when it is no text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RecordError(f"{what} is {type(value).__name__}, not text")
    return value


def short(value: Any) -> str | None:
    """A label (topic, status, author) as text, None when empty."""
    if value is None or isinstance(value, Mapping | list):
        return None
    return _UNPRINTABLE.sub(" ", str(value)).strip()[:200] or None


def mapping(value: Any) -> Mapping[str, Any]:
    """A nested object; anything else is an empty one."""
    return value if isinstance(value, Mapping) else {}


def objects(value: Any, what: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects; absent is empty. Raises RecordError when it is something else."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise RecordError(f"{what} is {type(value).__name__}, not a list")
    if not all(isinstance(item, Mapping) for item in value):
        raise RecordError(f"{what} holds something that is not an object")
    return value


def parse_time(value: Any) -> datetime | None:
    """Epoch seconds or milliseconds, ISO 8601, "2026-01-31 10:00:00 UTC" or "31.01.2026 10:00"; aware, UTC where none
    is said.

    Raises RecordError for anything else; None and "" are None.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _epoch(float(value))
        if isinstance(value, str):
            return _parse_time_text(value.strip())
    except (ValueError, OverflowError, OSError) as exc:
        raise RecordError(f"time {str(value)[:40]!r} is neither ISO 8601 nor epoch seconds") from exc
    raise RecordError(f"a time is {type(value).__name__}, neither ISO 8601 nor epoch seconds")


def _epoch(value: float) -> datetime:
    if not math.isfinite(value):
        raise ValueError(value)
    return datetime.fromtimestamp(value / 1000 if abs(value) > _MILLISECONDS else value, UTC)


def _parse_time_text(text: str) -> datetime | None:
    if not text:
        return None
    if re.fullmatch(r"-?\d{9,13}(?:\.\d+)?", text):
        return _epoch(float(text))
    if match := _EUROPEAN.match(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    plain = text.removesuffix(" UTC").removesuffix(" GMT").replace("/", "-")
    parsed = datetime.fromisoformat(plain)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def parse_rating(value: Any, top: float = 5.0) -> float | None:
    """A customer's rating on 1..5: words (good, bad), or a number on a scale that ends at `top`. None when unrated.

    Raises RecordError for a number off the scale or an unknown word.
    """
    if value is None or isinstance(value, bool):
        return None if value is None else (5.0 if value else 1.0)
    if isinstance(value, str):
        word = value.strip().lower().replace(" ", "_")
        for words, score in ((_UNRATED, None), (_GOOD, 5.0), (_BAD, 1.0), (_NEUTRAL, 3.0)):
            if word in words or word.replace("_", "") in words:
                return score
        try:
            value = float(word.replace(",", "."))
        except ValueError as exc:
            raise RecordError(f"rating {value[:30]!r} is neither a number nor good or bad") from exc
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= top:
        raise RecordError(
            f"rating {str(value)[:30]} is not on the scale 0..{top:g}; --csat-max names the top of the scale"
        )
    return min(5.0, max(1.0, value * 5.0 / top))


def parse_language(value: Any, default: str | None = None) -> str | None:
    """ "de-DE" -> "de"; what is no language tag (RFC 5646) gives the default."""
    match = _LANGUAGE.match(value.strip()) if isinstance(value, str) else None
    return match.group(1).lower() if match else default


def parse_tags(value: Any) -> tuple[str, ...]:
    """A list of words or of objects with a name, or one text with commas."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    names = (item.get("name") if isinstance(item, Mapping) else item for item in value)
    return tuple(tag for name in names if (tag := short(name)))
