"""One row for each stay of a conversation with people, written in the commit that begins or ends it. Must not know rights."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, Connection, insert, select, update

from storage.desk_tables import HandoverRow
from storage.people_tables import TeamRow
from storage.tables import ConversationRow

Ended = Literal["bot", "closed", "customer", "transferred"]
TRANSFERRED: Final = "transferred"
"""How a stay ended that went on elsewhere, and the reason of the stay that goes on from it."""


def asked(connection: Connection, conversation_id: str, reason: str | None, now: datetime) -> None:
    """The conversation begins to wait. One that waits already keeps its row. Without a team it gets the one whose
    languages name its own."""
    if connection.execute(select(HandoverRow.id).where(_open(conversation_id))).first() is None:
        row = {"conversation_id": conversation_id, "asked_at": now, "reason": reason, "contact": False}
        connection.execute(insert(HandoverRow).values(row))
    _route(connection, conversation_id)


def taken(connection: Connection, conversation_id: str, user_id: int, now: datetime, reason: str | None = None) -> None:
    """A person has it from now on. Where no stay is open nobody was asked, so the new one's two moments are the same; `reason`
    is that of such a new one."""
    values = {"taken_at": now, "user_id": user_id}
    if connection.execute(update(HandoverRow).where(_open(conversation_id)).values(values)).rowcount == 0:
        row = {"conversation_id": conversation_id, "asked_at": now, "reason": reason, "contact": False}
        connection.execute(insert(HandoverRow).values(row | values))


def ended(connection: Connection, conversation_id: str, how: Ended, now: datetime) -> None:
    """Nothing happens where no stay is open."""
    connection.execute(update(HandoverRow).where(_open(conversation_id)).values(ended_at=now, ended=how))


def left_contact(connection: Connection, conversation_id: str) -> None:
    connection.execute(update(HandoverRow).where(_open(conversation_id)).values(contact=True))


def _open(conversation_id: str) -> ColumnElement[bool]:
    return (HandoverRow.conversation_id == conversation_id) & HandoverRow.ended_at.is_(None)


def _route(connection: Connection, conversation_id: str) -> None:
    row = connection.execute(
        select(ConversationRow.language, ConversationRow.team_id).where(ConversationRow.id == conversation_id)
    ).one()
    if row.team_id is not None or row.language is None:
        return
    teams = connection.execute(select(TeamRow.id, TeamRow.languages).order_by(TeamRow.id))
    fit = next((team.id for team in teams if row.language in (team.languages or ())), None)
    if fit is not None:
        connection.execute(update(ConversationRow).where(ConversationRow.id == conversation_id).values(team_id=fit))
