"""Order, invoice, ticket and parcel numbers: by shape (`NP-2024-004711`) or by the word before them. Knows no other
type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chatbot.privacy.spans import Span

# No \b: Chinese characters count as word characters, and `订单号NP-2024-004711` has no blank.
_SHAPES = (
    r"(?<![A-Za-z0-9-])[A-Za-z]{1,5}-\d{4}-\d{4,10}(?![A-Za-z0-9-])",
    r"(?<![A-Za-z0-9-])[A-Z]{1,5}[-_]?\d{6,14}(?![A-Za-z0-9-])",
    r"(?<![A-Za-z0-9-])[A-Z]{2,5}[-_]\d{5,14}(?![A-Za-z0-9-])",
    r"(?<=#)\d{4,14}(?![A-Za-z0-9-])",
)
_WORD = re.compile(
    r"(?:(?<![a-z])orders?|bestellung(?:en)?|bestellnummer|bestell-?nr|bestell-?id|auftrags?(?:nummer|nr)?|commandes?|pedidos?|订单编?号?|訂單編?號?|单号|"
    r"(?<![a-z])invoice|rechnung(?:s?-?(?:nummer|nr))?|facture|factura|发票号?|(?<![a-z])ticket|(?<![a-z])booking|buchung(?:snummer)?|reservation|"
    r"tracking|sendung(?:snummer|s-?nr)?|num[ée]ro de suivi|seguimiento|运单号?|快递单号|customer|kundennummer|kunden-?nr)"
    r"(?:[ ]?-?(?:numbers?|num|nummer|nr|no|id|ids|code|reference|ref|n[°ºo]|núm(?:ero)?|numéro))?"
    r"\.?[ \t]*(?:is|was|ist|lautet|est|es|是|为)?[ \t]*[:：#№]?[ \t]*\(?#?"
    r"([A-Za-z]{0,5}[-_/]?\d[A-Za-z0-9_/-]{2,22}[A-Za-z0-9])(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.](?:19|20)\d\d")
_YEAR = re.compile(r"(?:19|20)\d\d")


class OrderFinder:
    """Finds order numbers; `patterns` are a company's own regular expressions, tried first. Any thread may call."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._shapes = re.compile("|".join(f"(?:{pattern})" for pattern in (*patterns, *_SHAPES)))

    def __call__(self, text: str) -> Iterator[Span]:
        for match in self._shapes.finditer(text):
            yield Span("ORDER", match.start(), match.end(), match.group())
        for match in _WORD.finditer(text):
            value = match.group(1)
            if sum(char.isdigit() for char in value) < 4 or _DATE.match(value):
                continue
            if _YEAR.fullmatch(value) and "#" not in match.group():
                continue
            yield Span("ORDER", match.start(1), match.end(1), value)
