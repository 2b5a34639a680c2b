"""What customers of any shop or service talk about, whatever word and language they say it in: lookups in a table.

A customer writes "cracked", the past answer says "damaged": no word is shared, and an encoder that does not know the language
sees nothing either. Must not know passages, indexes or any company's own words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from chatbot.retrieval.concept_words import CONCEPTS
from chatbot.retrieval.words import words

_LEFT_OVER = 2  # letters that a question may have besides: "y", "要"
# What is asked about a thing that was named before.
PROPERTIES = frozenset({"price", "free", "duration", "expire", "weight", "temperature", "colour"})


@lru_cache(maxsize=50_000)
def concepts(text: str, language: str) -> frozenset[str]:
    """Names of the concepts that a text speaks of; none in a language that the table lacks."""
    folded = _folded(text)
    return frozenset(name for name, pattern in _patterns(language) if pattern.search(folded))


def names_only_properties(text: str, language: str) -> bool:
    """Whether a text asks for a price, a time or the like and names nothing that has one ("how long is it valid?")."""
    rest, found = _folded(text), False
    for name, pattern in _patterns(language):
        if name in PROPERTIES:
            rest, count = re.subn(rf"(?:{pattern.pattern})[a-zà-ÿ]*", " ", rest)
            found = found or count > 0
    return found and sum(len(word) for word in words(rest, language)) <= _LEFT_OVER


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")


@cache
def _patterns(language: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = re.findall(rf"^(\w+)$(?:\n .*)*?\n  {re.escape(language)}: (.*(?:\n    .*)*)", CONCEPTS, re.MULTILINE)
    return tuple((name, re.compile(_pattern(stems, language))) for name, stems in rows)


def _pattern(stems: str, language: str) -> str:
    start = "" if language in {"de", "zh"} else r"(?<![a-zà-ÿ])"
    each = (stem.replace("_", r"\s+").replace("$", r"(?![a-zà-ÿ])") for stem in stems.split())
    return start + "(?:" + "|".join(each) + ")"
