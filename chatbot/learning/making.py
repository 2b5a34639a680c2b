"""From replies and what was found for them to examples: the product's own prompt, the target, the hand-overs beside them. Must
not know search, stores or files.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from chatbot.learning.examples import Example, Kind
from chatbot.learning.grading import Graded, Key, key_of
from chatbot.learning.supporting import Candidate, Evidence, supported, taught, wanted, without_answer
from chatbot.privacy import Masker
from chatbot.prompts import BYTES_PER_TOKEN, NO_ANSWER, generate_prompt, how_many_fit
from chatbot.types import ChatMessage, Passage, Role, Turn

TOO_LONG, CUT = "too_long", "cut_by_the_budget"
_MASKED = 50_000


@dataclass(frozen=True, slots=True)
class Writing:
    """What prompts and targets depend on beside the texts. budget_tokens: of a prompt; most_tokens: of a target. trusted: languages
    that the encoder knows."""

    company: str
    passages: int = 3
    budget_tokens: int = 1500
    most_tokens: int = 256
    trusted: frozenset[str] = frozenset({"en"})


@dataclass(slots=True)
class Made:
    """Examples with a right passage, the possible hand-overs by the id of the same turn's answer, and what fell out on the way."""

    answers: list[Example] = field(default_factory=list)
    hand_overs: dict[str, Example] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    promoted: int = 0


class Maker:
    """Writes examples. Lives for one build."""

    def __init__(self, writing: Writing, masker: Masker) -> None:
        self.writing = writing
        self._mask = lru_cache(maxsize=_MASKED)(masker.mask)
        self._shown: dict[str, list[Passage]] = {}

    def make(self, found: Iterable[tuple[Graded, Sequence[Candidate]]]) -> Made:
        """One answer for each reply that a passage of its moment supports."""
        made = Made()
        for graded, candidates in found:
            want = wanted(graded, graded.language in self.writing.trusted, self.writing.company)
            evidence = supported(candidates, self.writing.passages, want)
            if isinstance(evidence, str) and graded.origin == "correction":
                evidence = taught(graded, candidates, self.writing.passages)
            if not isinstance(evidence, Evidence):
                made.dropped[evidence] += 1
                continue
            example = self.example(graded, evidence.passages, "answer")
            if isinstance(example, str):
                made.dropped[example] += 1
                continue
            made.answers.append(example)
            made.promoted += evidence.promoted
            wrong = without_answer(candidates, self.writing.passages, want)
            other = self.example(graded, wrong.passages, "hand_over") if wrong else None
            if isinstance(other, Example):
                made.hand_overs[example.id] = other
        return made

    def example(self, graded: Graded, passages: Sequence[Passage], kind: Kind) -> Example | str:
        """Everything in it masked once more: rules may have been added since the import. A word for why where it cannot be."""
        mask, writing = self._mask, self.writing
        target = NO_ANSWER if kind == "hand_over" else mask(graded.target).strip()
        if len(target.encode()) > writing.most_tokens * BYTES_PER_TOKEN:
            return TOO_LONG
        shown = [replace(one, question=mask(one.question), answer=mask(one.answer)) for one in passages]
        window, question = mask(graded.passage.window), mask(graded.passage.question)
        turns = turns_of(window)
        if how_many_fit(turns, shown, writing.company, graded.language, writing.budget_tokens) < len(shown):
            return CUT
        prompt = generate_prompt(turns, shown, writing.company, graded.language, writing.budget_tokens)
        places = list(dict.fromkeys([graded.conversation, *graded.others, *map(key_of, shown)]))
        said = (*prompt, ChatMessage("assistant", target))
        made = Example(
            id=_identity(graded, said),
            conversation_id=graded.conversation[1],
            source=graded.conversation[0],
            conversation_ids=tuple(id for _, id in places),
            conversation_sources=tuple(source for source, _ in places),
            language=graded.language,
            topic=mask(graded.passage.topic) if graded.passage.topic else None,
            at=graded.at,
            kind=kind,
            messages=said,
            question=question,
            window=window,
            evidence=tuple(f"{one.question}\n{one.answer}" for one in shown),
            origin=graded.origin,
            weight=graded.weight,
            rejected=mask(graded.rejected) if graded.rejected else None,
        )
        self._shown[made.id] = shown
        return made

    def rebuild(self, example: Example, window: str, order: Sequence[int]) -> tuple[ChatMessage, ...]:
        """The messages of an example of this build with another window, and its passages, by number, in another order."""
        shown = [self._shown[example.id][at] for at in order]
        prompt = generate_prompt(
            turns_of(window), shown, self.writing.company, example.language, self.writing.budget_tokens
        )
        return (*prompt, example.messages[-1])


def turns_of(window: str) -> list[Turn]:
    """The turns of a rendered window; what agents said is the bot's, as in a chat of the product."""
    turns = []
    for line in window.split("\n"):
        role, _, text = line.partition(": ")
        turns.append(Turn(Role.CUSTOMER if role == Role.CUSTOMER.value else Role.BOT, text))
    return turns


def with_hand_overs(made: Made, splits: Mapping[Key, str], without: float, seed: int) -> dict[str, list[Example]]:
    """The examples of each split: all answers, and as many hand-overs as make up the share `without` of it.

    The turns are drawn by a hash of the seed, the same in every run. A hand-over stands directly behind the answer to the same
    turn, so that nothing but the passages tells the two apart.
    """
    parts: dict[str, list[Example]] = {}
    for split in ("train", "validation", "test"):
        answers = [one for one in made.answers if splits[one.source, one.conversation_id] == split]
        wanted_many = round(len(answers) * without / (1 - without))
        possible = sorted((one.id for one in answers if one.id in made.hand_overs), key=lambda id: _draw(seed, id))
        drawn = set(possible[:wanted_many])
        parts[split] = [
            example for one in answers for example in ((one, made.hand_overs[one.id]) if one.id in drawn else (one,))
        ]
    return parts


def _draw(seed: int, id: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{id}".encode()).digest()


def _identity(graded: Graded, messages: Sequence[ChatMessage]) -> str:
    parts = [*graded.conversation, str(graded.passage.turn_id), *(message.content for message in messages)]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
