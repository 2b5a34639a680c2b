"""What corrections leave for testing and tuning: cases, edit pairs, confidence labels. Reads only; must not know who asks.

A case and a pair hold while their answer is in use: once a person has retired it or put another in its place, nobody wants it
back, and they rest until it is given back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from storage.databases import Database
from storage.desk_tables import ConfidenceLabelRow, CorrectionRow, EditPairRow, RegressionCaseRow
from storage.staging import in_use
from storage.tables import PassageRow

_Z = 1.959964  # two-sided 95 %
BINS = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A question that must be answered as corrected. turns: as `chatbot ask --file` reads them; the last is the customer's."""

    correction_id: int
    passage_id: str
    turns: tuple[Mapping[str, str], ...]
    expected: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Pair:
    """What the bot said and what it should have said, after the same turns. Masked."""

    correction_id: int
    language: str
    window: str
    rejected: str
    chosen: str


@dataclass(frozen=True, slots=True)
class Bin:
    """Replies whose confidence lay in [low, high), and how many of them people found right. low, high: 95 % interval of the
    share (Wilson 1927)."""

    start: float
    end: float
    judged: int
    right: int
    mean_confidence: float

    @property
    def share(self) -> float | None:
        return self.right / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """(0, 1) where nothing was judged: nothing is known."""
        return wilson(self.right, self.judged)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How confidence and people's verdicts go together. uniform: from the sample: replies drawn by chance, and those that the
    draw passed over because they had been judged; all: from every verdict, which were looked for where mistakes are likely."""

    uniform: tuple[Bin, ...]
    all: tuple[Bin, ...]

    def error(self, bins: Sequence[Bin]) -> float | None:
        """Expected calibration error: mean distance between confidence and share, weighted by judged replies (Naeini 2015)."""
        total = sum(one.judged for one in bins)
        if not total:
            return None
        return sum(abs(one.mean_confidence - one.right / one.judged) * one.judged for one in bins if one.judged) / total


@dataclass(frozen=True, slots=True)
class Cases:
    """Lives as long as the store. Blocking calls, for scripts and threads."""

    database: Database

    def all(self) -> list[Case]:
        """Every case that holds, oldest first."""
        return self.database.read(_cases).result()

    def pairs(self) -> list[Pair]:
        """Every edit pair that holds, oldest first."""
        return self.database.read(_pairs).result()

    def resting(self) -> int:
        """How many cases rest."""
        return self.database.read(lambda c: len(list(c.execute(_held(RegressionCaseRow, ~_answer_in_use()))))).result()

    def calibration(self) -> Calibration:
        """By ten bins of confidence."""
        return self.database.read(_calibration).result()


def wilson(right: int, judged: int) -> tuple[float, float]:
    """The 95 % score interval of a share (E. B. Wilson, 1927); (0, 1) for none."""
    if not judged:
        return 0.0, 1.0
    share, z = right / judged, _Z
    middle = share + z * z / (2 * judged)
    spread = z * math.sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))
    whole = 1 + z * z / judged
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def _held(table: Any, which: ColumnElement[bool]) -> Any:
    return (
        select(table.__table__, CorrectionRow.passage_id, CorrectionRow.language)
        .join(CorrectionRow, CorrectionRow.id == table.correction_id)
        .where(CorrectionRow.undone_at.is_(None), which)
        .order_by(CorrectionRow.id)
    )


def _answer_in_use() -> ColumnElement[bool]:
    return CorrectionRow.passage_id.in_(select(PassageRow.passage_id).where(in_use()))


def _cases(connection: Connection) -> list[Case]:
    rows = connection.execute(_held(RegressionCaseRow, _answer_in_use()))
    return [Case(row.correction_id, row.passage_id, tuple(row.turns), row.expected, row.wrong) for row in rows]


def _pairs(connection: Connection) -> list[Pair]:
    rows = connection.execute(_held(EditPairRow, _answer_in_use()))
    return [Pair(row.correction_id, row.language, row.window, row.rejected, row.chosen) for row in rows]


def _calibration(connection: Connection) -> Calibration:
    rows = connection.execute(
        select(ConfidenceLabelRow.confidence, ConfidenceLabelRow.right, ConfidenceLabelRow.uniform)
    ).all()
    labels = [(float(row.confidence), bool(row.right), bool(row.uniform)) for row in rows]
    return Calibration(
        _bins([(confidence, right) for confidence, right, uniform in labels if uniform]),
        _bins([(confidence, right) for confidence, right, _ in labels]),
    )


def _bins(labels: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    found = []
    for number in range(BINS):
        inside = [label for label in labels if min(BINS - 1, int(label[0] * BINS)) == number]
        mean = sum(confidence for confidence, _ in inside) / len(inside) if inside else 0.0
        found.append(Bin(number / BINS, (number + 1) / BINS, len(inside), sum(right for _, right in inside), mean))
    return tuple(found)
