"""What a person's answer teaches: the texts that are kept, without customers' data. Pure; must not know the store or the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatbot import smalltalk
from chatbot.errors import BadInput, PersonalData
from chatbot.privacy import Masker
from chatbot.transcripts.window import render_window
from chatbot.types import Message, Role, Turn
from chatbot.understanding import Detect, understand

_SPOKEN = (Role.CUSTOMER, Role.AGENT, Role.BOT)


@dataclass(frozen=True, slots=True)
class Taught:
    """Masked texts. question: as it stands alone. window: the last turns up to it, in a passage's format. turns: (role, text) up
    to the question, as `chatbot ask --file` reads them. wrong: what the bot said."""

    question: str
    window: str
    turns: tuple[tuple[str, str], ...]
    wrong: str
    answer: str = ""


def asked(messages: Sequence[Message], reply: Message, detect: Detect, masker: Masker) -> Taught:
    """What was asked and wrongly answered.

    messages: those before the reply, oldest first. The question is what was searched for, so that it is found again, but in the
    customer's spelling: a word that no answer had may have been taken for a slip of another, and as part of a question it is
    known from then on. Where nothing was searched for, it is the last one before "a person, please" and the like.
    """
    made = reply.reply
    searched = made.provenance.asked or made.provenance.query if made else None
    turns = [Turn(message.role, message.text) for message in messages if message.role in _SPOKEN]
    while turns and (turns[-1].role is not Role.CUSTOMER or not (searched or _asks(turns[-1]))):
        turns.pop()
    wrong = masker.mask(reply.text, _names(messages))
    if not turns:
        return Taught("", "", (), wrong)
    query = understand(turns, made.language if made else None, detect, masker).query
    said = tuple((turn.role.value, masker.mask(turn.text)) for turn in turns)
    return Taught(searched or query.text, query.window, said, wrong)


def _asks(turn: Turn) -> bool:
    return smalltalk.recognise(turn.text) in (None, smalltalk.Intent.UNCLEAR)


def answered(before: Taught, question: str | None, answer: str, masker: Masker) -> Taught:
    """The same with a person's answer, as it is (see `check_for_all`), and, if given, the question in that person's words."""
    worded = masker.mask(question.strip()) if question and question.strip() else before.question
    same = worded == before.question
    window = before.window if same and before.window else window_of(worded)
    turns = before.turns if same else ((Role.CUSTOMER.value, worded),)
    return Taught(worded, window, turns, before.wrong, answer.strip())


def check_for_all(answer: str, masker: Masker, told: Sequence[str] = (), *, ours: bool = False) -> None:
    """Raises for what looks like personal data in an answer that everybody is to get: masked, it would be a sentence with holes.

    told: what the customer wrote; data from there is refused in any case (BadInput). Of the rest (PersonalData) the author may
    say that it is the company's own (`ours`).
    """
    found = list(dict.fromkeys(span.value for span in masker.find(answer)))
    theirs = [value for value in found if any(value.casefold() in text.casefold() for text in told)]
    if theirs:
        raise BadInput(
            f"{_quoted(theirs)}: the customer has told us this; write the answer without it, for everybody gets it."
        )
    if found and not ours:
        raise PersonalData(
            f"{_quoted(found)}: this looks like personal data, and everybody gets this answer. Write it without, or confirm that "
            "it is the company's own."
        )


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f"\u201c{value}\u201d" for value in values)


def window_of(question: str) -> str:
    """The window of a question that opens a conversation."""
    return render_window([Turn(Role.CUSTOMER, question)])


def _names(messages: Sequence[Message]) -> list[str]:
    return sorted({message.author for message in messages if message.author})
