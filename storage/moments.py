"""From which id on messages were written at a moment or later; must not know who asks."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from storage.tables import MessageRow

CLOCK_SLACK = timedelta(hours=1)  # clocks are set back; ids are not


def first_id(connection: Connection, moment: datetime) -> int:
    """About the id of the first message written at `moment` or later: ids and times grow together, so halving finds it."""
    at = select(MessageRow.id, MessageRow.created_at).order_by(MessageRow.id).limit(1)
    low, high = 1, int(connection.execute(select(func.max(MessageRow.id))).scalar() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(at.where(MessageRow.id >= middle)).first()
        if row is not None and row.created_at < moment:
            low = row.id + 1
        else:
            high = middle
    return low
