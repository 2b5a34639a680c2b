"""The address of a site as a policy names it: scheme, host and port. Must not know settings or pages."""

from __future__ import annotations

import re

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# A host may begin with *. and then stands for all below it (CSP level 3, host-source); a whole top-level domain is nobody's.
_ORIGIN = re.compile(
    rf"https?://(?:\*\.{_LABEL}(?:\.{_LABEL})+|{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>\d{{1,5}}))?", re.IGNORECASE
)
_LAST_PORT = 65_535


def check_origin(text: str) -> None:
    """Raises ValueError with a sentence for what is no origin (RFC 6454) or none that a policy may name."""
    if not text.isascii():
        raise ValueError(f"{text!r} has letters that no address has; write its host as browsers send it (xn--...)")
    found = _ORIGIN.fullmatch(text)
    if not found or not 0 < int(found["port"] or 1) <= _LAST_PORT:
        raise ValueError(f"{text!r} is no site's address; write it without a path, as https://www.shop.example")
