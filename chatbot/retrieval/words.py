"""Cuts text into the units that lexical search counts, by language; must not know indexes or vectors."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from chatbot.retrieval.stopwords import ENDINGS, STOPWORDS

# Vowel signs and accents count as letters: Python's \w leaves them out and would cut Hindi, Thai and Arabic words.
_LETTER = (
    "(?:[^\\W_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u0eb1-\u0ecd"
    "\u102b-\u103e\u17b4-\u17d3])"
)
_WORD = re.compile(f"{_LETTER}+(?:['’]{_LETTER}+)?")
_ROLE = re.compile(r"^(?:customer|agent|bot): ", re.MULTILINE)
# Scripts that put no space between words: Thai, Lao, Myanmar, Khmer, kana, Han.
_UNBROKEN = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_E_MAIL = re.compile(r"\be-mail")  # written both ways, asked for without the hyphen
_HANGUL = re.compile("[\uac00-\ud7a3]{2,}")
_SHORTEST_STEM = 4


def language_of(tag: str | None) -> str:
    """The primary subtag in lower case ("pt-BR" -> "pt"), "und" for none or nonsense. BCP 47."""
    primary = re.split(r"[-_]", (tag or "").strip().lower())[0]
    return primary if re.fullmatch(r"[a-z]{2,8}", primary) else "und"


def words(text: str, language: str) -> list[str]:
    """Folded, lightly stemmed content words of a text; role labels of a window do not count.

    Chinese is cut by jieba, other unbroken scripts into character bigrams, Korean into words and bigrams.
    """
    folded = _E_MAIL.sub("email", unicodedata.normalize("NFKC", _ROLE.sub("", text)).casefold())
    stop = STOPWORDS.get(language, frozenset())
    out: list[str] = []
    for word in _WORD.findall(folded):
        if _UNBROKEN.search(word):
            out.extend(_unbroken(word, language, stop))
        elif word not in stop:
            out.append(_stem(word, language))
            out.extend(part[i : i + 2] for part in _HANGUL.findall(word) for i in range(len(part) - 1))
    return out


def content_spans(text: str, language: str) -> list[tuple[int, int, str]]:
    """(start, end, word) of each content word as it stands in the text, the word folded and stemmed as by `words`."""
    found: list[tuple[int, int, str]] = []
    for match in _WORD.finditer(text):
        at = match.start()
        for part in _jieba()(match.group()) if language == "zh" else [match.group()]:
            if held := words(part, language):
                found.append((at, at + len(part), held[0]))
            at += len(part)
    return found


def trigrams(text: str, language: str) -> list[str]:
    """Character trigrams of the content words, each word fenced: bears typos, compounds and endings."""
    fenced = (f"_{word}_" for word in words(text, language))
    return [word[i : i + 3] for word in fenced for i in range(max(1, len(word) - 2))]


def _unbroken(run: str, language: str, stop: frozenset[str]) -> list[str]:
    if language == "zh":
        return [part for part in _jieba()(run) if part not in stop and not part.isspace()]
    out: list[str] = []
    for part in _UNBROKEN.findall(run):
        out.extend([part] if len(part) == 1 else (part[i : i + 2] for i in range(len(part) - 1)))
    out.extend(part for part in _UNBROKEN.split(run) if part)
    return out


@functools.lru_cache(maxsize=50_000)
def _stem(word: str, language: str) -> str:
    if len(word) <= _SHORTEST_STEM or (word.isascii() and not word.isalpha()):
        return word
    for ending in ENDINGS.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


@functools.cache
def _jieba() -> Callable[[str], list[str]]:
    import logging
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba imports pkg_resources, whose deprecation is not ours to mend
        import jieba

        jieba.setLogLevel(logging.WARNING)
        jieba.initialize()
    cut: Any = jieba.lcut_for_search
    return lambda text: list(cut(text))
