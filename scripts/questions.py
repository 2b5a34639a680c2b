"""Questions for `ask` and `search`: from the command line or a JSONL file, checked as a whole before any work starts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.errors import BadInput, TooLarge, UsageError
from chatbot.types import Role, Turn

_ROLES = {role.value: role for role in Role} | {"user": Role.CUSTOMER, "assistant": Role.BOT}


@dataclass(frozen=True, slots=True)
class Question:
    """One question: the turns up to and including the customer's last one. `where` it stands, for what is said about it."""

    id: str
    turns: tuple[Turn, ...]
    where: str


def one_question(text: str | None) -> Question:
    """The question on the command line. Raises UsageError when there is none."""
    if text is None:
        raise UsageError("Nothing was asked: give a text, or --file with one question a line.")
    return Question("1", (Turn(Role.CUSTOMER, _text(text, "The text")),), "The text")


def check_lengths(questions: Iterable[Question], most: int) -> None:
    """Raises TooLarge for the first question longer than a customer's message may be, `most` characters."""
    for question in questions:
        if (length := len(question.turns[-1].text.strip())) > most:
            raise TooLarge(f"{question.where} has {length} characters; please keep it to {most}.")


def read_questions(path: Path) -> list[Question]:
    """All questions of a JSONL file, `{"id","text"}` or `{"id","turns":[{"role","text"}]}` a line.

    Raises UsageError naming file and line for the first one that is not of that shape.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"The questions in {path} cannot be read: {exc}.") from exc
    questions = [_read(line, f"{path} line {number}", number) for number, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise UsageError(f"There is no question in {path}.")
    return questions


def _read(line: str, where: str, number: int) -> Question:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as exc:
        raise UsageError(f"{where} is not JSON: {exc}.") from exc
    if not isinstance(row, dict):
        raise UsageError(f'{where} is not an object; it should look like {{"id": "1", "text": "..."}}.')
    name = str(row.get("id", number))
    if isinstance(row.get("text"), str):
        return Question(name, (Turn(Role.CUSTOMER, _text(row["text"], where)),), where)
    turns = row.get("turns")
    if not isinstance(turns, list) or not turns:
        raise UsageError(f'{where} has neither "text" nor "turns".')
    read = tuple(_turn(turn, where) for turn in turns)
    if read[-1].role is not Role.CUSTOMER:
        raise UsageError(f"{where}: the last turn is by {read[-1].role.value!r}; it must be the customer's.")
    return Question(name, read, where)


def _turn(raw: Any, where: str) -> Turn:
    role = raw.get("role") if isinstance(raw, dict) else None
    if not isinstance(role, str) or role not in _ROLES or not isinstance(raw.get("text"), str):
        raise UsageError(f'{where}: a turn needs "role" (one of {", ".join(sorted(_ROLES))}) and "text".')
    return Turn(_ROLES[role], _text(raw["text"], where))


def _text(text: str, where: str) -> str:
    if not text.strip():
        raise BadInput(f"{where} is empty; please write something.")
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise BadInput(f"{where} contains a character that is no text (NUL or half a surrogate pair).")
    return text
