"""Names of people: where someone is addressed, introduces himself, signs, carries a title, or gives his address. Knows no other type.

Rules, not a model: precision comes from the place in the sentence. A name in the middle of a sentence is found only
when the caller knows it (participants of the conversation).
"""

# ruff: noqa: E501 - long patterns and word lists are read whole

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from chatbot.privacy.name_words import NOT_NAMES, PARTICLES, SURNAMES_ZH
from chatbot.privacy.spans import Span

_LETTER = r"[^\W\d_]"
_PART = rf"{_LETTER}(?:{_LETTER}|['’-](?={_LETTER})){{0,30}}"
_GREETING = (
    r"hi|hello|hey|dear|good (?:morning|afternoon|evening)|"
    r"hallo|guten (?:tag|morgen|abend)|liebe[rs]?|sehr geehrte[rs]?|moin|servus|grüezi|"
    r"bonjour|bonsoir|salut|ch[eè]re?|hola|estimad[oa]|querid[oa]|buen(?:os|as) (?:d[ií]as|tardes|noches)|buen d[ií]a"
)
# Words before a comma and a name that ends the clause: "Noted, Walter."
_INTERJECTION = (
    r"thanks(?: a lot| so much| again)?|thank you(?: so much| very much)?|sorry|welcome(?: back)?|noted|perfect|great|sure|okay|ok|al(?:l )?right|done|of course|"
    r"no (?:problem|worries)|got it|you['’]re (?:very )?welcome|right|yes|no|absolutely|good|exactly|certainly|understood|"
    r"danke(?: dir| ihnen| schön)?|gern(?: geschehen|e)?|alles klar|perfekt|ja|nein|genau|verstanden|"
    r"merci(?: beaucoup)?|parfait|d['’]accord|bien sûr|oui|non|de rien|gracias|muchas gracias|de nada|perfecto|claro|vale|sí"
)
_TITLE = r"Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Mme|Mlle|Monsieur|Madame|Mademoiselle|M(?=\. )|Sra?|Srta|Se[ñn]or(?:a|ita)?|Do[ñn]a"
_TITLES = rf"(?:(?:{_TITLE})\.?[ ]+)"
_ADDRESSED = re.compile(
    rf"(?:^|(?<=[\n.!?;:]))[ \t\"'“¡>*-]*(?:{_GREETING})(?:[ ]+(?:again|there))?[ ]?,?[ ]+{_TITLES}{{0,2}}((?:{_PART})(?:[ ]{_PART}){{0,3}})"
    r"(?=[ ]?(?:[,.!:;?\n–)-]|$))",
    re.IGNORECASE,
)
_ANSWERED = re.compile(
    rf"(?:^|(?<=[\n.!?;:]))[ \t]*(?i:{_INTERJECTION}),?[ ]+(?i:{_TITLES}){{0,2}}((?:{_PART})(?:[ ]{_PART})?)(?=[ ]?(?:[,.!:;?\n–)]|$))"
)
_OPENING = re.compile(
    rf"^[ \t]*(?i:hi|hello|hey|dear|hallo|bonjour|hola|liebe[rs]?|cher|chère)[ ]+({_PART})(?=[ ](?:{_LETTER}))"
)
_TITLED = re.compile(rf"(?<!\w){_TITLES}((?:{_PART})(?:[ ]{_PART}){{0,2}})")
_INTRODUCED = re.compile(
    r"(?<!\w)(?i:my (?:full |first |last )?name(?: is|'s|’s)|i am called|they call me|(?:in|under) the name of|(?:name|account|customer) holder is|"
    r"mein name (?:ist|lautet)|ich hei(?:ß|ss)e|me llamo|mi nombre es|je m['’]appelle|mon nom est|je me nomme|mijn naam is|ik heet|"
    rf"(?:full |customer )?name ?:|kundenname ?:|nom ?:|nombre ?:)[ \t]*{_TITLES}{{0,2}}((?:{_PART})(?:[ ]{_PART}){{0,3}})"
)
_THIS_IS = re.compile(
    rf"(?<!\w)(?i:this is|i am|i['’]m|ich bin|hier ist|hier schreibt|je suis|ici|soy|aqu[ií])[ ]+((?:{_PART})(?:[ ]{_PART}){{1,2}}|{_PART}(?= (?i:here|speaking|from|aus|vom|de|von)\b))"
)
_SIGNED = re.compile(
    r"(?:^|\n)[ \t]*(?i:(?:(?:best|kind|warm|many)? ?regards|best(?: wishes)?|cheers|sincerely|yours(?: \w+)?|thanks|thank you|"
    r"(?:mit )?(?:freundlichen?|lieben?|vielen?|beste[nr]?|sch[öo]nen?) gr(?:ü|ue)(?:ß|ss)en?|lg|mfg|vg|gru(?:ß|ss)|danke|"
    r"(?:bien )?cordialement|bien à vous|merci|saludos(?: cordiales)?|atentamente|gracias|un saludo|此致|祝好|谢谢))"
    rf"[ ]?[,.!，。]?[ \t]*(?:\n[ \t]*|(?<=[,，])[ ])((?:{_PART})(?:[ ]{_PART}){{0,2}})[ \t.]*(?=\n|$)"
)
# "Ingunn Berge, ingunn@...": capitalised words right before an address whose local part has one of them.
_BESIDE_ADDRESS = re.compile(
    rf"(?<![\w@])((?-i:[A-ZÀ-Þ]){_LETTER}{{2,30}}(?:[ ]{_PART}){{0,2}})[ ]?,?[ ]?[<(]?(?=([\w.+-]{{3,64}})@\w)"
)
_ZH_TITLED = re.compile(rf"((?:{SURNAMES_ZH})[\u4e00-\u9fff]{{0,2}}?)(?=先生|女士|小姐|太太|老师|同学)")
_ZH_INTRODUCED = re.compile(
    rf"(?:我叫|我的名字(?:是|叫)|我名叫|姓名[:：是]|我是(?=(?:{SURNAMES_ZH})[\u4e00-\u9fff]{{1,2}}(?:[,，。.!！\s]|$)))[ ]?([\u4e00-\u9fff·]{{2,4}}?)(?=[,，。.!！;；、\s]|的|$)"
    rf"|我姓((?:{SURNAMES_ZH}))"
)
_ZH = re.compile(r"[\u4e00-\u9fff]")
_HAS_CAPITAL_OR_TRIGGER = re.compile(
    r"[A-ZÀ-ÞĀ-ſΑ-Ωа-яА-Я]|name|llamo|hei|appel|hi |hello|hey|dear|hallo|hola|bonjour", re.IGNORECASE
)


