"""HTML to plain text: entities, lists and links keep their text; scripts, styles, hidden and quoted parts do not.
Knows no vendor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TAG = re.compile(
    r"</?(?:p|br|div|span|a|b|i|u|em|strong|ul|ol|li|table|tr|td|blockquote|html|body|h[1-6]|img|hr|pre|code|font)\b[^<>]{0,2000}>",
    re.I,
)
_ENTITY = re.compile(
    r"&(?:amp|lt|gt|quot|nbsp|apos|#\d{1,6}|#x[0-9a-f]{1,6}|[aeiou](?:uml|acute|grave|circ)|ccedil|ntilde|szlig|euro|hellip|rsquo|lsquo|ndash|mdash);",
    re.I,
)
_DROPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "object", "iframe"})
_BLOCKS = frozenset(
    "p div li ul ol tr table h1 h2 h3 h4 h5 h6 hr pre section article header footer blockquote dt dd".split()  # noqa: SIM905 - a list
)
_VOID = frozenset("br hr img input meta link area base col embed source track wbr".split())  # noqa: SIM905
_QUOTE_CLASS = re.compile(
    r"gmail_quote|gmail_signature|gmail_attr|yahoo_quoted|moz-cite-prefix|moz-signature|zendesk_quoted|freshdesk_quote|protonmail_quote",
    re.I,
)
_QUOTE_ID = re.compile(r"divRplyFwdMsg|appendonsend|Signature$", re.I)


def looks_like_html(text: str) -> bool:
    """Does a field that promises plain text hold markup all the same?"""
    return ("<" in text and bool(_TAG.search(text))) or ("&" in text and bool(_ENTITY.search(text)))


def html_to_text(source: str) -> str:
    """Plain text with one line a block. Malformed markup is read as a browser would; nothing is fetched or run."""
    if "<" not in source and "&" not in source:
        return source
    from lxml import etree  # type: ignore[import-untyped]

    parser = etree.HTMLParser(target=_Collector(), recover=True, no_network=True, remove_comments=True, huge_tree=True)
    parser.feed("<body>")
    parser.feed(source.replace("\x00", ""))
    text: str = parser.close()
    return text


class _Collector:
    """lxml's target for one document: gathers text, skips what is dropped."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._skipped: list[str] = []
        self._pre = 0
        self._breaks = 0  # line breaks due before the next text

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An opening tag."""
        if self._skipped:
            if tag not in _VOID:
                self._skipped.append(tag)
        elif tag == "br":
            self._breaks += 1
        elif tag in _DROPPED or _is_quote(tag, attributes):
            self._skipped.append(tag)
        else:
            self._pre += tag == "pre"
            self._break(tag)
            if tag == "li":
                self.data("- ")
            elif tag in ("td", "th"):
                self._parts.append(" ")

    def end(self, tag: str) -> None:
        """A closing tag; libxml2 also closes what the source left open."""
        if self._skipped:
            if tag in self._skipped:
                while self._skipped.pop() != tag:
                    pass
            return
        self._pre -= tag == "pre" and self._pre > 0
        self._break(tag)

    def data(self, text: str) -> None:
        """Text between tags; white space counts only inside <pre>."""
        if self._skipped:
            return
        text = text if self._pre else re.sub(r"[ \t\r\n]+", " ", text)
        if self._breaks and (self._pre or text.strip()):
            self._parts.append("\n" * self._breaks)
            self._breaks = 0
        self._parts.append(text)

    def comment(self, text: str) -> None:
        """Comments are never shown."""

    def close(self) -> str:
        """The whole text."""
        lines = (re.sub(r"[ \t]+", " ", line).strip() for line in "".join(self._parts).split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._breaks = max(self._breaks, 2 if tag == "p" else 1)


def _is_quote(tag: str, attributes: Mapping[str, str]) -> bool:
    if tag == "blockquote" and attributes.get("type") == "cite":
        return True
    if "display:none" in attributes.get("style", "").replace(" ", "").lower():
        return True
    return bool(_QUOTE_CLASS.search(attributes.get("class", "")) or _QUOTE_ID.search(attributes.get("id", "")))
