"""Which questions of a corpus are asked most and can stand alone on a first screen; pure, knows no index."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.types import Passage

_SHORTEST, _LONGEST, _KEPT = 12, 90, 20
_SHORTEST_UNBROKEN = 5  # Chinese and Japanese say as much in fewer characters
_PLACEHOLDER = re.compile(r"\[[A-Z_]+\]|#[A-Z_]+#")


def most_asked(passages: Sequence[Passage]) -> tuple[int, ...]:
    """Positions of up to 20 questions, most asked first; each has another text and another answer.

    Only one-line questions of a readable length without personal data; those that open a conversation come first.
    """
    able = [at for at, passage in enumerate(passages) if _stands_alone(passage.question)]
    able.sort(key=lambda at: (-passages[at].count, passages[at].turn_id > 3, not _asks(passages[at].question), at))
    seen: set[str] = set()
    chosen: list[int] = []
    for at in able:
        keys = {passages[at].question.casefold().strip(" ?!."), passages[at].answer.casefold()}
        if not keys & seen:
            seen |= keys
            chosen.append(at)
        if len(chosen) == _KEPT:
            break
    return tuple(chosen)


def _stands_alone(question: str) -> bool:
    text = question.strip()
    least = _SHORTEST if text.isascii() or " " in text else _SHORTEST_UNBROKEN
    return least <= len(text) <= _LONGEST and "\n" not in text and not _PLACEHOLDER.search(text)


def _asks(question: str) -> bool:
    return question.rstrip().endswith(("?", "？"))
