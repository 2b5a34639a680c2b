"""What py3langid, langdetect's profiles and everyday words say about a text, as scores in nats; must not decide."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from chatbot.language_words import HAN_WORDS, NEUTRAL, WORDS

_VARIANTS = {
    "no": ("nb", "nn"),
    "id": ("in",),
    "he": ("iw",),
    "tl": ("fil",),
    "zh": ("cmn", "yue", "wuu"),
    "ar": ("arz", "ary"),
}
_ALIASES = {variant: code for code, variants in _VARIANTS.items() for variant in variants}
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_LOADING = threading.Lock()
_SMOOTHING = 0.5 / 10_000  # langdetect's own ALPHA_DEFAULT / BASE_FREQ
_WORD_NATS = 3.5  # what a word that only one language has says; it is shared out where several have it
_FOLDED_NATS = 2.5  # the same, typed without its accents
_COVERED_NATS = 3.0
_CROWDING_EXPONENT = 0.5  # words of one sentence are not independent witnesses
_HAN_WORD_NATS = 3.0
_SEED = 0


def plain_code(code: str) -> str:
    """ISO 639-1 of a tag: "pt-BR" is "pt", "zh_Hant" and "yue" are "zh", "nb" is "no"."""
    code = re.split(r"[-_]", code.strip().lower(), maxsplit=1)[0]
    return _ALIASES.get(code, code)


def words(text: str) -> list[str]:
    """The text's words in lower case that can say something about a language: no brands, no acronyms, no "ok"."""
    found = _WORD.findall(text)
    if not text.isupper():
        found = [word for word in found if len(word) == 1 or not word.isupper()]
    return [word for word in map(str.lower, found) if word not in NEUTRAL]


# --- py3langid -------------------------------------------------------------------------------------------


@cache
def _langid() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # An instance of our own: the module's global one can be restricted by anybody in the process.
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=False)


def langid_scores(text: str) -> dict[str, float]:
    """py3langid's log posterior (nats, unnormalised) of each ISO 639-1 language; variants count as their language."""
    with _LOADING:
        identifier = _langid()
    return _best_of_variants(identifier.rank(text))


# --- langdetect ------------------------------------------------------------------------------------------


@cache
def _profiles() -> tuple[list[str], dict[str, Any]]:
    import numpy
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.seed = _SEED
    factory.load_profile(PROFILES_DIRECTORY)
    table = factory.word_lang_prob_map
    logs = numpy.log(numpy.asarray(list(table.values()), dtype=numpy.float32) + _SMOOTHING)
    return [plain_code(code) for code in factory.langlist], dict(zip(table, logs, strict=True))


def profile_scores(text: str) -> dict[str, float]:
    """The log likelihood (nats) of the text's 1- to 3-grams in each langdetect profile; empty where none is known.

    langdetect itself draws n-grams at random until one language wins, so that it wavers on short text even when seeded.
    The sum over all n-grams is what the draws estimate: the same model without the noise.
    """
    with _LOADING:
        languages, table = _profiles()
    padded = f" {' '.join(text.split())} "
    grams = (padded[i : i + n] for n in (1, 2, 3) for i in range(len(padded) - n + 1))
    rows = [table[gram] for gram in grams if gram != " " and gram in table]
    if not rows:
        return {}
    return _best_of_variants(zip(languages, sum(rows).tolist(), strict=True))


def _best_of_variants(pairs: Any) -> dict[str, float]:
    scores: dict[str, float] = {}
    for code, score in pairs:
        language = plain_code(code)
        scores[language] = max(score, scores.get(language, score))
    return scores


# --- everyday words --------------------------------------------------------------------------------------


def fold(word: str) -> str:
    """The word without accents, as people type it in a hurry."""
    word = word.translate({0x0131: "i", 0x0142: "l", 0x0111: "d", 0x00F8: "o", 0x00DF: "ss", 0x00E6: "ae"})
    return "".join(ch for ch in unicodedata.normalize("NFD", word) if not unicodedata.combining(ch))


@cache
def _lexicon() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    exact: dict[str, list[str]] = {}
    folded: dict[str, list[str]] = {}
    for language, row in WORDS.items():
        for word in dict.fromkeys(row.split()):
            exact.setdefault(word, []).append(language)
            if language not in folded.setdefault(fold(word), []):
                folded[fold(word)].append(language)
    return {word: tuple(row) for word, row in exact.items()}, {word: tuple(row) for word, row in folded.items()}


def word_scores(found: Sequence[str], candidates: frozenset[str]) -> tuple[dict[str, float], dict[str, int]]:
    """Nats for each candidate language from the everyday words among `found`, and how many of them each has.

    A language whose everyday words make up nearly all of three or more words gets up to _COVERED_NATS more.
    """
    exact, folded = _lexicon()
    scores: dict[str, float] = {}
    hits: dict[str, int] = {}
    for word in found:
        as_typed = candidates.intersection(exact.get(word, ()))
        without_accents = candidates.intersection(folded.get(fold(word), ())) - as_typed
        shared = len(as_typed) + len(without_accents)
        for language in sorted(as_typed | without_accents):
            nats = _WORD_NATS / len(as_typed) ** 0.5 if language in as_typed else _FOLDED_NATS / shared**0.5
            scores[language] = scores.get(language, 0.0) + nats
            hits[language] = hits.get(language, 0) + 1
    crowding = max(1, len(found)) ** -_CROWDING_EXPONENT
    for language, number in hits.items():
        covered = max(0.0, number / len(found) - 0.6) / 0.4 if len(found) >= 3 else 0.0
        scores[language] = scores[language] * crowding + _COVERED_NATS * covered
    return scores, hits


def han_word_scores(text: str) -> dict[str, float]:
    """Nats for Chinese and Japanese from everyday words anywhere in a text of Han characters, at most three counted."""
    return {
        language: _HAN_WORD_NATS * min(3, sum(word in text for word in row.split()))
        for language, row in HAN_WORDS.items()
    }
