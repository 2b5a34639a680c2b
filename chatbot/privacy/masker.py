"""The one who masks: runs all finders, keeps the company's own contact data visible. Knows no transcript format and
no store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chatbot.errors import SettingsError
from chatbot.privacy.contact import REGIONS, find_emails, find_phones
from chatbot.privacy.names import find_known, find_names
from chatbot.privacy.orders import OrderFinder
from chatbot.privacy.payment import find_cards, find_ibans
from chatbot.privacy.spans import Span, settle

_DIGITS = re.compile(r"\d[^\n]{0,3}\d")
_NOT_DIGIT = re.compile(r"\D")
_NOT_ALNUM = re.compile(r"[\W_]")
_PLACEHOLDER = re.compile(r"\[(?:EMAIL|PHONE|CARD|IBAN|ORDER|NAME)\]")
# "[NAME] Vogt," - what follows a found name up to a pause is its surname
_SURNAME = re.compile(r"\[NAME\](?: [A-ZÀ-ÖØ-Þ][a-zà-ÿ'’-]+){1,2}(?=\s*(?:[,.;:!?)]|$))", re.M)


class Masker:
    """Finds personal data and replaces it by `[EMAIL] [PHONE] [CARD] [IBAN] [ORDER] [NAME]`. Stateless after
    construction: any thread may call, one instance serves the whole process.

    keep: the company's own addresses, domains, numbers and names, which stay visible ("help@shop.example",
    "shop.example", "+31 13 555 0142"). order_patterns: further regular expressions of order numbers. regions: ISO
    3166 codes whose national numbers count as phones. Raises SettingsError for a pattern that does not compile.
    """

    def __init__(
        self, keep: Sequence[str] = (), *, order_patterns: Sequence[str] = (), regions: Sequence[str] = REGIONS
    ) -> None:
        for pattern in order_patterns:
            try:
                re.compile(pattern)
            except re.error as exc:
                raise SettingsError(f"The order number pattern {pattern!r} does not work: {exc}.") from exc
        self._orders = OrderFinder(order_patterns)
        self._regions = tuple(regions)
        self._keep_words = frozenset(_plain(value) for value in keep if value.strip())
        self._keep_domains = tuple(
            value.strip().lower().lstrip("@") for value in keep if "." in value and " " not in value
        )
        self._keep_digits = tuple(
            digits for value in keep if "@" not in value and len(digits := _NOT_DIGIT.sub("", value)) >= 6
        )

    def find(self, text: str, names: Sequence[str] = ()) -> list[Span]:
        """Personal data in `text`, in order, without overlaps; offsets in characters. `names`: people known to take
        part.
        """
        return [span for span in settle(self._all(text, names)) if not self._is_kept(span)]

    def mask(self, text: str, names: Sequence[str] = ()) -> str:
        """The text with every find replaced by its placeholder. Masking a masked text changes nothing."""
        parts: list[str] = []
        position = 0
        for span in self.find(text, names):
            parts += (text[position : span.start], f"[{span.type}]")
            position = span.end
        masked = "".join((*parts, text[position:])) if parts else text
        return _SURNAME.sub("[NAME]", masked) if "[NAME]" in masked else masked

    def _all(self, text: str, names: Sequence[str]) -> Iterator[Span]:
        """Finds in order of precedence: the first of two overlapping ones is kept."""
        for match in _PLACEHOLDER.finditer(text) if "[" in text else ():
            yield Span("", match.start(), match.end(), match.group())
        yield from find_emails(text)
        if _DIGITS.search(text):
            yield from find_ibans(text)
            yield from find_cards(text)
            yield from self._orders(text)
            yield from find_phones(text, self._regions)
        if names:
            yield from find_known(text, names)
        yield from find_names(text)

    def _is_kept(self, span: Span) -> bool:
        if not span.type:
            return True
        if span.type == "EMAIL":
            domain = span.value.lower().rpartition("@")[2]
            if any(domain == kept or domain.endswith("." + kept) for kept in self._keep_domains if "@" not in kept):
                return True
        if span.type == "PHONE":
            digits = _NOT_DIGIT.sub("", span.value)
            if any(digits.endswith(kept[-8:]) or kept.endswith(digits[-8:]) for kept in self._keep_digits):
                return True
        return _plain(span.value) in self._keep_words


def _plain(value: str) -> str:
    return _NOT_ALNUM.sub("", value).lower()
