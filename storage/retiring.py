"""Taking passages out of the knowledge and giving them back, each in the caller's transaction. Must not know why or who asks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from chatbot.errors import BadInput
from storage.desk_tables import KnowledgeStateRow, RetirementRow
from storage.people import User
from storage.staging import in_use, is_live
from storage.tables import PassageRow, TranscriptRow

MANY = 500  # ids in one statement


@dataclass(frozen=True, slots=True)
class Writer:
    """Who answers for a change of the knowledge: the name stays when the user goes. `user_id` None is a command."""

    user_id: int | None
    name: str


def writer_of(user: User) -> Writer:
    """Raises BadInput for a user without a name or one that is disabled."""
    if not user.name.strip():
        raise BadInput(
            "An answer needs the name of the agent who stands for it; give yourself one on your account page."
        )
    if user.disabled:
        raise BadInput("A disabled user cannot change the knowledge.")
    return Writer(user.id, user.name.strip())


def count_change(connection: Connection) -> None:
    """Comes first in every change: it makes changes wait for each other, and running indexes look again."""
    connection.execute(update(KnowledgeStateRow).values(version=KnowledgeStateRow.version + 1))


def retire(
    connection: Connection, passages: Collection[str], by: Writer, at: datetime, correction_id: int | None = None
) -> None:
    """Takes the passages out from `at` on."""
    if not passages:
        return
    now = datetime.now(UTC)
    row = {"correction_id": correction_id, "at": at, "user_id": by.user_id, "agent": by.name, "created_at": now}
    connection.execute(insert(RetirementRow), [{"passage_id": each, **row} for each in dict.fromkeys(passages)])
    settle(connection, passages)


def lift(connection: Connection, which: ColumnElement[bool], by: Writer) -> list[str]:
    """Takes retirements back; returns the passages that they named."""
    lifted = connection.execute(
        update(RetirementRow)
        .where(which, RetirementRow.lifted_at.is_(None))
        .values(lifted_at=datetime.now(UTC), lifted_by=by.name)
        .returning(RetirementRow.passage_id)
    ).scalars()
    passages = list(dict.fromkeys(lifted))
    settle(connection, passages)
    return passages


def settle(connection: Connection, passages: Collection[str]) -> None:
    """Makes the passages' own date the earliest of the retirements that hold."""
    ids = list(passages)
    for start in range(0, len(ids), MANY):
        these = PassageRow.passage_id.in_(ids[start : start + MANY])
        connection.execute(update(PassageRow).where(these).values(retired_at=_earliest()))


def carry_over(connection: Connection, import_id: int) -> None:
    """What an import brings again stays retired: the very passage, and the same turn of the same conversation where its answer
    was merely reworded (a mask that finds more, say)."""
    standing = select(RetirementRow.passage_id).where(RetirementRow.lifted_at.is_(None))
    brought = PassageRow.transcript_id.in_(select(TranscriptRow.id).where(TranscriptRow.import_id == import_id))
    for old, new in _reworded(connection, import_id):
        copied = select(RetirementRow.__table__).where(
            RetirementRow.passage_id == old, RetirementRow.lifted_at.is_(None)
        )
        rows = [row._asdict() | {"passage_id": new} for row in connection.execute(copied)]
        for row in rows:
            del row["id"]
        connection.execute(insert(RetirementRow), rows)
    connection.execute(
        update(PassageRow).where(brought, PassageRow.passage_id.in_(standing)).values(retired_at=_earliest())
    )


def _reworded(connection: Connection, import_id: int) -> list[tuple[str, str]]:
    """(retired passage, its new wording) among the conversations that an import replaces."""
    before, after = PassageRow.__table__.alias("before"), PassageRow.__table__.alias("after")
    was, now = TranscriptRow.__table__.alias("was"), TranscriptRow.__table__.alias("now")
    rows = connection.execute(
        select(
            before.c.passage_id, before.c.answer, after.c.passage_id.label("new_id"), after.c.answer.label("reworded")
        )
        .join(was, was.c.id == before.c.transcript_id)
        .join(now, (now.c.source == was.c.source) & (now.c.external_id == was.c.external_id))
        .join(after, (after.c.transcript_id == now.c.id) & (after.c.turn_id == before.c.turn_id))
        .where(was.c.replaced_by == import_id, now.c.import_id == import_id, before.c.retired_at.is_not(None))
        .where(after.c.passage_id != before.c.passage_id)
    )
    return [(row.passage_id, row.new_id) for row in rows if _says_the_same(row.answer, row.reworded)]


def _says_the_same(one: str, other: str) -> bool:
    """Nine of ten words in common and every figure: another answer is news, and news must come in."""
    first, second = one.casefold().split(), other.casefold().split()
    figures = [[word for word in words if any(char.isdigit() for char in word)] for words in (first, second)]
    shared = len(set(first) & set(second))
    return figures[0] == figures[1] and shared >= 0.9 * max(len(set(first)), len(set(second)))


def _earliest() -> Any:
    return (
        select(func.min(RetirementRow.at))
        .where(RetirementRow.passage_id == PassageRow.passage_id, RetirementRow.lifted_at.is_(None))
        .correlate(PassageRow)
        .scalar_subquery()
    )


def current(connection: Connection, passages: Sequence[str]) -> list[Row[Any]]:
    """Those of the passages that are live and in use, as rows of `passages`."""
    return list(
        connection.execute(
            select(PassageRow.__table__)
            .join(TranscriptRow, TranscriptRow.id == PassageRow.transcript_id)
            .where(is_live(), in_use(), PassageRow.passage_id.in_(passages))
        )
    )
