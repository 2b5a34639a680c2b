"""`published.json`: which version of each kind is published, and all that was ever published. Must not open versions.

The file is replaced as a whole by whoever holds the registry's lock; readers need none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from chatbot.errors import Conflict, ModelError, StorageError
from chatbot.learning.cards import Kind
from chatbot.learning.sealing import UnsealedError, seal, sync_folder, unseal, write_synced

POINTER, _LOCK = "published.json", "registry.lock"
_WAIT_S = 30.0  # every holder hashes or copies one version at most


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history. version, previous: None is the base model. gate: the verdict as JSON; None where there was none."""

    kind: Kind
    version: str | None
    previous: str | None
    at: str
    by: str
    reason: str | None = None
    forced: bool = False
    gate: Mapping[str, Any] | None = None
    action: Literal["publish", "rollback"] = "publish"


@dataclass(frozen=True, slots=True)
class Published:
    """The file's content. current: kind -> version; cards: kind -> SHA-256 of its card.json; highest: numbers of deleted names."""

    current: Mapping[str, str] = field(default_factory=dict)
    cards: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Entry, ...] = ()
    highest: Mapping[str, int] = field(default_factory=dict)

    def moved(self, entry: Entry, card_sha256: str | None) -> Published:
        """The content once `entry` has happened."""
        current, cards = dict(self.current), dict(self.cards)
        current.pop(entry.kind, None)
        cards.pop(entry.kind, None)
        if entry.version is not None and card_sha256 is not None:
            current[entry.kind], cards[entry.kind] = entry.version, card_sha256
        return replace(self, current=current, cards=cards, history=(*self.history, entry))

    def before(self, kind: Kind, current: str | None) -> list[str | None]:
        """What was published before `current`, which is in use: newest first, the base model (None) last; empty when that is it.

        A roll-back takes a step out of this list instead of adding one, so repeated ones lead on to the beginning. What was really
        in use outweighs a line: an encoder's is written before its index is published, and a kill may come between.
        """
        stack: list[str | None] = [None]
        for entry in self.history:
            if entry.kind != kind:
                continue
            _lead_back(stack, entry.previous)
            if entry.action == "rollback" and entry.version in stack[:-1]:
                stack.pop()
                _lead_back(stack, entry.version)
            else:
                stack.append(entry.version)
        _lead_back(stack, current)
        return stack[-2::-1]


def _lead_back(stack: list[str | None], used: str | None) -> None:
    """Takes steps off until `used` is the last; one that is none of them is a step that nobody noted."""
    if used not in stack:
        stack.append(used)
    while stack[-1] != used:
        stack.pop()


def read(models: Path) -> Published:
    """Raises ModelError when the file is there and is not as it was written."""
    path = models / POINTER
    try:
        raw = unseal(path.read_bytes())
        names = {kind: raw[kind] for kind in ("generator", "encoder", "heads") if raw.get(kind) is not None}
        entries = tuple(Entry(**entry) for entry in raw["history"])
        return Published(names, raw["cards"], entries, raw["highest"])
    except FileNotFoundError:
        return Published()
    except (OSError, UnsealedError, KeyError, TypeError) as exc:
        raise ModelError(
            f"{path} is broken ({exc}), so nobody knows which model is published; bring it back from a backup, or remove it to "
            "serve the base model."
        ) from exc


def write(models: Path, content: Published) -> None:
    """Replaces the file durably; call it under the lock. Raises StorageError when the disk refuses; then the old one holds."""
    names = {kind: content.current.get(kind) for kind in ("generator", "encoder", "heads")}
    raw = {**names, "cards": dict(content.cards), "highest": dict(content.highest)}
    data = seal({**raw, "history": [asdict(entry) for entry in content.history]})
    temporary = models / f".{POINTER}.new"
    try:
        write_synced(temporary, data)
        os.replace(temporary, models / POINTER)
        sync_folder(models)
    except OSError as exc:
        raise StorageError(f"{models / POINTER} cannot be written: {exc.strerror}; nothing was changed.") from exc


@contextmanager
def locked(models: Path, wait_s: float = _WAIT_S) -> Iterator[None]:
    """The right to change the registry, held by one process at a time; the kernel frees it when that one dies."""
    try:
        models.mkdir(parents=True, exist_ok=True)
        lock = FileLock(models / _LOCK)
        lock.acquire(timeout=wait_s)
    except Timeout as exc:
        raise Conflict(f"Another process is changing the models in {models}; wait until it is done.") from exc
    except OSError as exc:
        raise StorageError(f"The folder {models} cannot be written: {exc.strerror}.") from exc
    try:
        yield
    finally:
        lock.release()
