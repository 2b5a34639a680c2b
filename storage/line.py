"""A customer's place in the line for a person, and how long that took lately. Must not know the team's pages."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, literal, or_, select, true, tuple_

from chatbot.types import Place, Status
from storage.checks import no_conversation
from storage.columns import Instant
from storage.desk_tables import HandoverRow
from storage.tables import ConversationRow

LATELY = timedelta(days=7)
LAST, FEWEST = 20, 5  # waits that are looked at, and of how many a median means something


def place_in_line(connection: Connection, conversation_id: str, owner: str) -> Place | None:
    """None where it does not wait. Those of other teams are not in its line. Raises NotFound for another owner's."""
    query = select(ConversationRow.waiting_since, ConversationRow.status, ConversationRow.team_id).where(
        ConversationRow.id == conversation_id, ConversationRow.owner == owner
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise no_conversation()
    if row.status != Status.WAITING.value:
        return None
    place = tuple_(literal(row.waiting_since, Instant()), literal(conversation_id))
    before = tuple_(ConversationRow.waiting_since, ConversationRow.id) < place
    waiting = ConversationRow.status == Status.WAITING.value
    count = connection.execute(select(func.count()).where(waiting, before, _same_line(row.team_id))).scalar_one()
    return Place(int(count), _usual_wait(connection, row.team_id))


def _same_line(team_id: int | None) -> ColumnElement[bool]:
    """Everybody works off what belongs to no team, so who belongs to none may come behind anybody."""
    if team_id is None:
        return true()
    return or_(ConversationRow.team_id == team_id, ConversationRow.team_id.is_(None))


def _usual_wait(connection: Connection, team_id: int | None) -> float | None:
    """Median of the last waits that somebody ended by taking over, seconds; not of those where an agent came unasked."""
    query = (
        select(HandoverRow.asked_at, HandoverRow.taken_at)
        .join(ConversationRow, ConversationRow.id == HandoverRow.conversation_id)
        .where(
            HandoverRow.asked_at >= datetime.now(UTC) - LATELY,
            HandoverRow.taken_at > HandoverRow.asked_at,
            _same_line(team_id),
        )
        .order_by(HandoverRow.taken_at.desc())
        .limit(LAST)
    )
    waits = [(stay.taken_at - stay.asked_at).total_seconds() for stay in connection.execute(query)]
    return statistics.median(waits) if len(waits) >= FEWEST else None
