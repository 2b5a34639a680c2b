"""Card numbers (Luhn, ISO/IEC 7812) and IBANs (ISO 13616) in running text. Knows no other type."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatbot.privacy.spans import Span

_GAP = "[ .\u00a0\u202f-]"
_CARD_RUN = re.compile(rf"(?<![A-Za-z0-9])\d(?:{_GAP}?\d){{12,30}}(?![A-Za-z0-9])")
_GROUP = re.compile(r"\d+")
_IBAN_RUN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ ]?\d{2}(?:[ \u00a0\u202f-]?[A-Za-z0-9]){11,34}")
_ALNUM = re.compile(r"[^A-Za-z0-9]")
# Lengths from the SWIFT IBAN registry: a mistyped IBAN of the right shape is personal data as well.
_IBAN_LENGTHS = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18,
    "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21,
    "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26,
}  # fmt: skip


def find_cards(text: str) -> Iterator[Span]:
    """Numbers of 13-19 digits that begin like a card and pass Luhn; blanks, dots and dashes may part the digits."""
    for run in _CARD_RUN.finditer(text):
        groups = [(run.start() + g.start(), run.start() + g.end()) for g in _GROUP.finditer(run.group())]
        first = 0
        while first < len(groups):
            last = _longest_card(text, groups, first)
            if last is None:
                first += 1
                continue
            start, end = groups[first][0], groups[last][1]
            yield Span("CARD", start, end, text[start:end])
            first = last + 1


def _longest_card(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    for last in range(len(groups) - 1, first - 1, -1):
        digits = "".join(text[a:b] for a, b in groups[first : last + 1])
        if 13 <= len(digits) <= 19 and _is_card(digits):
            return last
    return None


def _is_card(digits: str) -> bool:
    if digits[0] not in "23456" or len(set(digits)) == 1:
        return False
    total = 0
    for position, char in enumerate(reversed(digits)):
        value = int(char) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def find_ibans(text: str) -> Iterator[Span]:
    """IBANs with or without blanks, any case; a wrong check digit counts when country and length fit."""
    position = 0
    while run := _IBAN_RUN.search(text, position):
        position = run.start() + 2
        end = _iban_end(text, run.start(), run.end())
        if end is not None:
            yield Span("IBAN", run.start(), end, text[run.start() : end])
            position = end


def _iban_end(text: str, start: int, longest: int) -> int | None:
    from stdnum import iban

    for end in range(longest, start + 14, -1):
        if end < len(text) and text[end].isascii() and text[end].isalnum():
            continue
        if not text[end - 1].isalnum():
            continue
        compact = _ALNUM.sub("", text[start:end]).upper()
        if len(compact) == _IBAN_LENGTHS.get(compact[:2]) and sum(c.isdigit() for c in compact) >= 12:
            return end
        if len(compact) <= 34 and iban.is_valid(compact):
            return end
    return None
