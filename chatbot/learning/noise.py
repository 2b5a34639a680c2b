"""Slips as people make them while typing, by language; facts and placeholders stay as they are. Pure; must not know examples.

Slips of the finger follow the four classes of Damerau (1964) in the order of how often they happen: another key, a key left out,
one pressed twice, two swapped; the other key is a neighbour on the keyboard of the language. Beside them what hurried people leave
out: accents, capitals, apostrophes, spaces, the last full stop.
"""

from __future__ import annotations

import re
import unicodedata
from random import Random

_ROWS = {
    "de": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm"),
    "fr": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
    "es": ("qwertyuiop", "asdfghjklñ", "zxcvbnm"),
}
_QWERTY = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_FOLDED = {"de": {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}}
_TOKEN = re.compile(r"\[[A-Z]+\]|\S+|\s+")
_WORD = re.compile(r"[^\W\d_]{4,}")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_KINDS, _ODDS = ("other", "left_out", "twice", "swapped"), (40, 30, 15, 15)
_A_SLIP_EVERY = 9  # words
_HURRIED = 0.5  # chance of each thing that hurried people leave out


def neighbours(language: str) -> dict[str, str]:
    """For each letter the letters beside, above and below it on the keyboard of the language; QWERTY where it is not known."""
    rows = _ROWS.get(language, _QWERTY)
    found: dict[str, str] = {}
    for number, row in enumerate(rows):
        for at, letter in enumerate(row):
            beside = [row[i] for i in (at - 1, at + 1) if 0 <= i < len(row)]
            near = [
                other[i]
                for other in rows[max(0, number - 1) : number + 2]
                if other != row
                for i in (at - 1, at)
                if 0 <= i < len(other)
            ]
            found[letter] = "".join(beside + near)
    return found


def mistyped(text: str, language: str, random: Random) -> str:
    """The text with at least one slip where there is a word to slip in; words with digits, addresses and placeholders stay."""
    if _CHINESE.search(text):
        return _hurried_chinese(text, random)
    tokens = _TOKEN.findall(text)
    places = [at for at, token in enumerate(tokens) if _may_slip(token)]
    keys = neighbours(language)
    for at in random.sample(places, min(len(places), max(1, round(len(places) / _A_SLIP_EVERY)))):
        tokens[at] = _slip(tokens[at], keys, random)
    return _hurried(tokens, language, random)


def _may_slip(token: str) -> bool:
    return (
        bool(_WORD.search(token))
        and not any(char.isdigit() or char in "[]@/" for char in token)
        and not token.isupper()
    )


def _slip(token: str, keys: dict[str, str], random: Random) -> str:
    match = _WORD.search(token)
    assert match is not None  # `_may_slip` has looked
    at = random.randrange(match.start() + 1, match.end())  # the first letter is hardly ever wrong
    letter, before = token[at], token[at - 1]
    kind = random.choices(_KINDS, _ODDS)[0]
    if kind == "other" and (near := keys.get(letter.lower())):
        return token[:at] + random.choice(near) + token[at + 1 :]
    if kind == "twice":
        return token[:at] + letter + token[at:]
    if kind == "swapped" and letter != before:
        return token[: at - 1] + letter + before + token[at + 1 :]
    return token[:at] + token[at + 1 :]


def _hurried(tokens: list[str], language: str, random: Random) -> str:
    lower, plain, bare = (random.random() < _HURRIED for _ in range(3))
    for at, token in enumerate(tokens):
        if token.startswith("[") or any(char.isdigit() or char in "@/" for char in token):
            continue
        word = token.lower() if lower and not token.isupper() else token
        word = _unaccented(word, language) if plain else word
        tokens[at] = word.replace("'", "").replace("’", "") if bare else word
    gaps = [
        at
        for at in range(1, len(tokens) - 1)
        if tokens[at] == " " and _may_slip(tokens[at - 1]) and _may_slip(tokens[at + 1])
    ]
    if gaps and random.random() < _HURRIED:
        tokens[random.choice(gaps)] = ""
    return "".join(tokens).rstrip("." if bare else "")


def _unaccented(text: str, language: str) -> str:
    for letter, plain in _FOLDED.get(language, {}).items():
        text = text.replace(letter, plain)
    parts = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


def _hurried_chinese(text: str, random: Random) -> str:
    """Typed by sound, Chinese has no slips of the finger that could be made up without a dictionary: signs become spaces or go."""
    sign = random.choice((" ", ""))
    return re.sub(r"(?<!\d)[，、；：](?!\d)", sign, text).rstrip("。？！.?! ")
