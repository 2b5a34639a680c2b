"""The e-mail address that a customer leaves: is it one? Must not know conversations."""

from __future__ import annotations

import re

from chatbot.errors import BadInput

LONGEST = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
# Stricter than RFC 5322 on purpose: quoted local parts and bare hosts are nearly always slips.
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\[\]\\\x00-\x1f]{1,64}@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")


def check_address(text: str) -> str:
    """The address without blanks around it. Raises BadInput with a sentence for the customer."""
    address = text.strip()
    local = address.partition("@")[0]
    if (
        len(address) > LONGEST
        or not _ADDRESS.fullmatch(address)
        or ".." in address
        or local[:1] == "."
        or local[-1:] == "."
    ):
        raise BadInput("This is no e-mail address; it must look like name@example.com.")
    return address
