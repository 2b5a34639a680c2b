"""Which human replies may be learnt, and which words of them: one conversation at a time. Pure; must not know stores or search.

A reply is all that people wrote between two turns of the customer. It is left out, each time for one counted reason, where the
conversation ended badly, where it says nothing, where the customer had to ask again, and where a person has taken it back; of
what is left only those sentences are learnt that may be said to somebody else (`chatbot.reuse`), and questions back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chatbot.learning.examples import Origin
from chatbot.matching import FAQ
from chatbot.retrieval.words import language_of, words
from chatbot.reuse import holds_for_others, sentences
from chatbot.transcripts.distil import is_trustworthy
from chatbot.transcripts.emptiness import is_empty
from chatbot.types import CORRECTION, Passage, Role, Transcript, Turn

Key = tuple[str, str]  # source and id of a conversation

LOW_RATED = "low_rated"
UNRESOLVED = "unresolved"
SAYS_NOTHING = "says_nothing"
NOTHING_ASKED = "nothing_asked"
ASKED_AGAIN = "asked_again"
RETIRED = "retired"
SINGLE_CASE = "single_case"

_BAD_CSAT = 2.0
_SAME_AGAIN, _FEWEST_WORDS = 0.6, 3
_SHORTEST, _SHORTEST_CHINESE = 25, 8
_SLOT = re.compile(r"\[(?:ORDER|CARD|IBAN)\]")
_COMPLAINS = re.compile(
    r"\bthat(?:'s| is| was)? ?n[o']t (?:what i (?:asked|meant)|my question|an answer)\b|"
    r"\b(?:doesn't|does not|didn't|did not) answer my question\b|"
    r"\bi (?:already|just) (?:told|said|asked) you\b|\byou (?:didn't|did not) (?:answer|read)\b|"
    r"\bstill (?:doesn't work|not working|the same problem)\b|\bthat didn't (?:work|help)\b|"
    r"\bdas (?:war nicht meine frage|beantwortet (?:meine|die) frage nicht|hilft (?:mir )?nicht)\b|"
    r"\bhabe ich (?:doch )?schon (?:gesagt|geschrieben)\b|"
    r"\beso no es lo que (?:pregunté|pedí)\b|\bno (?:responde|contesta) (?:a )?mi pregunta\b|\bsigue sin funcionar\b|"
    r"\bce n'est pas (?:ma question|ce que j'ai demandé)\b|\b(?:cela|ça) ne répond pas\b|\bje (?:vous )?l'ai déjà dit\b|"
    r"我问的不是|不是我问的|没有回答我|我已经说过|还是不行",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Graded:
    """A reply to learn from, masked. passage: what was asked and, as `answer`, the whole reply. target: what of it is learnt.

    conversation: where it was given; others: further conversations that its words are from. rejected: what was said in its place
    and should not have been.
    """

    passage: Passage
    target: str
    conversation: Key
    origin: Origin = "transcript"
    weight: float = 1.0
    others: tuple[Key, ...] = ()
    rejected: str | None = None

    @property
    def at(self) -> datetime | None:
        return self.passage.resolved_at

    @property
    def language(self) -> str:
        return language_of(self.passage.language)


def key_of(passage: Passage) -> Key:
    """The conversation that a passage is from."""
    return passage.source, passage.conversation_id


def grade(
    transcript: Transcript, known: Mapping[int, Passage], retired: frozenset[int] = frozenset()
) -> Iterator[Graded | str]:
    """For each reply of a person what is learnt from it, or why nothing is.

    known: the passages distilled from its turns, by position; retired: positions whose passage a person has taken back.
    """
    for run in _replies(transcript.turns):
        kept = [known[position] for position in run if position in known]
        if retired.intersection(run):
            yield RETIRED
        elif not kept:
            yield _why_not(transcript, run)
        elif _asked_again(transcript.turns, run, kept[0]):
            yield ASKED_AGAIN
        else:
            yield _graded(kept)


def _graded(run: Sequence[Passage]) -> Graded | str:
    first = run[0]
    parts = [part for passage in run if (part := said_again(passage))]
    if not parts:
        return SINGLE_CASE
    whole = first if len(run) == 1 else _joined(run)
    return Graded(whole, "\n".join(dict.fromkeys(parts)), key_of(first))


def _joined(run: Sequence[Passage]) -> Passage:
    return replace(run[0], answer="\n".join(passage.answer for passage in run))


def said_again(passage: Passage) -> str:
    """The sentences of a past answer that may be said to others: what holds for anybody and questions back, word for word; empty
    where too little is left. A FAQ's and the team's own answers hold as they are."""
    if passage.source in {FAQ, CORRECTION}:
        return passage.answer
    language = language_of(passage.language)
    parts = sentences(passage.answer)
    kept = [part for part in parts if _asks(part) or holds_for_others(part, language)]
    if kept and not _opens(kept[0], parts):
        kept = kept[1:]
    text = passage.answer if len(kept) == len(parts) else ("" if language == "zh" else " ").join(kept)
    shortest = _SHORTEST_CHINESE if language == "zh" else _SHORTEST
    return text if len(text) >= shortest or any(map(_asks, kept)) else ""


def _opens(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence can stand first: none that another one runs on into, cut at a line break or after "Dr."."""
    return sentence == parts[0] or not (sentence[0].islower() or sentence.startswith("[") or sentence[0] in ",;)")


def _asks(sentence: str) -> bool:
    return sentence.rstrip("\"')）”").endswith(("?", "？")) and not is_empty(sentence) and not _SLOT.search(sentence)


def _replies(turns: Sequence[Turn]) -> Iterator[list[int]]:
    """Positions of what people wrote, run by run: a customer's turn ends one."""
    run: list[int] = []
    for position, turn in enumerate(turns):
        if turn.role is Role.CUSTOMER and turn.text and run:
            yield run
            run = []
        elif turn.role is Role.AGENT and turn.text:
            run.append(position)
    if run:
        yield run


def _why_not(transcript: Transcript, run: Sequence[int]) -> str:
    if not is_trustworthy(transcript):
        return LOW_RATED if transcript.csat is not None and transcript.csat <= _BAD_CSAT else UNRESOLVED
    if not any(turn.role is Role.CUSTOMER and turn.text for turn in transcript.turns[: run[0]]):
        return NOTHING_ASKED
    return SAYS_NOTHING


def _asked_again(turns: Sequence[Turn], run: Sequence[int], passage: Passage) -> bool:
    """Whether the customer, having read the reply, says that it was none, or asks the same once more."""
    following: list[str] = []
    for turn in turns[run[-1] + 1 :]:
        if turn.role is Role.AGENT and turn.text and following:
            break
        if turn.role is Role.CUSTOMER and turn.text:
            following.append(turn.text)
    said = " ".join(following)
    if not said:
        return False
    if _COMPLAINS.search(said.replace("’", "'")):
        return True
    asked, now = (set(words(text, language_of(passage.language))) for text in (passage.question, said))
    shared = len(asked & now)
    return shared >= _FEWEST_WORDS and shared / len(asked | now) >= _SAME_AGAIN
