"""How an erasure is carried out: intent, rows, copies outside, receipt; one at a time. Must not know whose data or why.

Copies outside the database (index versions, training examples) belong to others, who come in as an `Outside`.
"""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from filelock import Timeout
from sqlalchemy import ColumnElement, Connection

from chatbot.errors import Busy
from storage import receipts
from storage.audit import Actor
from storage.databases import Database
from storage.erasing import Scope, erase, erase_if, written_since
from storage.ledger import LIVE, Erasure, Ledger
from storage.receipts import Receipt, receipt_of

COMPACT_BELOW = 512 * 2**20  # bytes; a larger file is compacted when somebody asks for it (`chatbot purge --compact`)
SELF, SELF_BELOW = "self", 64 * 2**20  # customers do not make everybody wait; the daily tidying does the rest
RETENTION = "retention"  # many receipts one after the other: compacted once, after the last
_LOCK_WAIT_S = 60.0

Progress = Callable[[str, int, int], None]
Tell = Callable[[Scope], object]


class Outside(Protocol):
    """The copies outside the database."""

    def models(self, conversations: Collection[str]) -> Sequence[str]:
        """Names of the model versions that were trained on any of these."""

    def sweep(self, doomed: Callable[[str | None, str], bool], *, index: bool, dry_run: bool) -> Mapping[str, Any]:
        """Removes every copy of a doomed (source, id), or counts them; `index` False spares the look into the index."""

    def stale(self, since: datetime) -> bool:
        """Is there an index version from before `since`, as after a restored backup?"""


@dataclass(frozen=True, slots=True)
class Eraser:
    """Lives as long as the store; any thread may call, and its calls block."""

    database: Database
    folder: Path

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder)

    def entry(self, scope: Scope, kind: str, reason: str, name: str) -> Erasure:
        """The intent. name: what names the subject."""
        ledger, now = self.ledger, datetime.now(UTC)
        return Erasure(
            receipt=f"{now:%Y%m%d}-{secrets.token_hex(6)}",
            step="intent",
            kind=kind,
            reason=reason,
            subject=ledger.marks([(kind, name)])[0],
            at=now,
            **self._covers(scope),
        )

    def _covers(self, scope: Scope) -> dict[str, Any]:
        every = [*((LIVE, each) for each in scope.conversations), *scope.transcripts]
        sources = tuple(dict.fromkeys(source for source, _ in scope.transcripts))
        return {"marks": self.ledger.marks(every), "sources": sources}

    def cover(self, entry: Erasure, scope: Scope) -> Erasure:
        """Writes into the ledger that the erasure covers just `scope`: less, as the rest stays, or more."""
        other = replace(entry, step="intent", **self._covers(scope))
        self.ledger.append(other)
        return other

    def cover_too(self, entry: Erasure, scope: Scope) -> None:
        """Writes into the ledger that the erasure covers `scope`, too."""
        covers = self._covers(scope)
        marks, sources = entry.marks + covers["marks"], entry.sources + covers["sources"]
        self.ledger.append(replace(entry, step="intent", marks=marks, sources=sources))

    def delete(
        self, scope: Scope, progress: Progress, grown: Tell, still: ColumnElement[bool] | None = None
    ) -> tuple[Counter[str], Scope]:
        """Deletes the rows, chunk by chunk; counts them by table, and says what went.

        grown: told of the whole scope whenever more was made of its conversations meanwhile, before that is deleted, too.
        still: what must hold of a conversation in the very transaction that deletes it; else it stays, and so does what the
        team writes meanwhile.
        """
        if still is None:
            return self._delete(scope, progress, grown)
        rows, stayed = Counter[str](), set[str]()
        for chunk in Scope(scope.conversations).chunks():
            counted, kept = self.database.write(
                lambda c, part=chunk: erase_if(c, part, still),  # type: ignore[misc]
                cleaning=True,
            ).result()
            rows += counted
            stayed |= kept
        gone = scope.without(stayed)
        return rows + self._delete(replace(gone, conversations=()), progress, grown)[0], gone

    def _delete(self, scope: Scope, progress: Progress, grown: Tell) -> tuple[Counter[str], Scope]:
        rows, chunks, done, coming = Counter[str](), scope.chunks(), 0, scope.parts()
        while chunks:
            progress("erase rows", done, done + len(chunks))
            work = functools.partial(_erase_or_tell, chunk=chunks[0], known=coming)
            counted, more = self.database.write(work, cleaning=True).result()
            if more:
                scope |= more
                grown(scope)
                coming |= more.parts()
                chunks = more.chunks() + chunks
            else:
                coming -= chunks.pop(0).parts()
                rows, done = rows + counted, done + 1
        progress("erase rows", done, done)
        return rows, scope

    def finish(
        self,
        entry: Erasure,
        rows: Counter[str],
        outside: Outside,
        about: tuple[Sequence[str], Actor, int],
        progress: Progress,
    ) -> Receipt:
        """Sweeps the copies and writes the receipt. about: models trained on it, who erases, how many conversations."""
        models, actor, conversations = about
        progress("erase copies", 0, 1)
        others = outside.sweep(self.ledger.doomed([entry]), index=bool(entry.sources), dry_run=False)
        settled = self.settle({SELF: SELF_BELOW, RETENTION: 0}.get(entry.reason))
        receipt = receipt_of(entry, rows, others, (models, conversations), settled=settled)
        done = replace(entry, step="done", counts=receipt.counts())
        self.database.write(lambda c: receipts.keep(c, done, actor)).result()
        self.ledger.append(replace(done, marks=(), sources=()))
        progress("erase copies", 1, 1)
        return receipt

    def settle(self, below: int | None = None) -> bool:
        """Empties the database's log and free space; below: the size in bytes from which on a file is left as it is."""
        return self.database.settle(compact_below=COMPACT_BELOW if below is None else below)

    @contextlib.contextmanager
    def alone(self, wait_s: float = _LOCK_WAIT_S) -> Iterator[None]:
        """Raises Busy while another program erases."""
        try:
            with self.ledger.lock(wait_s):
                yield
        except Timeout as exc:
            raise Busy(
                "Another program is erasing in this data folder, or adds a model version to it: try again when it is done."
            ) from exc


def _erase_or_tell(connection: Connection, chunk: Scope, known: Collection[object]) -> tuple[Counter[str], Scope]:
    """Rows by table; or none, and what must go before this chunk."""
    more = written_since(connection, chunk, known)
    return (Counter(), more) if more else (erase(connection, chunk), more)


def silent(_stage: str, _done: int, _total: int) -> None:
    """For work that nobody watches."""
