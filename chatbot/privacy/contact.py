"""E-mail addresses and telephone numbers in running text. Knows no other type.

A number counts as a phone by its words ("call", "Handy", 电话), by a shape that nothing else has (+49..., (555)
123-4567), or because `phonenumbers` (Google's libphonenumber) calls it valid in one of the default regions. Dates,
prices, times, addresses of machines and numbers that are introduced as orders do not.
"""

# ruff: noqa: E501 - long patterns and word lists are read whole

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chatbot.privacy.spans import Span

REGIONS = ("DE", "FR", "ES", "GB", "US", "CN", "NL", "AT", "CH", "BE")

_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%'-]{1,64}(?:@|\s?[\[(](?:at|@)[\])]\s?)"
    r"(?:[a-zA-Z0-9\u00c0-\uffff-]{1,63}(?:\.|\s?[\[(]dot[\])]\s?)){1,6}[a-zA-Z\u00c0-\uffff]{2,24}(?![a-zA-Z0-9])",
    re.IGNORECASE,
)
_EMAIL_ASCII = re.compile(
    r"(?<![A-Za-z0-9._+%-])[A-Za-z0-9._+%'-]{1,64}(?:@|\s?[\[(](?:at|@)[\])]\s?)"
    r"(?:[A-Za-z0-9-]{1,63}(?:\.|\s?[\[(]dot[\])]\s?)){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_AT = re.compile(r"@|[\[(]at[\])]", re.IGNORECASE)
_CJK = re.compile(r"[\u3400-\u9fff\uac00-\ud7af\u3040-\u30ff]")

_SEP = "[ \t\u00a0\u202f./()\u2010-\u2013-]"
_RUN = re.compile(
    rf"(?<![A-Za-z0-9$€£¥#_])(?:\+{_SEP}?|\()?\d(?:{_SEP}{{0,3}}\d){{5,17}}(?:[ ]?(?:x|ext\.?|Durchwahl)[ ]?\d{{1,6}})?(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_TRAILING_WORD = re.compile(r"[ \t]?[-,(]?[ \t]?(?:office|fax|mobile|cell|home|work|mobil|privat)\b", re.IGNORECASE)
_PHONE_WORDS = re.compile(
    r"(?:phone|(?<![a-z])tel(?![a-z])|telef|mobile|(?<![a-z])cell|(?<![a-z])call(?:ed|ing)?(?![a-z])|reach (?:us|me|you)|answering at|whats ?app|sms|(?<![a-z])fax|hotline|text me|"
    r"anruf|ruf(?:en|t|e)?(?![a-z])|handy|rückruf|erreich|nummer lautet|"
    r"t[ée]l[ée]phon|appel|portable|joindre|joignable|m[óo]vil|llam|celular|"
    r"电话|電話|手机|手機|联系方式|致电|拨打|来电|座机|热线|전화|連絡)",
    re.IGNORECASE,
)
_ORDER_WORDS = re.compile(
    r"(?:\border|\bbestell|auftrag|commande|pedido|订单|单号|invoice|rechnung|factur|ticket|tracking|sendung|suivi|seguimiento|"
    r"\bref\b|reference|article|artikel|\bsku\b|\biso\b|customer (?:no|number|id)|kundennummer|vat|ust)[^\n.;!?]{0,18}$",
    re.IGNORECASE,
)
_MONEY = re.compile(r"(?:eur|usd|gbp|chf|cny|rmb|euros?|dollars?|pounds?|[$€£¥]|元|块)", re.IGNORECASE)
_DECIMAL = re.compile(r"\d{1,3}(?:[ .,]\d{3})*[.,]\d{1,2}|\d{1,3}(?:\.\d{3})+|\d+\.\d+")
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}(?:[ T]\d{1,2}(?::?\d\d)*)?|[0-3]?\d[-./ ][0-3]?\d[-./ ](?:19|20)\d\d(?: \d{1,2})?|[0-3]?\d[-./][0-3]?\d[-./]\d\d"
    r"|(?:19|20)\d\d ?[-/\u2013] ?(?:19|20)\d\d|(?:19|20)\d{6}"
)
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_US = re.compile(r"\+?1?[ .-]?\(?\d{3}\)?[ .-]?\d{3}[.-]\d{4}")
_EXTENSION = re.compile(r"(?:x|ext\.?|durchwahl)[ ]?\d{1,6}$", re.IGNORECASE)
_CHINESE_MOBILE = re.compile(r"1[3-9]\d[ -]?\d{4}[ -]?\d{4}")


def find_emails(text: str) -> Iterator[Span]:
    """Addresses as in RFC 5322's dot-atom form, also with [at] and (dot); glued to Chinese or Japanese text too."""
    if not _AT.search(text):
        return
    pattern = _EMAIL_ASCII if _CJK.search(text) else _EMAIL
    for match in pattern.finditer(text):
        start = match.start() + len(match.group()) - len(match.group().lstrip("'.-"))
        yield Span("EMAIL", start, match.end(), text[start : match.end()])


def find_phones(text: str, regions: Sequence[str] = REGIONS) -> Iterator[Span]:
    """Numbers of 6 to 15 digits that are telephone numbers by word, shape or numbering plan."""
    for run in _RUN.finditer(text):
        start, end = run.start(), run.end()
        if text[start] == "(" and ")" not in run.group():
            start += 1
        value = text[start:end]
        if _is_phone(value, text[max(0, start - 40) : start], text[end : end + 16], regions):
            yield Span("PHONE", start, end, value)


def _is_phone(value: str, before: str, after: str, regions: Sequence[str]) -> bool:
    bare = _EXTENSION.sub("", value)
    digits = sum(char.isdigit() for char in bare)
    if not 6 <= digits <= 16 or _is_something_else(bare, before, after):
        return False
    if before.endswith("\n") and _TRAILING_WORD.match(after):
        return True
    line_before = before.rpartition("\n")[2]
    if _PHONE_WORDS.search(line_before) or _TRAILING_WORD.match(after):
        return True
    if bare.startswith(("+", "00")):
        return digits >= 8
    if bare != value or _US.fullmatch(bare) or _CHINESE_MOBILE.fullmatch(bare):
        return True
    return digits >= 8 and bare[0] in "(0" and _is_valid(bare, regions)


def _is_something_else(bare: str, before: str, after: str) -> bool:
    if _DATE.fullmatch(bare) or _IP.fullmatch(bare) or _SSN.fullmatch(bare):
        return True
    if _DECIMAL.fullmatch(bare) and not _PHONE_WORDS.search(before):
        return True
    if _MONEY.match(after.lstrip()) or _MONEY.search(before[-5:]):
        return True
    return bool(_ORDER_WORDS.search(before)) and not _PHONE_WORDS.search(before[-14:])


def _is_valid(value: str, regions: Sequence[str]) -> bool:
    import phonenumbers

    for region in regions:
        try:
            number = phonenumbers.parse(value, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
    return False
