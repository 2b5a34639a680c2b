"""A customer's turn read on its own: language, intent, attack signals, and the query that stands alone. No search here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chatbot import safety, smalltalk
from chatbot.privacy import Masker
from chatbot.retrieval.concepts import names_only_properties
from chatbot.smalltalk import Intent
from chatbot.transcripts.window import render_window
from chatbot.types import Query, Role, Turn

Detect = Callable[[str, str | None], str | None]

_FOLLOW_UP = re.compile(
    r"^(?:(?:ok(?:ay)?|yes|no|thanks?|thank you|great|hm+|ah|oh|ja|nein|danke|sí|vale|oui|d'accord|merci|好的?|嗯)[,.! ，。]+)*(?:and|but|or|so|then|also|plus|what about|how about|what if|"
    r"und|aber|oder|also|dann|auch|was ist mit|wie (?:ist|sieht) es|was, wenn|y|pero|o|entonces|también|qué tal|y si|et|mais|ou|alors|aussi|et si|qu'en est-il|那么?|如果|还有|那如果|要是)\b"
)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|that|this|them|they|those|these|there|then|one|ones|both|else|instead|same|es|das|dies(?:e[rsmn]?)?|sie|ihn|dafür|damit|davon|dort|dann|stattdessen|"
    r"lo|la|los|las|eso|esto|ellos|ese|esa|ahí|entonces|ça|cela|celui|celle|ceux|le|les|là|y)\b|它|这个?|那个?|他们|这种|那种"
)
_FEW_WORDS = 7
_FEW_CHARACTERS = 14
_NO_WORD_BREAKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_AFFIRMATIVE = re.compile(
    r"^(?:yes|yep|yeah|yup|sure|ok(?:ay)?|please|yes please|please do|of course|go ahead|do that|ja|ja bitte|gern(?:e)?|bitte|klar|s[ií]|s[ií],? por favor|claro|vale|por favor|oui|"
    r"oui,? (?:svp|s'il vous plaît|merci)|volontiers|d'accord|好的?|可以|是的?|需要|要|行|嗯|麻烦了?)(?:[ ,!.。！，]*(?:please|bitte|gern(?:e)?|por favor|svp|s'il vous plaît|thanks?|danke|gracias|merci|谢谢|吧))*[ !.。！]*$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a turn wants. `query` carries what a follow-up leans on, `alone` does not. `known` holds values
    the customer gave, by placeholder type; `text` is the original last message."""

    text: str
    language: str
    intent: Intent | None
    attacks: tuple[str, ...]
    query: Query
    alone: Query
    follow_up: bool
    affirmative: bool
    known: Mapping[str, str] = field(default_factory=dict)


def understand(turns: Sequence[Turn], prior: str | None, detect: Detect, masker: Masker) -> Understanding:
    """Reads the last customer turn(s) of `turns`, oldest first; the last turn must be a customer's.

    Customer turns in a row since the last reply count as one message. `prior` is the conversation's language so far.
    """
    said = [turn for turn in turns if turn.role in (Role.CUSTOMER, Role.AGENT, Role.BOT)]
    text, before = _last_message(said)
    language = detect(text, prior) or prior or "en"
    customer = [turn.text for turn in said if turn.role is Role.CUSTOMER]
    earlier = [turn for turn in before if turn.role is Role.CUSTOMER and smalltalk.recognise(turn.text) is None]
    follow_up = bool(earlier) and (is_follow_up(text) or names_only_properties(text, language))
    alone = f"{text}\n{earlier[-1].text}" if follow_up else text
    window = [*before[-2:], Turn(Role.CUSTOMER, text)] if follow_up else [Turn(Role.CUSTOMER, text)]
    return Understanding(
        text=text,
        language=language,
        intent=smalltalk.recognise(text),
        attacks=safety.signals(text),
        query=Query(masker.mask(alone), _window(window, masker), language),
        alone=Query(masker.mask(text), _window(window[-1:], masker), language),
        follow_up=follow_up,
        affirmative=bool(_AFFIRMATIVE.match(text.strip())),
        known=_known(customer, masker),
    )


def is_follow_up(text: str) -> bool:
    """Whether the text leans on what was said before: opens with "and ...", or is short and points back."""
    plain = " ".join(text.casefold().split())
    if _FOLLOW_UP.match(plain):
        return True
    short = len(plain) <= _FEW_CHARACTERS if _NO_WORD_BREAKS.search(plain) else len(plain.split()) <= _FEW_WORDS
    return short and bool(_POINTS_BACK.search(plain))


def _window(turns: Sequence[Turn], masker: Masker) -> str:
    return render_window([Turn(turn.role, masker.mask(turn.text)) for turn in turns])


def _last_message(said: Sequence[Turn]) -> tuple[str, Sequence[Turn]]:
    start = len(said)
    while start and said[start - 1].role is Role.CUSTOMER:
        start -= 1
    return "\n".join(turn.text for turn in said[start:]), said[:start]


def _known(texts: Sequence[str], masker: Masker) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        for span in masker.find(text):
            found[span.type] = span.value  # the latest one holds
    return found
