"""Which questions of a corpus are asked most and can stand alone on a first screen; pure, knows no index."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.types import Passage

_SHORTEST, _LONGEST, _KEPT = 20, 90, 20
_SHORTEST_UNBROKEN = 7  # Chinese and Japanese say as much in fewer characters
_ASKING = re.compile(
    r"^(?:how|what|when|where|which|who|why|can|could|do|does|did|is|are|will|would|may|should|have|has|"
    r"wie|was|wann|wo|wohin|woher|welche[rsmn]?|wer|warum|wieso|kann|können|gibt|ist|sind|darf|muss|"
    r"cómo|qué|cuándo|dónde|cuál|cuánt[oa]s?|quién|puedo|pueden|hay|"
    r"comment|quel(?:le)?s?|quand|où|combien|qui|pourquoi|est-ce|puis-je|peut-on|pouvez-vous)\b|"
    r"怎么|如何|什么|哪|几|多少|多久|能不能|可不可以|是否|为什么|谁|吗|呢",  # in Chinese they stand anywhere
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|hola|buenos d[ií]as|buenas|bonjour|"
    r"salut)\b[\s,.!?]*|(?:你好|您好)[\s,.!?，。！？]*)+",
    re.IGNORECASE,
)
_CONTINUES = re.compile(r"(?:(?:and|but|so|or|und|aber|oder|also|y|pero|o|et|mais|ou)\b|那|还有)", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[[A-Z_]+\]|#[A-Z_]+#")


def most_asked(passages: Sequence[Passage]) -> tuple[int, ...]:
    """Positions of up to 20 questions, most asked first; each has another text and another answer.

    Only one-line questions of a readable length without personal data, told by a question mark or by how they begin; none
    that goes on from something said before or merely greets. Those that open a conversation come first.
    """
    able = [at for at, passage in enumerate(passages) if stands_alone(passage.question)]
    able.sort(key=lambda at: (-passages[at].count, passages[at].turn_id > 3, not _marked(passages[at].question), at))
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


def stands_alone(question: str) -> bool:
    """Whether the text is one readable question that needs nothing said before it and names nobody."""
    text = question.strip()
    least = _SHORTEST if text.isascii() or " " in text else _SHORTEST_UNBROKEN
    if not least <= len(text) <= _LONGEST or "\n" in text or _PLACEHOLDER.search(text) or _CONTINUES.match(text):
        return False
    asked = _GREETING.sub("", text)
    return len(asked) >= least / 2 and (_marked(asked) or _ASKING.search(asked) is not None)


def _marked(question: str) -> bool:
    return "?" in question or "？" in question
