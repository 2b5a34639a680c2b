"""Text that anyone wrote as harmless markup: paragraphs, lists and links. Must not know messages or sources.

Everything goes through `escape`; the only links are http(s) addresses found in plain text.
"""

from __future__ import annotations

import re
from html import escape

_URL = re.compile(r"https?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]}]")
_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s+")


def plain(text: str) -> str:
    """Text as paragraphs, line breaks, lists and http(s) links; nothing in it is markup."""
    return "".join(drawn(paragraph) for paragraph in paragraphs(text))


def paragraphs(text: str) -> list[str]:
    """The parts of a text between blank lines."""
    return [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]


def drawn(paragraph: str) -> str:
    """One paragraph as `<p>`, or as `<ul>` when all its lines are points of a list."""
    lines = paragraph.strip().split("\n")
    if len(lines) > 1 and all(_BULLET.match(line) for line in lines):
        return "<ul>" + "".join(f"<li>{_links(_BULLET.sub('', line, count=1))}</li>" for line in lines) + "</ul>"
    return "<p>" + "<br>".join(_links(line) for line in lines) + "</p>"


def _links(line: str) -> str:
    parts, at = [], 0
    for found in _URL.finditer(line):
        url = escape(found.group())
        link = f'<a href="{url}" target="_blank" rel="noopener noreferrer nofollow">{url}</a>'
        parts += [escape(line[at : found.start()]), link]
        at = found.end()
    return "".join([*parts, escape(line[at:])])
