"""Erasures that a kill left half done, or that a restored backup undid, once more. Must not know who asked for them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, select

from chatbot.errors import Busy
from storage import receipts
from storage.audit import COMMAND, Actor
from storage.eraser import RETENTION, Eraser, Outside, Tell, silent
from storage.erasing import Scope, widen
from storage.ledger import LIVE, Erasure
from storage.receipts import Receipt
from storage.subjects import marked
from storage.tables import ConversationRow

_CHOSEN_BEFORE = timedelta(hours=1)  # an intent is written moments after its conversations were chosen
_CHANGES = select(ConversationRow.id, ConversationRow.updated_at)
_log = logging.getLogger(__name__)


def restore_missing(eraser: Eraser) -> int:
    """Compares ledger and database and erases again the rows that a restored backup brought back.

    Receipts that only one of the two knows are written to the other. Returns how many conversations went. Does nothing while
    another program erases.
    """
    entries = eraser.ledger.entries()
    known = eraser.database.read(receipts.known).result()
    if not entries and not known:
        return 0
    missing = [entry for entry in entries if entry.step != "intent" and entry.receipt not in known]
    begun = [entry for entry in entries if entry.step == "intent"]
    try:
        with eraser.alone(0):
            _mirror(eraser, known - {entry.receipt for entry in entries})
            return _erase_again(eraser, missing + begun, missing)
    except Busy:
        return 0


def catch_up(eraser: Eraser, outside: Outside) -> list[Receipt]:
    """Finishes what a kill or a restored backup left outside the database."""
    with eraser.alone():
        entries = eraser.ledger.entries()
        open_ones = [entry for entry in entries if entry.step != "done"]
        if entries and outside.stale(max(entry.at for entry in entries)):
            outside.sweep(eraser.ledger.doomed(entries), index=True, dry_run=False)
        done = []
        for entry in open_ones:
            earlier = dict(entry.counts.get("rows", {}))
            rows = Counter({str(name): int(number) for name, number in earlier.items()})
            about: tuple[list[str], Actor, int] = ([], COMMAND, int(entry.counts.get("conversations", 0)))
            done.append(eraser.finish(entry, rows, outside, about, silent))
        return done


def _erase_again(eraser: Eraser, entries: Sequence[Erasure], restored: Sequence[Erasure]) -> int:
    asked = [entry for entry in entries if entry.reason != RETENTION]
    aged = [entry for entry in entries if entry.reason == RETENTION]
    gone = _erase_asked(eraser, asked) if asked else 0
    gone += _erase_aged(eraser, aged) if aged else 0
    for entry in restored:
        back = replace(entry, step="restored", counts={**entry.counts, "replayed": True})
        eraser.ledger.append(replace(back, marks=(), sources=()))
        eraser.database.write(lambda c, e=back: receipts.keep(c, e, COMMAND)).result()  # type: ignore[misc]
    return gone


def _erase_asked(eraser: Eraser, entries: Sequence[Erasure]) -> int:
    doomed = eraser.ledger.doomed(entries)
    scope = eraser.database.read(lambda c: widen(c, marked(c, doomed), corrections=True)).result()

    def cover(whole: Scope) -> None:
        """What was made of them since the intent is covered by the last of the erasures."""
        if since := tuple(each for each in whole.transcripts if not doomed(*each)):
            eraser.cover_too(entries[-1], Scope(transcripts=since))

    cover(scope)
    return _delete(eraser, scope, cover)


def _erase_aged(eraser: Eraser, entries: Sequence[Erasure]) -> int:
    """Whoever came back after the conversations were chosen keeps the chat, and the ledger covers it no more."""
    now, doomed = datetime.now(UTC), eraser.ledger.doomed(entries)
    chosen = {mark: entry.at - _CHOSEN_BEFORE for entry in entries for mark in entry.marks}

    def look(connection: Connection) -> tuple[Scope, set[str]]:
        scope = widen(connection, marked(connection, doomed), corrections=False)
        changed = {row.id: row.updated_at for row in connection.execute(_CHANGES)}
        marks = zip(scope.conversations, eraser.ledger.marks([(LIVE, one) for one in scope.conversations]), strict=True)
        return scope, {one for one, mark in marks if changed[one] > chosen[mark]}

    scope, back = eraser.database.read(look).result()
    copies = [(source, one) for source, one in scope.transcripts if one in back]
    theirs = set(eraser.ledger.marks([*((LIVE, one) for one in back), *copies]))
    for entry in entries:
        if not theirs.isdisjoint(entry.marks):
            less = tuple(mark for mark in entry.marks if mark not in theirs)
            eraser.ledger.append(replace(entry, step="intent", marks=less))
    return _delete(eraser, scope.without(back), _ignore, ConversationRow.updated_at <= now)


def _ignore(_whole: Scope) -> None:
    """What the team writes because of an old conversation stays."""


def _delete(eraser: Eraser, scope: Scope, grown: Tell, still: ColumnElement[bool] | None = None) -> int:
    if not scope:
        return 0
    rows, gone = eraser.delete(scope, silent, grown, still)
    _log.warning("erased again after a restored backup or a kill: %s", dict(rows))
    return len(gone.conversations) + len(gone.transcripts)


def _mirror(eraser: Eraser, missing: set[str]) -> None:
    """Writes to the ledger what only the database knows, as after the data folder alone was restored."""
    if missing:
        for entry in eraser.database.read(lambda c: receipts.as_erasures(c, missing)).result():
            eraser.ledger.append(entry)
