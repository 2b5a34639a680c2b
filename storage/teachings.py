"""What people taught by judging, correcting and editing, and where, for learning. Reads only; must not know who asks."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from storage.databases import Database
from storage.desk_tables import CopilotUseRow, CorrectionRow, EditPairRow, VerdictRow
from storage.tables import FeedbackRow, MessageRow, ReplyRow

Place = tuple[str, int]  # a live conversation's id and a message's seq


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one reply of the assistant. verdict: an agent's, None without one; thumb: the customer's +1 or -1; action: what it was."""

    verdict: str | None
    thumb: int | None
    action: str


@dataclass(frozen=True, slots=True)
class Edit:
    """What an agent inserted from the copilot and what she sent; masked."""

    inserted: str
    sent: str


@dataclass(frozen=True, slots=True)
class Taught:
    """Where an answer that the team wrote comes from. conversation_id: the live one that was corrected, None for none or an erased
    one. rejected: what the assistant had said there."""

    conversation_id: str | None
    rejected: str | None


@dataclass(frozen=True, slots=True)
class Teachings:
    """Lives as long as the store. Blocking calls, for scripts and threads."""

    database: Database

    def judged(self) -> dict[Place, Judgement]:
        """Every reply with a verdict or a thumb."""
        return self.database.read(_judged).result()

    def edits(self) -> dict[Place, Edit]:
        """Every message that an agent made from the copilot's offers."""
        return self.database.read(_edits).result()

    def written(self) -> dict[str, Taught]:
        """Every answer of the team's own that stands, by its passage."""
        return self.database.read(_written).result()


def _judged(connection: Connection) -> dict[Place, Judgement]:
    rows = connection.execute(
        select(MessageRow.conversation_id, MessageRow.seq, ReplyRow.action, VerdictRow.verdict, FeedbackRow.thumb)
        .join(ReplyRow, ReplyRow.message_id == MessageRow.id)
        .outerjoin(VerdictRow, VerdictRow.message_id == MessageRow.id)
        .outerjoin(FeedbackRow, FeedbackRow.message_id == MessageRow.id)
        .where(or_(VerdictRow.verdict.is_not(None), FeedbackRow.thumb.is_not(None)))
    )
    return {(row.conversation_id, row.seq): Judgement(row.verdict, row.thumb, row.action) for row in rows}


def _edits(connection: Connection) -> dict[Place, Edit]:
    rows = connection.execute(
        select(MessageRow.conversation_id, MessageRow.seq, CopilotUseRow.inserted, CopilotUseRow.sent).join(
            MessageRow, MessageRow.id == CopilotUseRow.message_id
        )
    )
    return {(row.conversation_id, row.seq): Edit(row.inserted, row.sent) for row in rows}


def _written(connection: Connection) -> dict[str, Taught]:
    rows = connection.execute(
        select(CorrectionRow.passage_id, CorrectionRow.conversation_id, EditPairRow.rejected)
        .outerjoin(EditPairRow, EditPairRow.correction_id == CorrectionRow.id)
        .where(CorrectionRow.undone_at.is_(None))
    )
    return {row.passage_id: Taught(row.conversation_id, row.rejected) for row in rows}
