"""The verdict on a corrected reply and its confidence label, and what stood there before. Must not know passages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from chatbot.types import Action, Decision
from storage.desk_tables import ConfidenceLabelRow, VerdictRow
from storage.retiring import Writer

UNIFORM = "uniform"  # the part of the review queue that is drawn by chance


def judgement(connection: Connection, message_id: int) -> dict[str, Any]:
    """What was thought of a reply before it was corrected, to be put back by an undo."""
    verdict = connection.execute(select(VerdictRow.__table__).where(VerdictRow.message_id == message_id)).one_or_none()
    labels = connection.execute(_labels_of(message_id).order_by(ConfidenceLabelRow.id))
    return {
        "verdict": _plain(verdict) if verdict else None,
        "labels": [{name: value for name, value in _plain(label).items() if name != "id"} for label in labels],
    }


def judge(connection: Connection, row: Row[Any], by: Writer, decision: Decision) -> None:
    """One verdict a reply: wrong; and one label, where it was an answer: no confidence promised that a question back or a
    hand-over was right (as in `reviews`). Whether it was drawn by chance stays as it was.
    """
    before = row.before["verdict"] or {}
    drawn = before.get("why_shown") == UNIFORM or any(label["uniform"] for label in row.before["labels"])
    connection.execute(delete(VerdictRow).where(VerdictRow.message_id == row.message_id))
    connection.execute(delete(ConfidenceLabelRow).where(ConfidenceLabelRow.message_id == row.message_id))
    verdict = {"message_id": row.message_id, "verdict": "wrong", "why_shown": before.get("why_shown")}
    who = {"user_id": by.user_id, "agent": by.name, "created_at": row.created_at}
    connection.execute(insert(VerdictRow).values(verdict | who))
    if decision.action is Action.ANSWER:
        label = {"message_id": row.message_id, "correction_id": row.id, "confidence": decision.confidence}
        connection.execute(
            insert(ConfidenceLabelRow).values(label | {"right": False, "uniform": drawn, "created_at": row.created_at})
        )


def take_back(connection: Connection, row: Row[Any]) -> None:
    """Puts back what was there before the correction; what a person has said of the reply since stays."""
    connection.execute(delete(ConfidenceLabelRow).where(ConfidenceLabelRow.correction_id == row.id))
    ours = (VerdictRow.message_id == row.message_id) & (VerdictRow.created_at == row.created_at)
    drawn = connection.execute(select(func.count()).where(ours, VerdictRow.why_shown == UNIFORM)).scalar_one()
    if not connection.execute(delete(VerdictRow).where(ours)).rowcount:
        return
    # The draw may have passed over the reply while it was corrected.
    if verdict := row.before.get("verdict"):
        connection.execute(insert(VerdictRow).values(_revived(verdict) | ({"why_shown": UNIFORM} if drawn else {})))
    if labels := row.before.get("labels"):
        sample = {"uniform": True} if drawn else {}
        connection.execute(insert(ConfidenceLabelRow), [_revived(label) | sample for label in labels])


def _labels_of(message_id: int) -> Any:
    return select(ConfidenceLabelRow.__table__).where(ConfidenceLabelRow.message_id == message_id)


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row._asdict().items()}


def _revived(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(values) | {"created_at": datetime.fromisoformat(values["created_at"])}
