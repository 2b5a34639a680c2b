"""What a person may ask for: to find, hand over and erase what is kept about him. Must not know pages, files' formats or models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from chatbot.errors import NotFound
from chatbot.types import CORRECTION
from storage import receipts, replaying
from storage.audit import COMMAND, Actor
from storage.databases import Database
from storage.dossier import dossier, extras
from storage.eraser import Eraser, Outside, Progress, silent
from storage.erasing import Scope, count, widen
from storage.ledger import Ledger
from storage.overtaking import overtaken
from storage.receipts import Receipt, receipt_of
from storage.subjects import By, Candidate, Subject, scope_of, search
from storage.tables import ConversationRow


@dataclass(frozen=True, slots=True)
class Rights:
    """Lives as long as the store; any thread may call. Its calls block: from an event loop, call them in a thread."""

    database: Database
    folder: Path

    @property
    def _eraser(self) -> Eraser:
        return Eraser(self.database, self.folder)

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
        entry = self._eraser.entry(scope, subject.by.value, reason, subject.value)
        others = outside.sweep(self.ledger.doomed([entry]), index=bool(scope.transcripts), dry_run=True)
        about = (outside.models(_ids(scope)), _how_many(scope))
        return receipt_of(replace(entry, receipt=""), rows, others, about, settled=True)

    def erase(
        self,
        subject: Subject,
        outside: Outside,
        *,
        reason: str = "request",
        actor: Actor = COMMAND,
        progress: Progress = silent,
    ) -> Receipt:
        """Erases everything kept about a person, everywhere, and returns the receipt once all of it is gone.

        reason: "request" (the team was asked), "self" (the customer did it), or another word of the caller's.

        Raises NotFound when there is nothing. Killed, it is finished at the next start.
        """
        scope = self.database.read(lambda c: scope_of(c, subject)).result()
        return self.erase_scope(scope, outside, (subject.by.value, reason, subject.value), actor, progress)

    def erase_transcripts(
        self, source: str, ids: Sequence[str], outside: Outside, *, progress: Progress = silent
    ) -> Receipt:
        """Several imported conversations with one receipt. Raises NotFound, naming it, where one of them is not there; then
        nothing is erased."""

        def look(connection: Connection) -> Scope:
            for one in ids:
                try:
                    scope_of(connection, Subject(By.TRANSCRIPT, one, source))
                except NotFound as exc:
                    message = f"There is no imported conversation {one!r} from {source!r}; nothing was deleted."
                    raise NotFound(message) from exc
            return Scope(transcripts=tuple((source, one) for one in dict.fromkeys(ids)))

        why = (By.TRANSCRIPT.value, "request", "\n".join(ids))
        return self.erase_scope(self.database.read(look).result(), outside, why, COMMAND, progress)

    def erase_scope(
        self,
        scope: Scope,
        outside: Outside,
        why: tuple[str, str, str],
        actor: Actor,
        progress: Progress,
        *,
        still: ColumnElement[bool] | None = None,
    ) -> Receipt:
        """why: kind, reason, and what names the subject. still: what must hold of a conversation when it is deleted, or it stays
        and the receipt does not cover it. With it, as for the reason "retention", the team's own answers stay: they are masked,
        and knowledge is not kept for a person's sake. Without, those that are written meanwhile go, too."""
        kind, reason, name = why
        eraser = self._eraser
        with eraser.alone():
            wide = self.database.read(lambda c: widen(c, scope, corrections=still is None)).result()
            entry = eraser.entry(wide, kind, reason, name)
            models = list(outside.models(_ids(wide)))
            eraser.ledger.append(entry)
            rows, gone = eraser.delete(wide, progress, lambda whole: eraser.cover(entry, whole), still)
            if gone != wide:
                entry, models = eraser.cover(entry, gone), list(outside.models(_ids(gone)))
            return eraser.finish(entry, rows, outside, (models, actor, _how_many(gone)), progress)

    def receipts(self, limit: int = 100, before_id: int | None = None) -> list[dict[str, Any]]:
        """The receipts that the database holds, newest first."""
        return self.database.read(lambda c: receipts.page(c, limit, before_id)).result()

    def newest(self) -> int:
        """The number of the newest receipt, 0 without any: a running server asks for it to notice erasures by others."""
        return self.database.read(receipts.newest).result()

    def restore_missing(self) -> int:
        """See `storage.replaying`; `open_store` calls it."""
        return replaying.restore_missing(self._eraser)

    def unfinished(self) -> bool:
        """Whether an erasure was cut short, or undone by a restored backup: until `catch_up` its copies may be read."""
        return any(entry.step != "done" for entry in self.ledger.entries())

    def catch_up(self, outside: Outside) -> list[Receipt]:
        """See `storage.replaying`; a server's start and `doctor` call it."""
        return replaying.catch_up(self._eraser, outside)

    def tidy(self) -> bool:
        """Compacts for the receipts that could not be settled at their time; False when there were none, or still cannot."""
        waiting = self.database.read(receipts.unsettled).result()
        if not waiting or not self._eraser.settle():
            return False
        self.database.write(lambda c: receipts.settle(c, waiting)).result()
        return True

    def compact(self) -> bool:
        """Rewrites a SQLite file of any size, so that its free space holds nothing; False when something was in the way."""
        return self._eraser.settle(2**63)

    def overtaken(self, outside: Outside) -> AbstractContextManager[None]:
        """See `storage.overtaking`; wrap what reads passages and publishes an index from them."""
        return overtaken(self.folder, outside, index=True)


def _ids(scope: Scope) -> list[str]:
    return [*scope.conversations, *(each for _, each in scope.transcripts)]


def _how_many(scope: Scope) -> int:
    """Conversations, live and imported; what the team wrote because of them is none."""
    return len(scope.conversations) + sum(source != CORRECTION for source, _ in scope.transcripts)
