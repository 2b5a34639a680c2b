"""From an export's raw text to the plain text of a turn. Knows no vendor; the steps live in `markup` and `mail`."""

from __future__ import annotations

import re

from chatbot.transcripts.mail import cut_mail
from chatbot.transcripts.markup import html_to_text, looks_like_html

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2060\ufeff\u00ad]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BLANKS = re.compile(r"[ \t\u00a0\u2007\u202f]+")
_EDGES = re.compile(r" ?\n ?")
_GAPS = re.compile(r"\n{3,}")


def clean_text(text: str, html: bool = False) -> str:
    """Plain text: no markup, no control characters, no mail history, no signature. `html`: the field is HTML by
    contract; others are converted only where they look like it.
    """
    if html or looks_like_html(text):
        text = html_to_text(text)
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    if "\n" in text:
        text = cut_mail(text)
        return _GAPS.sub("\n\n", _EDGES.sub("\n", _BLANKS.sub(" ", text))).strip()
    return _BLANKS.sub(" ", text).strip()
