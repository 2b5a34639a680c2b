"""Work that goes on beside erasures: what began before one and ends after it brings nothing back. The ledger tells of every
erasure, and its lock holds them off; must not know a database.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import Conflict
from storage.eraser import Outside
from storage.ledger import Doomed, Ledger

Place = tuple[str | None, str]  # source (None: not known) and id of a conversation


@dataclass(frozen=True, slots=True)
class Since:
    """A moment of a data folder. over: receipts of the erasures that had ended by then; the others reach what is read after it."""

    ledger: Ledger
    over: frozenset[str]

    @classmethod
    def now(cls, folder: Path) -> Since:
        """To be taken before anything of the conversations is read."""
        ledger = Ledger(folder)
        return cls(ledger, frozenset(one.receipt for one in ledger.entries() if one.step == "done"))

    def erased(self) -> Doomed | None:
        """What was erased, or began to be, since; None for nothing."""
        later = [one for one in self.ledger.entries() if one.receipt not in self.over]
        return self.ledger.doomed(later) if later else None

    @contextmanager
    def sealing(self, learnt: Collection[Place], run: Path | None = None) -> Iterator[None]:
        """Wrap what adds a version that learnt from these conversations: erasures wait until its card names them.

        Raises Conflict where one of them was erased since, and removes the run's folder, whose weights have learnt from it.
        """
        with self.ledger.lock():
            doomed = self.erased()
            gone = {place for place in learnt if doomed(*place)} if doomed else ()
            if gone:
                if run is not None:
                    shutil.rmtree(run, ignore_errors=True)
                raise Conflict(
                    f"Conversations that it learnt from were erased while the run went on ({len(gone)}), so no version was made of "
                    "it; give the same `chatbot finetune` command again, without --resume."
                )
            yield


@contextmanager
def overtaken(folder: Path, outside: Outside, *, index: bool) -> Iterator[None]:
    """Wrap what reads conversations and writes copies of them: an erasure meanwhile is swept again afterwards, also where the
    work fails. index: whether the copies are an index."""
    since = Since.now(folder)
    try:
        yield
    finally:
        if (doomed := since.erased()) is not None:
            outside.sweep(doomed, index=index, dry_run=False)
