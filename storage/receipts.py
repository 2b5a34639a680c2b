"""Receipts of erasures, as rows: what went, store by store, and nothing of whose it was. Must not know how anything is erased."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from storage.audit import Actor, record
from storage.desk_tables import ErasureRow
from storage.ledger import Erasure


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure did, store by store; holds nothing of the person. `id` is empty for a dry run.

    rows: by table; outside: what the copies' owners say; settled: nothing is left in the database's log and free space either.
    """

    id: str
    subject: str
    kind: str
    reason: str
    at: datetime
    conversations: int
    rows: Mapping[str, int]
    outside: Mapping[str, Any] = field(default_factory=dict)
    models: Sequence[str] = ()
    settled: bool = True
    replayed: bool = False

    def counts(self) -> dict[str, Any]:
        """What of it is kept as JSON."""
        return {
            "conversations": self.conversations,
            "rows": dict(self.rows),
            "outside": dict(self.outside),
            "models": list(self.models),
            "settled": self.settled,
            "replayed": self.replayed,
        }


def receipt_of(
    entry: Erasure,
    rows: Mapping[str, int],
    others: Mapping[str, Any],
    about: tuple[Sequence[str], int],
    *,
    settled: bool,
) -> Receipt:
    """about: names of the models trained on it, and how many conversations it covers."""
    models, conversations = about
    return Receipt(
        id=entry.receipt,
        subject=entry.subject,
        kind=entry.kind,
        reason=entry.reason,
        at=entry.at,
        conversations=conversations,
        rows=dict(sorted(rows.items())),
        outside=dict(others),
        models=list(models),
        settled=settled,
        replayed=bool(entry.counts.get("replayed")),
    )


def keep(connection: Connection, entry: Erasure, actor: Actor) -> None:
    """Writes a receipt, or the newer counts of one that is there; one erasure runs at a time, so nobody is between the two."""
    counts = {**entry.counts, "sources": list(entry.sources)}
    known = update(ErasureRow).where(ErasureRow.receipt == entry.receipt).values(counts=counts)
    if not connection.execute(known).rowcount:
        values = {name: getattr(entry, name) for name in ("receipt", "subject", "kind", "reason", "at")}
        connection.execute(insert(ErasureRow).values(values | {"counts": counts, "marks": list(entry.marks)}))
    detail = {"kind": entry.kind, "reason": entry.reason, "conversations": entry.counts.get("conversations", 0)}
    record(connection, actor, f"erase.{entry.kind}", f"erasure:{entry.receipt}", detail)


def page(connection: Connection, limit: int, before_id: int | None) -> list[dict[str, Any]]:
    """Newest first."""
    query = select(ErasureRow.__table__).order_by(ErasureRow.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(ErasureRow.id < before_id)
    names = ("id", "receipt", "subject", "kind", "reason", "at", "counts")
    return [{name: getattr(row, name) for name in names} for row in connection.execute(query)]


def newest(connection: Connection) -> int:
    """The number of the newest one, 0 without any."""
    return int(connection.execute(select(func.coalesce(func.max(ErasureRow.id), 0))).scalar_one())


def known(connection: Connection) -> set[str]:
    return set(connection.execute(select(ErasureRow.receipt)).scalars())


def as_erasures(connection: Connection, receipts: Collection[str]) -> list[Erasure]:
    """These as lines for the ledger, oldest first."""
    query = select(ErasureRow.__table__).where(ErasureRow.receipt.in_(receipts)).order_by(ErasureRow.id)
    return [
        Erasure(
            row.receipt, "restored", row.kind, row.reason, row.subject, row.at,
            tuple(row.marks), tuple(row.counts.get("sources", ())), row.counts,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def unsettled(connection: Connection) -> dict[int, dict[str, Any]]:
    """Number and counts of those that left something in the database's free space."""
    rows = connection.execute(select(ErasureRow.id, ErasureRow.counts))
    return {row.id: dict(row.counts) for row in rows if row.counts.get("settled") is False}


def settle(connection: Connection, those: Mapping[int, Mapping[str, Any]]) -> None:
    """Writes down that nothing is left of them."""
    for number, counts in those.items():
        change = update(ErasureRow).where(ErasureRow.id == number)
        connection.execute(change.values(counts={**counts, "settled": True}))
