"""What a person may ask for: to find, hand over and erase what is kept about him. Must not know pages, files' formats or models.

Copies outside the database (index versions, training examples) belong to others, who come in as an `Outside`.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chatbot.errors import Busy
from storage.audit import COMMAND, Actor, record
from storage.databases import Database
from storage.desk_tables import ErasureRow
from storage.dossier import dossier, extras
from storage.erasing import Scope, count, erase, widen
from storage.ledger import LIVE, Erasure, Ledger
from storage.subjects import Candidate, Subject, marked, scope_of, search
from storage.tables import ConversationRow

RETENTION = "retention"
COMPACT_BELOW = 512 * 2**20  # bytes; a larger file is compacted when somebody asks for it (`chatbot purge --compact`)
SELF, SELF_BELOW = "self", 64 * 2**20  # customers do not make everybody wait; the daily tidying does the rest
_LOCK_WAIT_S = 60.0
_inserts: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


class Outside(Protocol):
    """The copies outside the database."""

    def models(self, conversations: Collection[str]) -> Sequence[str]:
        """Names of the model versions that were trained on any of these."""

    def sweep(self, doomed: Callable[[str | None, str], bool], *, index: bool, dry_run: bool) -> Mapping[str, Any]:
        """Removes every copy of a doomed (source, id), or counts them; `index` False spares the look into the index."""

    def stale(self, since: datetime) -> bool:
        """Is there an index version from before `since`, as after a restored backup?"""


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


@dataclass(frozen=True, slots=True)
class Rights:
    """Lives as long as the store; any thread may call. Its calls block: from an event loop, call them in a thread."""

    database: Database
    folder: Path

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder)

    def search(self, text: str) -> list[Candidate]:
        """Conversations that may be a person's, and why. Raises BadInput for nothing to look for."""
        return self.database.read(lambda c: search(c, text)).result()

    def chats_of(self, subject: Subject) -> list[tuple[str, str]]:
        """Id and owner of each of a person's live conversations. Raises NotFound when nothing is kept."""

        def look(connection: Connection) -> list[tuple[str, str]]:
            of = ConversationRow.id.in_(scope_of(connection, subject).conversations)
            return [(row.id, row.owner) for row in connection.execute(select(ConversationRow.__table__).where(of))]

        return self.database.read(look).result()

    def dossier(self, subject: Subject, *, notes: bool = False) -> dict[str, Any]:
        """Everything kept about a person, JSON-ready. Raises NotFound. See `storage.dossier` for what it leaves out."""
        return self.database.read(lambda c: dossier(c, scope_of(c, subject), notes=notes)).result()

    def extras(self, conversation_ids: Sequence[str]) -> list[dict[str, Any]]:
        """For each conversation what is kept of it besides its messages."""
        return self.database.read(lambda c: [extras(c, each) for each in conversation_ids]).result()

    def preview(self, subject: Subject, outside: Outside, reason: str = "request") -> Receipt:
        """What `erase` would do; changes nothing. Raises NotFound."""

        def look(connection: Connection) -> tuple[Scope, Counter[str]]:
            scope = widen(connection, scope_of(connection, subject), corrections=True)
            return scope, count(connection, scope)

        scope, rows = self.database.read(look).result()
        entry = self._entry(scope, subject.by.value, reason, subject.value)
        others = outside.sweep(self.ledger.doomed([entry]), index=bool(scope.transcripts), dry_run=True)
        models = outside.models(_ids(scope))
        return _receipt(replace(entry, receipt=""), rows, others, models, len(scope.conversations))

    def erase(
        self,
        subject: Subject,
        outside: Outside,
        *,
        reason: str = "request",
        actor: Actor = COMMAND,
        progress: Progress = lambda _stage, _done, _total: None,
    ) -> Receipt:
        """Erases everything kept about a person, everywhere, and returns the receipt once all of it is gone.

        reason: "request" (the team was asked), "self" (the customer did it), or another word of the caller's.

        Raises NotFound when there is nothing. Killed, it is finished at the next start.
        """
        scope = self.database.read(lambda c: scope_of(c, subject)).result()
        return self.erase_scope(scope, outside, (subject.by.value, reason, subject.value), actor, progress)

    def erase_scope(
        self, scope: Scope, outside: Outside, why: tuple[str, str, str], actor: Actor, progress: Progress
    ) -> Receipt:
        """why: kind, reason, and what names the subject. Under the reason "retention" the team's own answers stay: they are
        masked, and knowledge is not kept for a person's sake."""
        kind, reason, name = why
        with self._alone():
            wide = self.database.read(lambda c: widen(c, scope, corrections=reason != RETENTION)).result()
            entry = self._entry(wide, kind, reason, name)
            models = list(outside.models(_ids(wide)))
            self.ledger.append(entry)
            rows = self._delete(wide, progress)
            return self._finish(entry, rows, outside, (models, actor, len(wide.conversations)), progress)

    def receipts(self, limit: int = 100, before_id: int | None = None) -> list[dict[str, Any]]:
        """The receipts that the database holds, newest first."""
        query = select(ErasureRow.__table__).order_by(ErasureRow.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(ErasureRow.id < before_id)
        names = ("id", "receipt", "subject", "kind", "reason", "at", "counts")
        rows = self.database.read(lambda c: c.execute(query).all()).result()
        return [{name: getattr(row, name) for name in names} for row in rows]

    def newest(self) -> int:
        """The number of the newest receipt, 0 without any: a running server asks for it to notice erasures by others."""
        return self.database.read(
            lambda c: int(c.execute(select(func.coalesce(func.max(ErasureRow.id), 0))).scalar_one())
        ).result()

    def restore_missing(self) -> int:
        """Compares ledger and database and erases again the rows that a restored backup brought back; `open_store` calls it.

        Receipts that only one of the two knows are written to the other. Returns how many conversations went. Does nothing
        while another program erases.
        """
        entries = self.ledger.entries()
        known = self.database.read(lambda c: set(c.execute(select(ErasureRow.receipt)).scalars())).result()
        if not entries and not known:
            return 0
        missing = [entry for entry in entries if entry.step != "intent" and entry.receipt not in known]
        begun = [entry for entry in entries if entry.step == "intent"]
        try:
            with self._alone(0):
                self._mirror(known - {entry.receipt for entry in entries})
                return self._erase_again(missing + begun, missing)
        except Busy:
            return 0

    def catch_up(self, outside: Outside) -> list[Receipt]:
        """Finishes what a kill or a restored backup left outside the database; a server's start and `doctor` call it."""
        with self._alone():
            entries = self.ledger.entries()
            open_ones = [entry for entry in entries if entry.step != "done"]
            if entries and outside.stale(max(entry.at for entry in entries)):
                outside.sweep(self.ledger.doomed(entries), index=True, dry_run=False)
            done = []
            for entry in open_ones:
                earlier = dict(entry.counts.get("rows", {}))
                rows = Counter({str(name): int(number) for name, number in earlier.items()})
                count_of = int(entry.counts.get("conversations", 0))
                done.append(self._finish(entry, rows, outside, ([], COMMAND, count_of), _silent))
            return done

    def tidy(self) -> bool:
        """Compacts for the receipts that could not be settled at their time; False when there were none, or still cannot."""
        query = select(ErasureRow.id, ErasureRow.counts)
        rows = self.database.read(lambda c: c.execute(query).all()).result()
        left = {row.id: {**row.counts, "settled": True} for row in rows if row.counts.get("settled") is False}
        if not left or not self.database.settle(compact_below=COMPACT_BELOW):
            return False
        for row_id, counts in left.items():
            change = update(ErasureRow).where(ErasureRow.id == row_id).values(counts=counts)
            self.database.write(lambda c, what=change: c.execute(what)).result()  # type: ignore[misc]
        return True

    def compact(self) -> bool:
        """Rewrites a SQLite file of any size, so that its free space holds nothing; False when something was in the way."""
        return self.database.settle(compact_below=2**63)

    @contextlib.contextmanager
    def overtaken(self, outside: Outside) -> Iterator[None]:
        """Wrap what reads passages and publishes an index from them: an erasure meanwhile is swept again afterwards."""
        before = self.newest()
        yield
        if self.newest() != before:
            outside.sweep(self.ledger.doomed(self.ledger.entries()), index=True, dry_run=False)

    def _delete(self, scope: Scope, progress: Progress) -> Counter[str]:
        rows: Counter[str] = Counter()
        chunks = scope.chunks()
        for done, chunk in enumerate(chunks):
            progress("erase rows", done, len(chunks))
            rows += self.database.write(lambda c, part=chunk: erase(c, part), cleaning=True).result()  # type: ignore[misc]
        progress("erase rows", len(chunks), len(chunks))
        return rows

    def _finish(
        self,
        entry: Erasure,
        rows: Counter[str],
        outside: Outside,
        about: tuple[Sequence[str], Actor, int],
        progress: Progress,
    ) -> Receipt:
        models, actor, conversations = about
        progress("erase copies", 0, 1)
        doomed = self.ledger.doomed([entry])
        others = outside.sweep(doomed, index=_may_be_indexed(entry), dry_run=False)
        settled = self.database.settle(compact_below=SELF_BELOW if entry.reason == SELF else COMPACT_BELOW)
        receipt = _receipt(entry, rows, others, models, conversations, settled=settled)
        done = replace(entry, step="done", counts=_counts(receipt))
        self.database.write(lambda c: _keep(c, done, actor)).result()
        self.ledger.append(replace(done, marks=(), sources=()))
        progress("erase copies", 1, 1)
        return receipt

    def _erase_again(self, entries: Sequence[Erasure], restored: Sequence[Erasure]) -> int:
        gone = 0
        for retention in (False, True):
            some = [entry for entry in entries if (entry.reason == RETENTION) is retention]
            if not some:
                continue
            doomed = self.ledger.doomed(some)
            scope = self.database.read(
                lambda c, d=doomed, r=retention: widen(c, marked(c, d), corrections=not r)  # type: ignore[misc]
            ).result()
            if scope:
                rows = self._delete(scope, _silent)
                gone += len(scope.conversations) + len(scope.transcripts)
                _log.warning("erased again after a restored backup or a kill: %s", dict(rows))
        for entry in restored:
            back = replace(entry, step="restored", counts={**entry.counts, "replayed": True})
            self.ledger.append(replace(back, marks=(), sources=()))
            self.database.write(lambda c, e=back: _keep(c, e, COMMAND)).result()  # type: ignore[misc]
        return gone

    def _mirror(self, receipts: Collection[str]) -> None:
        """Writes to the ledger what only the database knows, as after the data folder alone was restored."""
        if not receipts:
            return
        query = select(ErasureRow.__table__).where(ErasureRow.receipt.in_(receipts)).order_by(ErasureRow.id)
        for row in self.database.read(lambda c: c.execute(query).all()).result():
            marks, sources = tuple(row.marks), tuple(row.counts.get("sources", ()))
            self.ledger.append(
                Erasure(row.receipt, "restored", row.kind, row.reason, row.subject, row.at, marks, sources, row.counts)
            )

    def _entry(self, scope: Scope, kind: str, reason: str, name: str) -> Erasure:
        every = [*((LIVE, each) for each in scope.conversations), *scope.transcripts]
        ledger, now = self.ledger, datetime.now(UTC)
        return Erasure(
            receipt=f"{now:%Y%m%d}-{secrets.token_hex(6)}",
            step="intent",
            kind=kind,
            reason=reason,
            subject=ledger.marks([(kind, name)])[0],
            at=now,
            marks=ledger.marks(every),
            sources=tuple(dict.fromkeys(source for source, _ in scope.transcripts)),
        )

    @contextlib.contextmanager
    def _alone(self, wait_s: float = _LOCK_WAIT_S) -> Iterator[None]:
        try:
            with FileLock(self.folder / "erasures.lock", timeout=wait_s, thread_local=False):
                yield
        except Timeout as exc:
            raise Busy("Another program is erasing in this data folder: try again when it is done.") from exc


def _may_be_indexed(entry: Erasure) -> bool:
    return bool(entry.sources)


def _ids(scope: Scope) -> list[str]:
    return [*scope.conversations, *(each for _, each in scope.transcripts)]


def _receipt(
    entry: Erasure,
    rows: Mapping[str, int],
    others: Mapping[str, Any],
    models: Sequence[str],
    conversations: int,
    *,
    settled: bool = True,
) -> Receipt:
    return Receipt(
        entry.receipt,
        entry.subject,
        entry.kind,
        entry.reason,
        entry.at,
        conversations,
        dict(sorted(rows.items())),
        dict(others),
        list(models),
        settled,
        bool(entry.counts.get("replayed")),
    )


def _counts(receipt: Receipt) -> dict[str, Any]:
    return {
        "conversations": receipt.conversations,
        "rows": dict(receipt.rows),
        "outside": dict(receipt.outside),
        "models": list(receipt.models),
        "settled": receipt.settled,
        "replayed": receipt.replayed,
    }


def _keep(connection: Connection, entry: Erasure, actor: Actor) -> None:
    values = {
        "receipt": entry.receipt,
        "subject": entry.subject,
        "kind": entry.kind,
        "reason": entry.reason,
        "at": entry.at,
        "counts": {**entry.counts, "sources": list(entry.sources)},
        "marks": list(entry.marks),
    }
    make = _inserts[connection.dialect.name](ErasureRow).values(values)
    connection.execute(make.on_conflict_do_update(index_elements=["receipt"], set_={"counts": values["counts"]}))
    detail = {"kind": entry.kind, "reason": entry.reason, "conversations": entry.counts.get("conversations", 0)}
    record(connection, actor, f"erase.{entry.kind}", f"erasure:{entry.receipt}", detail)


def _silent(_stage: str, _done: int, _total: int) -> None:
    """For work that nobody watches."""
