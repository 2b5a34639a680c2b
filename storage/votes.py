"""Votes between two models' answers, and where each pair stands. Must not know models or how answers are made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, select

from chatbot.errors import BadInput, NotFound
from storage.audit import Actor, record
from storage.cases import wilson
from storage.checks import check_text
from storage.databases import Database
from storage.learning_tables import VoteRow
from storage.people import User

BOTH, NEITHER = "both", "neither"


@dataclass(frozen=True, slots=True)
class Vote:
    """contenders: names of the two; winner: one of them, BOTH or NEITHER. question: masked, or `example:<id>` for a customer's,
    whose words stand in the data set alone."""

    question: str
    language: str
    contenders: tuple[str, str]
    winner: str
    blind: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """One pair's votes. interval: 95 % of the share of votes for `first` among those for either (Wilson 1927)."""

    first: str
    second: str
    for_first: int
    for_second: int
    both: int
    neither: int
    blind: int

    @property
    def votes(self) -> int:
        return self.for_first + self.for_second + self.both + self.neither

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.for_first, self.for_first + self.for_second)


@dataclass(frozen=True, slots=True)
class Votes:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def cast(self, user: User, actor: Actor, vote: Vote) -> int:
        """The vote's id. Raises BadInput for a winner that did not contend or a contender against itself."""
        first, second = sorted(vote.contenders)
        if first == second or vote.winner not in (first, second, BOTH, NEITHER):
            raise BadInput("A vote names two different contenders, and one of them, both or neither as the better.")
        check_text(vote.question, "question")
        return await asyncio.wrap_future(self.database.write(lambda c: _cast(c, user, actor, vote)))

    async def take_back(self, user: User, actor: Actor, vote_id: int) -> None:
        """Raises NotFound unless the vote is the user's own."""
        await asyncio.wrap_future(self.database.write(lambda c: _take_back(c, user, actor, vote_id)))

    async def standings(self) -> Sequence[Standing]:
        """Of every pair that was voted on, most votes first."""
        return await asyncio.wrap_future(self.database.read(_standings))


def _cast(connection: Connection, user: User, actor: Actor, vote: Vote) -> int:
    first, second = sorted(vote.contenders)
    row = {"first": first, "second": second, "winner": vote.winner, "blind": vote.blind}
    row |= {"question": vote.question, "language": vote.language, "user_id": user.id, "at": datetime.now(UTC)}
    number = int(connection.execute(insert(VoteRow).values(row).returning(VoteRow.id)).scalar_one())
    record(connection, actor, "models.vote", f"vote:{number}", {"contenders": [first, second], "blind": vote.blind})
    return number


def _take_back(connection: Connection, user: User, actor: Actor, vote_id: int) -> None:
    mine = delete(VoteRow).where(VoteRow.id == vote_id, VoteRow.user_id == user.id)
    if not connection.execute(mine).rowcount:
        raise NotFound("There is no such vote of yours.")
    record(connection, actor, "models.vote_taken_back", f"vote:{vote_id}")


def _standings(connection: Connection) -> list[Standing]:
    def count(winner: ColumnElement[str] | str) -> ColumnElement[int]:
        return func.sum(case((VoteRow.winner == winner, 1), else_=0))

    rows = connection.execute(
        select(
            VoteRow.first,
            VoteRow.second,
            count(VoteRow.__table__.c.first),
            count(VoteRow.__table__.c.second),
            count(BOTH),
            count(NEITHER),
            func.sum(case((VoteRow.blind, 1), else_=0)),
        )
        .group_by(VoteRow.first, VoteRow.second)
        .order_by(func.count().desc(), VoteRow.first, VoteRow.second)
    )
    return [Standing(first, second, *(int(number) for number in counts)) for first, second, *counts in rows]
