"""Which script a text is written in and what its characters say about the language; must know no model."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from chatbot.language_data import CHINESE_ONLY, JAPANESE_ONLY, LETTERS, SCRIPTS

# Letters of a name, a number or an address that somebody pasted are not letters of a language.
_PASTED = re.compile(
    r"https?://\S+|www\.\S+"  # addresses of pages
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # addresses of mail
    r"|\[[A-Z_]{2,20}\]|#[A-Z_]{2,30}#"  # placeholders of masked personal data
    r"|[A-Za-z]*[-_/#]?\d[\w/#.-]*"  # numbers, order numbers, model numbers
    r"|:[a-z_]{2,20}:|[xX:;=]-?[DPOp]\b"  # emoticons
)
# One character of these carries about as much as this many Latin letters.
_WEIGHT = {"HAN": 3.0, "KANA": 2.0, "HANGUL": 2.5, "LATIN": 1.0}
_OTHER_WEIGHT = 1.6
_NAMED_OTHERWISE = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "CJK": "HAN", "IDEOGRAPHIC": "HAN"}
_LONGEST = 600  # characters looked at: more say nothing new


def clean(text: str) -> str:
    """`text` in NFKC without lone surrogates, pasted addresses, numbers and placeholders; at most 600 characters."""
    text = "".join(ch for ch in text[: 4 * _LONGEST] if not 0xD800 <= ord(ch) <= 0xDFFF)
    text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("İ", "i")
    return " ".join(_PASTED.sub(" ", text).split())[:_LONGEST]


@lru_cache(maxsize=8192)
def script_of(character: str) -> str | None:
    """The script of a letter as SCRIPTS names it, None for whatever is no letter or of no script known here."""
    if character == "々":
        return "HAN"
    if unicodedata.category(character)[0] not in "LM":
        return None
    first = unicodedata.name(character, "").split(" ", 1)[0]
    name = _NAMED_OTHERWISE.get(first, first)
    return name if name in SCRIPTS and character != "ー" else None


def dominant_script(text: str) -> str | None:
    """The script that carries most of the text, None without a letter. Kana among Han characters makes it KANA, unless
    it is nothing but the の that Chinese shops write for decoration."""
    counts = Counter(script for ch in text if (script := script_of(ch)))
    if not counts:
        return None
    kana = [ch for ch in text if script_of(ch) == "KANA"]
    if kana and counts["HAN"]:
        decoration = set(kana) == {"の"} and any(ch in CHINESE_ONLY for ch in text)
        merged = "HAN" if decoration else "KANA"
        counts[merged], counts["KANA" if decoration else "HAN"] = counts["HAN"] + counts["KANA"], 0
    return max(counts, key=lambda name: counts[name] * _WEIGHT.get(name, _OTHER_WEIGHT))


def only(text: str, script: str) -> str:
    """The text with the letters of other scripts blanked."""
    return " ".join("".join(ch if script_of(ch) == script or ch in "'ー·" else " " for ch in text).split())


def letter_scores(text: str, script: str) -> dict[str, float]:
    """Nats for or against each language of `script` from single letters: a letter that a language does not write costs
    it 1.5 (2.5 outside the Latin script, where alphabets are closed), at most three letters counted."""
    if script == "HAN":
        chinese = sum(ch in CHINESE_ONLY for ch in text)
        japanese = sum(ch in JAPANESE_ONLY for ch in text)
        return {"zh": 4.0 * min(chinese, 3), "ja": 4.0 * min(japanese, 3)}
    cost = 1.5 if script == "LATIN" else 2.5
    telling = {ch for ch in text.lower() if script_of(ch) == script and not "a" <= ch <= "z"}
    scores = {}
    for language in SCRIPTS[script]:
        alphabet = LETTERS.get(language)
        if alphabet is not None and telling:
            scores[language] = -cost * min(
                3, sum(ch not in alphabet and not unicodedata.combining(ch) for ch in telling)
            )
    return scores
