"""What somebody typed into a search box: its words and phrases, and where a text has them; pure, must not know SQL.

Words between quotation marks are a phrase and must stand side by side, whatever stands between them but letters and digits.
The last word may be unfinished, unless it is a single letter or its quotation mark is closed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storage.terms import MAX_TERM_CHARS, PIECES, fold, query_terms

MAX_BOX_CHARS = 400
_MARKS = '"\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d\uff02'
_PART = re.compile(rf"[{_MARKS}]([^{_MARKS}]*)([{_MARKS}]|$)|([^{_MARKS}]+)")


@dataclass(frozen=True, slots=True)
class Words:
    """terms: a text must have all of them. unfinished: a text must have a term that begins so; None: there is no such.
    phrases: each as `plain` makes it; a text must have all of them. open_phrase: the same for one whose last word is unfinished."""

    terms: tuple[str, ...]
    unfinished: str | None = None
    phrases: tuple[str, ...] = ()
    open_phrase: str | None = None

    @property
    def all_terms(self) -> tuple[str, ...]:
        return self.terms if self.unfinished is None else (*self.terms, self.unfinished)

    @property
    def has_phrase(self) -> bool:
        return bool(self.phrases) or self.open_phrase is not None


def read_box(typed: str) -> Words | None:
    """None when nothing but spaces and quotation marks was typed: then there is nothing to hold a text to.

    Words without terms (all_terms empty) come from marks alone, such as "???": no text has them.
    """
    typed = typed[:MAX_BOX_CHARS]
    if not typed.strip(_MARKS + " \t\r\n\u3000"):
        return None
    terms: dict[str, None] = {}
    phrases: list[str] = []
    last, closed, open_phrase = "", False, None
    for match in _PART.finditer(typed):
        quoted, end, bare = match.groups()
        found = query_terms(bare if quoted is None else quoted)
        if not found:
            continue
        terms |= dict.fromkeys(found)
        last, closed, open_phrase = found[-1], bool(end), None
        if quoted is not None and end:
            phrases.append(plain(quoted))
        elif quoted is not None:
            open_phrase = plain(quoted)
    unfinished = None if closed or len(last) < 2 else last
    whole = tuple(term for term in terms if term != unfinished)[:31]
    return Words(whole, unfinished, tuple(dict.fromkeys(phrases)), open_phrase)


def plain(text: str) -> str:
    """A text as phrases are looked for in it: folded, its words one space apart."""
    return " ".join(piece.group() for piece in PIECES.finditer(fold(text)))


def has_phrases(text: str, words: Words) -> bool:
    """Does a text that has the terms have each phrase too?"""
    wanted = [_phrase(phrase, begun=False) for phrase in words.phrases]
    if words.open_phrase is not None:
        wanted.append(_phrase(words.open_phrase, begun=words.unfinished is not None))
    if not wanted:
        return True
    folded = fold(text)
    return all(phrase.search(folded) for phrase in wanted)


def has_words(text: str, words: Words) -> bool:
    """The same verdict as the search table's, reached from the text alone."""
    if not words.all_terms:
        return False
    own = set(_all_terms(text))
    whole = own.issuperset(words.terms)
    begun = words.unfinished is None or any(term.startswith(words.unfinished) for term in own)
    return whole and begun and has_phrases(text, words)


def marks(text: str, words: Words) -> list[tuple[int, int]]:
    """Where a text has the words, as (start, end) in characters, in order and apart from each other."""
    folded, owners = _fold_with_owners(text)
    found: list[tuple[int, int]] = []
    for start, end, term in _spans(folded):
        if term in words.terms or (words.unfinished is not None and term.startswith(words.unfinished)):
            at = owners[start], owners[end - 1] + 1
            if found and at[0] <= found[-1][1] and at[0] < found[-1][1]:
                found[-1] = found[-1][0], max(found[-1][1], at[1])
            else:
                found.append(at)
    return found


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a text around its first mark. marks are positions in `text`; `cut_*`: something was left out there."""

    text: str
    marks: tuple[tuple[int, int], ...]
    cut_before: bool
    cut_after: bool


def snippet(text: str, words: Words | None, width: int = 220) -> Snippet:
    """At most `width` characters, begun at a word."""
    found = marks(text, words) if words is not None else []
    start = max(0, found[0][0] - width // 4) if found else 0
    if start > 0:
        space = text.find(" ", start, found[0][0])
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + width)
    inside = tuple((a - start, min(b, end) - start) for a, b in found if a < end and a >= start)
    return Snippet(text[start:end], inside, start > 0, end < len(text))


@functools.lru_cache(256)
def _phrase(phrase: str, *, begun: bool) -> re.Pattern[str]:
    """For a folded text: its words whole, but for a run of a script without spaces, which may go on at either end, and a last
    word that is only begun."""
    pieces = [(piece.group(), piece["run"] is not None) for piece in PIECES.finditer(phrase)]
    parts = ["" if pieces[0][1] else r"(?<![^\W_])"]
    for at, (piece, is_run) in enumerate(pieces):
        if at:
            parts.append(r"[\W_]*" if is_run or pieces[at - 1][1] else r"[\W_]+")
        parts.append(re.escape(piece))
    parts.append("" if begun or pieces[-1][1] else r"(?![^\W_])")
    return re.compile("".join(parts))


def _spans(folded: str) -> Iterator[tuple[int, int, str]]:
    for piece in PIECES.finditer(folded):
        at, run = piece.start(), piece["run"]
        if run is None:
            yield at, piece.end(), piece["word"][:MAX_TERM_CHARS]
            continue
        yield from ((at + n, at + n + 1, run[n]) for n in range(len(run)))
        yield from ((at + n, at + n + 2, run[n : n + 2]) for n in range(len(run) - 1))


def _all_terms(text: str) -> Iterator[str]:
    return (term for *_, term in _spans(fold(text)))


def _fold_with_owners(text: str) -> tuple[str, Sequence[int]]:
    """Folded character by character, each with the position it came from, so that marks fit the text as it was written."""
    parts: list[str] = []
    owners: list[int] = []
    for at, char in enumerate(text):
        folded = _fold_char(char)
        parts.append(folded)
        owners.extend([at] * len(folded))
    return "".join(parts), owners


@functools.lru_cache(8192)
def _fold_char(char: str) -> str:
    return fold(char)
