"""What in a text can be right or wrong: numbers, prices, dates, addresses, codes, names. Pure; must not know models.

Used twice: a generated draft may state only facts that its evidence or the customer stated (the evidence check), and two
past answers that give different figures for the same thing contradict each other (the newer one stands).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_URL = re.compile(r"https?://[^\s<>\"')\]]+|\bwww\.[^\s<>\"')\]]+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.I)
_CODE = re.compile(r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*\b")
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:[ .,'\u202f]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,:]\d+)?")
_NAME = re.compile(r"(?<![.!?:\n]\s)(?<!^)(?<![.!?:]\s\s)\b[A-ZÀ-ÖØ-Þ][\w'À-ÿ-]+(?:\s[A-ZÀ-ÖØ-Þ\d][\w'À-ÿ-]*)*")
_BRAND = re.compile(r"\b[a-zß-ÿ]+[A-ZÀ-ÖØ-Þ][\w-]*")  # iDEAL
_WORD_NUMBERS = {
    word: str(value)
    for value, words in {
        1: "one", 2: "two zwei dos deux", 3: "three drei tres trois", 4: "four vier cuatro quatre", 5: "five fünf cinco cinq",
        6: "six sechs seis", 7: "seven sieben siete sept", 8: "eight acht ocho huit", 9: "nine neun nueve neuf", 10: "ten zehn diez dix",
        12: "twelve zwölf doce douze", 14: "fourteen vierzehn catorce quatorze", 15: "fifteen fünfzehn quince quinze", 20: "twenty zwanzig veinte vingt",
        24: "twenty-four", 30: "thirty dreißig treinta trente", 48: "forty-eight", 60: "sixty sechzig sesenta soixante", 100: "hundred hundert cien cent",
    }.items()
    for word in words.split()
}  # fmt: skip
_WORDY = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(_WORD_NUMBERS, key=len, reverse=True))})(?![\w-])", re.I)
_UNITS = {
    "day": "day days tag tage tagen día dias días jour jours 天 日 工作日 个工作日",
    "hour": "h hour hours stunde stunden hora horas heure heures 小时 个小时",
    "minute": "min minute minutes minuten minutos 分钟",
    "week": "week weeks woche wochen semana semanas semaine semaines 周 个星期",
    "month": "month months monat monate monaten mes meses mois 个月",
    "year": "year years jahr jahre jahren año años an ans 年",
    "money": "eur euro euros € 欧元 usd $ gbp £ chf",
    "percent": "% percent prozent por pour",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_QUANTITY = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)?)\s*(?:-|–|to|bis|a|à|到|至)?\s*(?P<upper>\d+(?:[.,]\d+)?)?[\s-]*(?:working |business |calendar |"
    r"werk)?(?P<unit>"
    + "|".join(re.escape(word) for word in sorted(_UNIT_OF, key=len, reverse=True))
    + r")(?![a-zà-ÿ])",
    re.I,
)


def facts(text: str) -> frozenset[str]:
    """Every number, price, date part, URL, e-mail address, code and product-like name in the text, normalised."""
    plain = unicodedata.normalize("NFKC", text)
    found = {match.group().rstrip(".,;").casefold() for match in _URL.finditer(plain)}
    rest = _URL.sub(" ", plain)
    found |= {match.group().casefold() for match in _CODE.finditer(rest)}
    found |= {_number(match.group()) for match in _NUMBER.finditer(rest)}
    found |= {_WORD_NUMBERS[match.group().casefold()] for match in _WORDY.finditer(rest)}
    return frozenset(found)


def names(text: str) -> frozenset[str]:
    """Words with a capital inside sentences or inside themselves, casefolded one by one: products, places, people. Meant for
    languages, such as English, that do not capitalise every noun."""
    return frozenset(
        word.casefold().removesuffix("'s")
        for match in (*_NAME.finditer(text), *_BRAND.finditer(text))
        for word in match.group().split()
        if len(word) > 1
    )


def unsupported(draft: str, evidence: Sequence[str], language: str) -> tuple[str, ...]:
    """The draft's facts that stand nowhere in the evidence, sorted; empty means that the draft passes.

    evidence: the passages used and the customer's own words. Names are checked for English only (see `names`).
    """
    together = "\n".join(evidence)
    missing = set(facts(draft) - facts(together))
    if language == "en":
        said = set(re.findall(r"[\w'À-ÿ-]+", together.casefold()))
        missing |= {name for name in names(draft) if name not in said and name.removesuffix("s") not in said}
    return tuple(sorted(missing))


def in_digits(text: str) -> str:
    """The text with its number words as digits: "2 years" for "two years"."""
    return _WORDY.sub(lambda match: _WORD_NUMBERS[match.group().casefold()], text)


def quantities(text: str) -> dict[str, frozenset[str]]:
    """Figures by unit, such as {"day": {"30"}, "money": {"4.9"}}."""
    found: dict[str, set[str]] = {}
    for match in _QUANTITY.finditer(unicodedata.normalize("NFKC", text)):
        unit = _UNIT_OF[match["unit"].casefold()]
        found.setdefault(unit, set()).update(_number(n) for n in (match["number"], match["upper"]) if n)
    return {unit: frozenset(values) for unit, values in found.items()}


def contradicts(one: str, other: str) -> bool:
    """Whether two answers to one question give figures of the same unit that do not overlap at all."""
    first, second = quantities(one), quantities(other)
    return any(not first[unit] & second[unit] for unit in first.keys() & second.keys())


def _number(text: str) -> str:
    compact = re.sub(r"[ '\u202f]", "", text)
    if ":" in compact:
        return compact
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", compact):
        return re.sub(r"[.,]", "", compact)
    compact = compact.replace(",", ".")
    whole, _, fraction = compact.rpartition(".") if "." in compact else (compact, "", "")
    whole = whole.replace(".", "").lstrip("0") or "0"
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole
