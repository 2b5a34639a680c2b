"""Which live conversations one of the team may see, as a condition of the query itself. Must not know routes."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, true

from chatbot.errors import NotFound
from storage.people import User
from storage.tables import ConversationRow


def seen_by(user: User) -> ColumnElement[bool]:
    """For the WHERE of every query that a user's request leads to, joined with `conversations`.

    An admin sees all; an agent what belongs to no team, to the own team, or is in the own hands.
    """
    if user.is_admin:
        return true()
    own = or_(ConversationRow.team_id.is_(None), ConversationRow.user_id == user.id)
    return own if user.team_id is None else or_(own, ConversationRow.team_id == user.team_id)


def out_of_sight() -> NotFound:
    """For a conversation that is not there or not the user's to see; the two look the same."""
    return NotFound("There is no such conversation here; it may have been erased, or belong to another team.")
