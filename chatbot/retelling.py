"""Whether a draft tells what its past answer told. Pure; must not know who wrote the draft or who reads it.

A small model's draft may hold no figure or name that stands nowhere, and still be wrong: it says next to nothing, it gives advice
of its own ("a natural remedy is lemon juice"), it says the question again, it takes the figure of one case for all ("2 years",
where tents have 5), or it lists one thing twice.
"""

from __future__ import annotations

from collections import Counter

from chatbot.choosing import Choice
from chatbot.evidence import in_digits, names, quantities
from chatbot.giving import gives
from chatbot.retrieval.words import words
from chatbot.reuse import sentences
from chatbot.understanding import Understanding

_TOLD = 0.4  # share of the words of a past answer, or of a sentence of it, that a draft must tell again
_FROM_THERE = 0.5  # share of a draft's words that must stand in the past answer or in the question
_OF_A_SENTENCE = 0.5  # share of the words of each of its sentences that must stand in the past answer
_ENOUGH_WORDS = 3  # of a sentence, for a share of them to tell anything


def lacking(text: str, turn: Understanding, choice: Choice) -> str | None:
    """What is wrong with a draft that passed the evidence check, in words that follow "its draft"; None when nothing is."""
    if not _tells(text, turn, choice):
        return "says less than the past answer"
    if _asks(text) and not _asks(choice.text):
        return "asks where the past answer tells"
    if _strays(text, choice.text, turn.language):
        return "says something else than the past answer"
    if _takes_one_for_all(text, choice.text):
        return "gives one figure where the past answer has one for each case"
    if _repeats(text, choice.text):
        return "says one thing twice"
    return None


def _tells(text: str, turn: Understanding, choice: Choice) -> bool:
    question, said = set(words(turn.query.text, turn.language)), set(words(text, turn.language))
    past = set(words(choice.text, turn.language))
    parts = [set(words(part, turn.language)) - question for part in sentences(choice.text)]
    told = max((_share(part, said) for part in (past - question, *parts) if len(part) >= _ENOUGH_WORDS), default=1.0)
    asked = turn.alone.text, turn.query.text, turn.language, choice.hits[0].passage.question
    lost = gives(*asked, choice.text) and not gives(*asked, text)
    return told >= _TOLD and _share(said, past | question) >= _FROM_THERE and not lost


def _asks(text: str) -> bool:
    return "?" in text or "？" in text


def _strays(text: str, past: str, language: str) -> bool:
    """Whether a sentence is mostly the model's own, or mostly the question's: neither answers from the past."""
    there = set(words(past, language))
    told = (set(words(sentence, language)) for sentence in sentences(text))
    return any(_share(one, there) < _OF_A_SENTENCE for one in told if one)


def _takes_one_for_all(text: str, past: str) -> bool:
    """Where a past answer gives several figures of one unit, each is for a case of its own: a draft gives all of them or none,
    sentence by sentence in their order."""
    told, there = _figures(text), _figures(past)
    return any(told[unit] != there.get(unit, told[unit]) for unit in told)


def _figures(text: str) -> dict[str, list[tuple[str, ...]]]:
    """Each unit's figures in the order in which the sentences first give them; those of one sentence together, sorted."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for sentence in sentences(text):
        for unit, values in quantities(in_digits(sentence)).items():
            given = tuple(sorted(values))
            if given not in found.setdefault(unit, []):
                found[unit].append(given)
    return found


def _repeats(text: str, past: str) -> bool:
    """Whether a sentence names a thing more often than the past answer does in any of its own."""
    most = Counter[str]()
    for sentence in sentences(past):
        most |= _named(sentence)
    return any(count > max(1, most[name]) for sentence in sentences(text) for name, count in _named(sentence).items())


def _named(sentence: str) -> Counter[str]:
    known = names(sentence)
    return Counter(
        word for word in (part.strip(".,;:!?()\"'").casefold() for part in sentence.split()) if word in known
    )


def _share(some: set[str], others: set[str]) -> float:
    return len(some & others) / len(some) if some else 0.0