def find_names(text: str) -> Iterator[Span]:
    """Names by the sentence around them; the title stays outside the span ("Frau [NAME]")."""
    if _HAS_CAPITAL_OR_TRIGGER.search(text):
        for match in _TITLED.finditer(text):
            yield from _name(text, match.start(1), match.group(1), lower_too=False)
        for match in _ADDRESSED.finditer(text):
            yield from _name(text, match.start(1), match.group(1), lower_too=True)
        for pattern in (_ANSWERED, _OPENING, _THIS_IS, _SIGNED):
            for match in pattern.finditer(text):
                yield from _name(text, match.start(1), match.group(1), lower_too=False)
        if "@" in text:
            for match in _BESIDE_ADDRESS.finditer(text):
                if any(len(part) > 2 and part in match.group(2).lower() for part in match.group(1).lower().split()):
                    yield from _name(text, match.start(1), match.group(1), lower_too=False)
        for match in _INTRODUCED.finditer(text):
            yield from _name(text, match.start(1), match.group(1), lower_too=True)
    if _ZH.search(text):
        yield from _chinese(text)


def find_known(text: str, names: Sequence[str]) -> Iterator[Span]:
    """Every mention of the given people: the full name, and its parts where they are written like names."""
    for name in sorted(names, key=len, reverse=True):
        for pattern in _known(name.strip()):
            for match in pattern.finditer(text):
                yield Span("NAME", match.start(), match.end(), match.group())


@lru_cache(maxsize=4096)
def _known(name: str) -> tuple[re.Pattern[str], ...]:
    if len(name) < 2 or "@" in name or not any(char.isalpha() for char in name):
        return ()
    if _ZH.search(name):
        return (re.compile(re.escape(name)),)
    patterns = []
    if name.lower() not in NOT_NAMES and len(name) > 2:
        flags = re.IGNORECASE if " " in name else re.NOFLAG
        patterns.append(re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", flags))
    parts = [part for part in name.split() if len(part) > 2 and part[0].isupper() and part.lower() not in NOT_NAMES]
    if len(parts) > 1 or (parts and parts[0] != name):
        patterns.extend(
            re.compile(rf"(?<!\w){re.escape(part)}(?!\w)") for part in parts if part.lower() not in PARTICLES
        )
    return tuple(patterns)


def _name(text: str, start: int, candidate: str, *, lower_too: bool) -> Iterator[Span]:
    """Cuts the candidate down to the words that can be a name, from its first word on."""
    end = start
    for position, word in enumerate(re.finditer(r"\S+", candidate)):
        plain = word.group().rstrip("'’-")
        if plain.lower() in NOT_NAMES or re.split("['’]", plain.lower())[0] in (
            "i",
            "it",
            "that",
            "what",
            "you",
            "we",
            "c",
            "j",
        ):
            break
        capital = plain[0].isupper() or plain.lower() in PARTICLES or not plain[0].isascii()
        if not capital and not (lower_too and (position == 0 or (candidate.islower() and position == 1))):
            break
        end = start + word.start() + len(plain)
    if end > start:
        yield Span("NAME", start, end, text[start:end])


def _chinese(text: str) -> Iterator[Span]:
    for match in _ZH_TITLED.finditer(text):
        yield Span("NAME", match.start(1), match.end(1), match.group(1))
    for match in _ZH_INTRODUCED.finditer(text):
        group = 1 if match.group(1) else 2
        yield Span("NAME", match.start(group), match.end(group), match.group(group))
