"""Erasures that a kill left half done, or that a restored backup undid, once more. Must not know who asked for them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from chatbot.errors import Busy
from storage import receipts
from storage.audit import COMMAND, Actor
from storage.eraser import Eraser, Outside, silent
from storage.erasing import widen
from storage.ledger import Erasure
from storage.receipts import Receipt
from storage.subjects import marked

RETENTION = "retention"
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
    gone = 0
    for retention in (False, True):
        some = [entry for entry in entries if (entry.reason == RETENTION) is retention]
        if not some:
            continue
        doomed = eraser.ledger.doomed(some)
        scope = eraser.database.read(
            lambda c, d=doomed, r=retention: widen(c, marked(c, d), corrections=not r)  # type: ignore[misc]
        ).result()
        if scope:
            rows = eraser.delete(scope, silent)
            gone += len(scope.conversations) + len(scope.transcripts)
            _log.warning("erased again after a restored backup or a kill: %s", dict(rows))
    for entry in restored:
        back = replace(entry, step="restored", counts={**entry.counts, "replayed": True})
        eraser.ledger.append(replace(back, marks=(), sources=()))
        eraser.database.write(lambda c, e=back: receipts.keep(c, e, COMMAND)).result()  # type: ignore[misc]
    return gone


def _mirror(eraser: Eraser, missing: set[str]) -> None:
    """Writes to the ledger what only the database knows, as after the data folder alone was restored."""
    if missing:
        for entry in eraser.database.read(lambda c: receipts.as_erasures(c, missing)).result():
            eraser.ledger.append(entry)
