"""The ledger of erasures in the data folder: whose data went, as keyed hashes only. Must not know tables.

Each erasure is written twice, as an intent before anything is deleted and as done when nothing is left, so that a killed one
is finished and a restored backup is told again. The file holds no id and no text; without `erasures.key` nobody can tell from
it whether a certain conversation was erased.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from chatbot.errors import KeyLost, StorageError

LEDGER, KEY, LOCK = "erasures.jsonl", "erasures.key", "erasures.lock"
LIVE = "live"  # the source of live conversations, as in an export
_MARK_BYTES = 16
_MEND = (
    f"restore it from a backup. If there is none, move {LEDGER} and what is left of {KEY} away; what was erased so far is "
    "then not erased again when an older backup of the database comes back."
)

Step = Literal["intent", "restored", "done"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One line. `step`: "intent" (begun), "restored" (its rows came back with a backup and went again), or "done".

    marks: a keyed hash for every conversation and transcript that it covers, and sources: the transcripts' sources; both
    stand in intents only, of which the last counts, and `entries` hands them on to the later steps.
    """

    receipt: str
    step: Step
    kind: str
    reason: str
    subject: str
    at: datetime
    marks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Doomed:
    """Tells whether a conversation must go, knowing hashes only."""

    key: bytes
    marks: frozenset[str]
    sources: tuple[str, ...] = (LIVE,)

    def __call__(self, source: str | None, conversation_id: str) -> bool:
        """source None: any that the erasures name, for a copy that does not say where it is from."""
        asked = self.sources if source is None else (source,)
        return any(mark_of(self.key, one, conversation_id) in self.marks for one in asked)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Lives as long as the store. Its file belongs with the backups, newer than they are: see docs/operate.md."""

    folder: Path

    def key(self) -> bytes:
        """The key of the hashes, made at the first use. Raises KeyLost when it is lost but needed."""
        path = self.folder / KEY
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _read_key(path)
        except OSError as exc:
            raise StorageError(f"{path} cannot be written: {exc.strerror}.") from exc
        with os.fdopen(handle, "w") as file:
            if (self.folder / LEDGER).exists():
                path.unlink()
                raise KeyLost(f"{path} is missing, so {LEDGER} beside it cannot be read: {_MEND}")
            made = secrets.token_hex(32)
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        return bytes.fromhex(made)

    def entries(self) -> list[Erasure]:
        """The last step of every erasure, oldest first. A line that cannot be read is logged and left out."""
        try:
            lines = (self.folder / LEDGER).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StorageError(f"{self.folder / LEDGER} cannot be read: {exc.strerror}.") from exc
        last: dict[str, Erasure] = {}
        for number, line in enumerate(lines, 1):
            if not line or (entry := _read(line, number)) is None:
                continue
            begun = last.get(entry.receipt)
            if begun is not None and entry.step != "intent":
                entry = replace(entry, marks=begun.marks, sources=begun.sources)
            last[entry.receipt] = entry
        return list(last.values())

    def append(self, entry: Erasure) -> None:
        """On the disk when it returns. Raises StorageError."""
        body = json.dumps(_plain(entry), ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        path = self.folder / LEDGER
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                size = os.fstat(handle).st_size
                torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
                os.write(handle, b"\n" + body if torn else body)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as exc:
            raise StorageError(f"{path} cannot be written: {exc.strerror}. Nothing more was erased.") from exc

    def lock(self, wait_s: float = -1) -> FileLock:
        """Held by whoever erases, and by whoever must not be erased beside; -1 waits for ever."""
        return FileLock(self.folder / LOCK, timeout=wait_s, thread_local=False)

    def doomed(self, erasures: Iterable[Erasure]) -> Doomed:
        """Everything that these erasures cover."""
        every = list(erasures)
        sources = dict.fromkeys([LIVE, *(source for one in every for source in one.sources)])
        return Doomed(self.key(), frozenset(mark for one in every for mark in one.marks), tuple(sources))

    def marks(self, conversations: Collection[tuple[str, str]]) -> tuple[str, ...]:
        """The hash of each (source, id)."""
        key = self.key()
        return tuple(mark_of(key, source, each) for source, each in conversations)


def mark_of(key: bytes, source: str, conversation_id: str) -> str:
    """HMAC-SHA-256 (RFC 2104), cut to 128 bits, hex."""
    body = f"{source}\n{conversation_id}".encode("utf-8", "surrogatepass")
    return hmac.new(key, body, hashlib.sha256).digest()[:_MARK_BYTES].hex()


def _read_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as exc:
        raise KeyLost(f"{path} cannot be read: {_MEND}") from exc
    if len(key) != 32:
        raise KeyLost(f"{path} is damaged: {_MEND}")
    return key


def _read(line: bytes, number: int) -> Erasure | None:
    try:
        raw = json.loads(line)
        lists = {name: tuple(map(str, raw[name])) for name in ("marks", "sources")}
        return Erasure(**(raw | lists | {"at": datetime.fromisoformat(raw["at"])}))
    except (ValueError, TypeError, KeyError):
        _log.warning("line %d of %s cannot be read and is left out", number, LEDGER)
        return None


def _plain(entry: Erasure) -> dict[str, Any]:
    return {
        "receipt": entry.receipt,
        "step": entry.step,
        "kind": entry.kind,
        "reason": entry.reason,
        "subject": entry.subject,
        "at": entry.at.isoformat(),
        "marks": list(entry.marks),
        "sources": list(entry.sources),
        "counts": dict(entry.counts),
    }
