"""The names of the `CHATBOT_*` variables, and what is said of one that does not exist. Knows no setting's meaning."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches

PREFIX = "CHATBOT_"
CONFIG = f"{PREFIX}CONFIG"
MODEL_SERVER_KEY = (
    f"{PREFIX}MODEL_SERVER_KEY"  # the bearer key that the supervisor hands to the model server; nobody's to set
)
WHERE_ALL_ARE = "`chatbot doctor --settings` lists them all."


def variable(name: str) -> str:
    """The variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def file_variable(name: str) -> str:
    """The variable that names the file in which a secret setting lies."""
    return f"{variable(name)}_FILE"


def misspelt(settings: Iterable[str], secrets: Iterable[str]) -> str | None:
    """A sentence about the first `CHATBOT_*` variable of the environment that is none of ours; None when all are.

    Its value is not repeated: it may be a secret.
    """
    known = {*map(variable, settings), *map(file_variable, secrets), CONFIG, MODEL_SERVER_KEY}
    strange = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    if not strange:
        return None
    return f"{strange[0]}: there is no such setting{nearest(strange[0].upper(), known)}. {WHERE_ALL_ARE}"


def nearest(name: str, known: Iterable[str]) -> str:
    """What was probably meant, in brackets; empty when nothing is like it. The prefix that all share does not count."""
    bare = {other.removeprefix(PREFIX): other for other in sorted(known)}
    meant = get_close_matches(name.removeprefix(PREFIX), bare, 1, 0.75)
    return f" (did you mean {bare[meant[0]]}?)" if meant else ""
