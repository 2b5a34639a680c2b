"""Which replies say nothing: greetings, holds, transfers, thanks, closings, bare yes and no, in five languages. Knows
no conversation.

A question back ("What is your order number?") is not empty: it is what a good agent says at that point.
"""

# ruff: noqa: E501 - long patterns and word lists are read whole

from __future__ import annotations

import re

from chatbot.transcripts.phrases import CHINESE, LATIN

_LATIN_PHRASE, _CHINESE_PHRASE = (
    re.compile("|".join(f"(?:{line}){end}" for text in texts for line in text.strip().split("\n")), re.IGNORECASE)
    for texts, end in ((LATIN, r"(?!\w)"), (CHINESE, ""))
)
_SEGMENTS = re.compile(r"(?<!\b[A-Z])(?<!\b[MDS]r)(?<!Mrs)(?<!\bSra)(?<!\bDr)(?<!Mme)[.!?。！？…\n]+")
_BETWEEN = re.compile(
    r"(?:[\s,;:，、；：~～\-–—*_()\"'“”¡¿🙂😊👍🙏😀😉]|\b(?:and|und|et|y|e|but|please|bitte|s'il vous plaît|s'il te plaît|por favor|then|so|also|呢|哦|呀|哈|啦)\b)*"
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def is_empty(text: str) -> bool:
    """Does the reply consist of nothing but greetings, holds, transfers, thanks, closings and bare yes or no?"""
    if len(text) > 600:
        return False
    return all(_is_empty_segment(segment) for segment in _SEGMENTS.split(text))


def _is_empty_segment(segment: str) -> bool:
    phrase = _CHINESE_PHRASE if _CHINESE.search(segment) else _LATIN_PHRASE
    position = _skip(segment, 0)
    while position < len(segment):
        match = phrase.match(segment, position)
        if match is None or match.end() == position:
            return not _LETTER_OR_DIGIT.search(segment, position)
        position = _skip(segment, match.end())
    return True


def _skip(segment: str, position: int) -> int:
    match = _BETWEEN.match(segment, position)
    return match.end() if match else position
