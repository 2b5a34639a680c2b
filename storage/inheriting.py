"""Where an answer of the team stands besides its own place: in that of every passage that it replaced. Must not know why.

Nothing is stored: a question goes with its passage, and comes back to it with the undo. What replaced a replacement takes its
place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, select

from chatbot.types import CORRECTION, Passage
from storage.desk_tables import RetirementRow
from storage.entries import live, passage_of
from storage.retiring import MANY
from storage.staging import in_use
from storage.tables import PassageRow

MOST = 50  # questions an answer takes over, the newest: a sentence said in a thousand chats needs no thousand of them


@dataclass(frozen=True, slots=True)
class Inherited:
    """passages: the team's answers in the places that they took over. past: ids of such passages that an
    index version may still hold and that stand no longer."""

    passages: tuple[Passage, ...] = ()
    past: frozenset[str] = frozenset()


def inherited(connection: Connection) -> Inherited:
    """Small, however much is known: what people have replaced."""
    replaced = _replaced(connection)
    heirs = {name: heir for name in replaced if (heir := _heir(name, replaced)) is not None}
    asked, standing = _passages(connection, heirs), _passages(connection, heirs.values(), in_use())
    taken: dict[str, list[Passage]] = defaultdict(list)
    for name, heir in heirs.items():
        if name in asked and heir in standing:
            taken[heir].append(asked[name])
    passages = [one for heir, questions in taken.items() for one in _under(standing[heir], questions)]
    ever = {_id(heir, name) for name in replaced for heir in _ever(name, replaced)}
    return Inherited(tuple(passages), frozenset(ever.difference(one.id for one in passages)))


Replacements = Mapping[str, list[tuple[str, bool]]]  # by passage, what replaced it, latest last, and whether that holds


def _replaced(connection: Connection) -> Replacements:
    found: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    rows = select(RetirementRow.passage_id, RetirementRow.correction_id, RetirementRow.lifted_at)
    for row in connection.execute(rows.where(RetirementRow.correction_id.is_not(None)).order_by(RetirementRow.id)):
        found[row.passage_id].append((f"{CORRECTION}-{row.correction_id}", row.lifted_at is None))
    return found


def _heir(name: str, replaced: Replacements) -> str | None:
    """What stands for a passage in the end; a replacement is younger than what it replaces, so this ends."""
    standing = [by for by, holds in replaced.get(name, []) if holds]
    return (_heir(standing[-1], replaced) or standing[-1]) if standing else None


def _ever(name: str, replaced: Replacements) -> set[str]:
    found = {by for by, _ in replaced.get(name, [])}
    return found.union(*(_ever(by, replaced) for by in found))


def _under(answer: Passage, asked: Iterable[Passage]) -> list[Passage]:
    """The answer in the place of each passage, the newest of them, no question twice."""
    questions = {_words(answer.question)}
    found: list[Passage] = []
    for one in sorted(asked, key=_age, reverse=True):
        if len(found) < MOST and one.language == answer.language and _words(one.question) not in questions:
            questions.add(_words(one.question))
            at = one.source, one.conversation_id
            place = replace(answer, id=_id(answer.id, one.id), question=one.question, window=one.window)
            found.append(replace(place, asked_in=at, found_by=one.answer))
    return found


def _id(answer: str, passage: str) -> str:
    return f"{answer}~{passage}"


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _age(passage: Passage) -> tuple[datetime, str]:
    return passage.resolved_at or datetime.min.replace(tzinfo=UTC), passage.id


def _passages(connection: Connection, names: Iterable[str], *which: ColumnElement[bool]) -> dict[str, Passage]:
    """Live passages by id."""
    ids, found = sorted(set(names)), dict[str, Passage]()
    for start in range(0, len(ids), MANY):
        these = live().where(PassageRow.passage_id.in_(ids[start : start + MANY]), *which)
        found |= {row.passage_id: passage_of(row) for row in connection.execute(these)}
    return found
