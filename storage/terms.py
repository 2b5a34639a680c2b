"""Text to search terms, the same for both databases; pure.

Neither database breaks Chinese, Japanese or Thai into words, and SQLite's trigram tokenizer finds no word of two
characters, which most Chinese words are. So terms are made here: words in small letters without accents, and for
scripts without word breaks every character and every pair of neighbours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MAX_TERM_CHARS = 64
MAX_TERMS = 50_000  # distinct terms of one document; a tsvector holds at most 1 MB

_ACCENTS = re.compile(r"[\u0300-\u036f]+")
# Thai, Lao, Myanmar, Hangul, Khmer, kana, Han: no spaces between words, or words that grow endings
_UNBROKEN = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
PIECES = re.compile(rf"(?P<run>[{_UNBROKEN}]+)|(?P<word>(?:(?![{_UNBROKEN}])[^\W_])+)")


def document_terms(text: str) -> str:
    """Distinct terms in order of first sight, joined by spaces; of ASCII only letters and digits."""
    seen: dict[str, None] = {}
    for term in _terms(text, singles=True):
        seen.setdefault(term)
        if len(seen) == MAX_TERMS:
            break
    return " ".join(seen)


def query_terms(text: str) -> list[str]:
    """The terms that a document must all have, at most 32; empty when the query has no letter or digit."""
    return list(dict.fromkeys(_terms(text, singles=False)))[:32]


def _terms(text: str, *, singles: bool) -> Iterator[str]:
    for piece in PIECES.finditer(fold(text)):
        run = piece["run"]
        if run is None:
            yield piece["word"][:MAX_TERM_CHARS]
            continue
        if singles or len(run) == 1:
            yield from run
        yield from (run[at : at + 2] for at in range(len(run) - 1))


def fold(text: str) -> str:
    """Small letters, compatibility forms and accents gone."""
    if text.isascii():
        return text.lower()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()))
    return unicodedata.normalize("NFC", bare)
