"""Every copy of a conversation outside the database: index versions, training examples, kept exports, uploads, other files, and
what this process remembers of texts. Implements `storage.rights.Outside`; must not know SQL or receipts.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chatbot.half_made import SEARCHING, clear_leftovers
from chatbot.retrieval.forgetting import forget, older_than
from chatbot.retrieval.recent import Recent
from chatbot.settings import Settings
from chatbot.trained import models_trained_on, remove_examples
from chatbot.uploads import FOLDER, delete_idle

Doomed = Callable[[str | None, str], bool]
DATABASE = "precedent.sqlite3"
_OURS = frozenset(
    {
        "index",
        "models",
        "logs",
        "datasets",
        "evaluations",
        "runs",
        "exports",
        FOLDER,
        "ballast",
        "erasures.jsonl",
        "examples.json",
    }
)


@dataclass(frozen=True, slots=True)
class Copies:
    """Lives as long as the process; any thread may call."""

    settings: Settings

    def models(self, conversations: Collection[str]) -> Sequence[str]:
        """Names of the model versions that were trained on any of these ids."""
        return models_trained_on(self.settings.models_folder, conversations)

    def sweep(self, doomed: Doomed, *, index: bool, dry_run: bool) -> Mapping[str, Any]:
        """See `storage.rights.Outside`. Raises StorageError, and Conflict while an index build does not end."""
        done: dict[str, Any] = {"index": {"passages": 0, "versions": [], "published": None, "rebuild": False}}
        if index:
            gone = forget(self.settings.index_folder, doomed, dry_run=dry_run)
            done["index"] = {
                "passages": gone.passages,
                "versions": list(gone.versions),
                "published": gone.published,
                "rebuild": gone.shared > 0,
            }
        evaluations = self.settings.data / "evaluations"
        if evaluations.is_dir() and not dry_run:
            clear_leftovers(evaluations, SEARCHING)  # an index of examples that a killed evaluation left
        removed = remove_examples(self.settings.data, doomed, dry_run=dry_run)
        done["examples"] = {
            "removed": removed.examples,
            "files": list(removed.files),
            "unreadable": list(removed.unreadable),
        }
        done["uploads"] = asdict(delete_idle(self.settings.data, dry_run=dry_run))
        done["not_ours"] = self.strange_files()
        return done

    def stale(self, since: datetime) -> bool:
        """Is there an index version from before `since`?"""
        return older_than(self.settings.index_folder, since)

    def strange_files(self) -> list[str]:
        """Files in the data folder that the product did not make: a backup that lies there may hold anybody's texts."""
        url = self.settings.database_url.get_secret_value() if self.settings.database_url else ""
        ours = (DATABASE, Path(url).name) if url.startswith("sqlite") else (DATABASE,)
        mine = {name + ending for name in ours for ending in ("", "-wal", "-shm", "-journal", ".import.lock")}
        left = (path.name for path in self.settings.data.iterdir() if path.name not in _OURS | mine)
        return sorted(name for name in left if not name.endswith((".lock", ".key")))


def forget_texts() -> None:
    """Empties what this process remembers of texts: the bounded caches of the core (unbounded ones hold tables of ours).

    Found by looking, so that a cache added tomorrow is emptied too.
    """
    for kept in gc.get_objects():
        kind = type(kept)  # isinstance would ask every object of the process for its class, and some warn when asked
        if issubclass(kind, Recent):
            kept.clear()
        elif issubclass(kind, functools._lru_cache_wrapper) and _remembers_texts(kept):
            kept.cache_clear()


def _remembers_texts(kept: functools._lru_cache_wrapper[Any]) -> bool:
    return str(kept.__module__).startswith("chatbot.") and kept.cache_parameters()["maxsize"] is not None
