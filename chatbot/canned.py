"""The gaps of a canned answer, filled where something is known. Pure; must not know who keeps the answers."""

from __future__ import annotations

import re
from collections.abc import Mapping

GAPS = ("customer_name", "agent_name", "company")
_GAP = re.compile(r"\{(\w+)\}")


def fill_gaps(text: str, known: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The text with every gap of GAPS filled that is known, and the names of the others, which stay visible as `{name}`.

    Other words in braces are the author's own gaps ("{date}"): they stay too.
    """
    given = {name: value for name in GAPS if (value := known.get(name))}
    gaps = dict.fromkeys(name for name in _GAP.findall(text) if name not in given)
    return _GAP.sub(lambda gap: given.get(gap[1], gap[0]), text), tuple(gaps)
