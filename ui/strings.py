"""Every visible word of the pages, a file a language in static/strings.*.json. Must not know who asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FALLBACK = "en"
LANGUAGES = ("en", "zh", "de", "es", "fr")
_FOLDER = Path(__file__).parent / "static"


@cache
def strings(language: str) -> Mapping[str, str]:
    """The words in one of LANGUAGES; any other is an error of the program."""
    if language not in LANGUAGES:
        raise KeyError(language)
    words: dict[str, str] = json.loads((_FOLDER / f"strings.{language}.json").read_text(encoding="utf-8"))
    return words


def choose_language(accepted: str | None) -> str:
    """The best of LANGUAGES for an Accept-Language header (RFC 9110, 12.5.4); English when none fits."""
    wishes = []
    for place, part in enumerate((accepted or "")[:400].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        wishes.append((-quality, place, tag.split("-")[0].split("_")[0].lower()))
    return next((tag for quality, _, tag in sorted(wishes) if quality < 0 and tag in LANGUAGES), FALLBACK)
