"""Countries that a question and an answer name: what is said of one tells nothing of another. Pure; names come from
`phonenumbers` (the JDK's locale data).

"How long does delivery to Norway take?" is not answered by "2-4 days in Germany, 3-6 in the rest of the EU".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

_EU = frozenset(re.findall("..", "ATBEBGCYCZDEDKEEESFIFRGRHRHUIEITLTLULVMTNLPLPTROSESISK"))  # its members by ISO code
_OUTSIDE = re.compile(
    r"(?:outside|beyond)(?: of)? (?:the )?(?:EU|European Union|Europe)\b|außerhalb (?:der )?(?:EU|Europas?)\b|"
    r"fuera de (?:la )?(?:UE|Unión|Europa)|hors (?:de (?:l')?)?(?:l')?(?:UE|Union|Europe)\b|\bnon-EU\b|欧盟(?:以外|之外|外)|非欧盟",
    re.I,
)
_INSIDE = re.compile(
    r"\bEU\b|\bUE\b|European Union|Europäische[nr]? Union|Unión Europea|Union européenne|\bEurop[ea]\b|欧盟|欧洲"
)
_EVERYWHERE = re.compile(
    r"world-?wide|all (?:over the world|countries)|every country|any country|weltweit|alle[nr]? länder|"
    r"todo el mundo|todos los países|monde entier|tous les pays|全球|全世界|所有国家",
    re.I,
)
_CODES = re.compile(rf"\b(?:{'|'.join(sorted(_EU | {'CH', 'NO', 'UK', 'GB', 'US', 'USA'}))})\b")
_ALSO = {
    "GB": ("uk", "great britain", "england", "scotland", "wales", "großbritannien", "schottland", "inglaterra", "gran bretaña",
           "angleterre", "grande-bretagne"),
    "US": ("usa", "the us", "america", "amerika", "ee. uu.", "eeuu", "ee.uu."),
    "NL": ("holland", "the netherlands", "holanda", "hollande"),
    "CZ": ("czech republic", "czechia", "tschechien", "república checa", "chequia", "tchéquie"),
    "CN": ("中国大陆",),
}  # fmt: skip
_OTHER_WORDS = frozenset({"jersey", "turkey", "jordan", "chad", "georgia", "guernsey", "mali", "man", "niger", "china"})
_LANGUAGES = ("en", "de", "es", "fr", "zh")


def elsewhere(asked: str, past: str, answer: str, language: str) -> bool:
    """Whether the answer tells of places, and of none that holds the one asked about.

    past: the question that was answered; a place that it names is what the answer is about.
    """
    wanted = named(asked, language)
    if not wanted or _EVERYWHERE.search(answer):
        return False
    told = named(answer, language) | named(past, language)
    inside, outside = _groups(answer)
    if not (told or inside or outside):
        return False
    return not all(one in told or (inside if one in _EU else outside) for one in wanted)


def _groups(answer: str) -> tuple[bool, bool]:
    """Whether the answer speaks of the EU as a whole, and of what is outside."""
    rest, outside = _OUTSIDE.subn(" ", answer)
    return bool(_INSIDE.search(rest)), outside > 0


@lru_cache(maxsize=20_000)
def named(text: str, language: str) -> frozenset[str]:
    """ISO 3166 codes of the countries that a text names, in its language or as a code; none in a language without names."""
    if language not in _LANGUAGES:
        return frozenset()
    known = _names(language)
    found = {known[name.casefold()] for name in _pattern(language).findall(text)}
    return frozenset(found | {_code(code) for code in _CODES.findall(text)})


def _code(code: str) -> str:
    return {"UK": "GB", "USA": "US"}.get(code, code)


@cache
def _pattern(language: str) -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in sorted(_names(language), key=len, reverse=True))
    return re.compile(f"(?:{names})" if language == "zh" else rf"(?<!\w)(?:{names})(?!\w)", re.I)


@cache
def _names(language: str) -> Mapping[str, str]:
    """ISO code by name, casefolded."""
    from phonenumbers.geodata.locale import LOCALE_DATA  # a second to load: not before it is asked for

    found: dict[str, str] = {}
    for code, by_language in LOCALE_DATA.items():
        name = by_language.get(language, "")
        name = by_language.get(name[1:], "") if name.startswith("*") else name
        also = [one for one in _ALSO.get(code, ()) if (language == "zh") == bool(re.search("[\u3400-\u9fff]", one))]
        found |= {one.casefold(): code for one in (name, *also) if len(one) > 1}
    return {name: code for name, code in found.items() if name not in _OTHER_WORDS}
