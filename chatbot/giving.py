"""Whether a past answer gives the fact that is asked for: its kind, place, the named member of a list, and whose fact it is. Pure.

"How much is the tent?" finds "a spare pole for the tent costs 9.50 EUR": the same thing and the same kind of fact, but the price
belongs to the spare part. Whoever names a thing and its price only does not mean what is done with the thing.
"""

from __future__ import annotations

import re
from functools import lru_cache

from chatbot.kinds import told, wanted
from chatbot.members import asked_for, named
from chatbot.places import elsewhere
from chatbot.retrieval.concepts import PROPERTIES, concepts
from chatbot.retrieval.words import words

_OWNED = frozenset({"money", "weight", "temperature", "colour"})  # kinds of fact that a thing has of its own
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_KEPT = 20_000


def gives(asked: str, leaning: str, language: str, past: str, answer: str) -> bool:
    """Whether the answer, given to the past question, holds each fact that is asked for by name; true where none is.

    asked: the customer's last words; leaning: with what they lean on. A language without patterns asks for nothing by name.
    """
    kinds, members = wanted(asked, language), asked_for(asked, language)
    if (
        elsewhere(asked, past, answer, language)
        or not kinds <= told(answer)
        or (members and not _tells_of(members, past, answer))
    ):
        return False
    owned, question = kinds & _OWNED, leaning or asked
    if not owned or not concepts(question, language) <= PROPERTIES:
        return True
    return _of_the_thing(answer, owned, frozenset(words(question, language)), language)


def _tells_of(members: frozenset[str], past: str, answer: str) -> bool:
    """Whether question or answer name the members; who asked about others of their kind was told of those ("Can I pay by bank
    transfer?" - "Yes. PayPal is faster.")."""
    before = named(past)
    kinds = {one.partition(":")[0] for one in members}
    others = {one for one in before if one.partition(":")[0] in kinds}
    return members <= named(answer) | before and (not others or bool(members & others))


@lru_cache(maxsize=_KEPT)
def _of_the_thing(answer: str, kinds: frozenset[str], thing: frozenset[str], language: str) -> bool:
    """Whether a sentence that gives these kinds of fact speaks of nothing else that customers ask about; one that does not
    name the thing itself ("it costs ...") goes on about what was spoken of before it."""
    subject: frozenset[str] = frozenset()
    for sentence in _SENTENCE.split(answer):
        spoken = concepts(sentence, language)
        subject = spoken if spoken - PROPERTIES or thing & set(words(sentence, language)) else subject | spoken
        if told(sentence) & kinds and subject <= PROPERTIES:
            return True
    return False
