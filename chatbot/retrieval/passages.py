"""Passages as lines of a file that is read by row; must not know vectors, words or versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.types import Passage

LINES, OFFSETS = "passages.jsonl", "passages.offsets.npy"
_ID = b'{"id":"'
_FIELDS = tuple(field.name for field in fields(Passage))
_KEPT = 4096  # about 2 kB each; a search reads 30
_TIMES, _RARE = ("resolved_at", "last_seen"), ("asked_in", "found_by")


def to_line(passage: Passage) -> bytes:
    """One JSON line; the same passage always gives the same bytes."""
    raw: dict[str, Any] = {name: getattr(passage, name) for name in _FIELDS}
    for name in _TIMES:
        raw[name] = raw[name].isoformat() if raw[name] else None
    for name in _RARE:  # left out where there is none: so a version from before is the same version
        if raw[name] is None:
            del raw[name]
    return json.dumps(raw, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> Passage:
    """The passage of a line. Raises ValueError or TypeError for what `to_line` did not write."""
    raw = json.loads(line)
    for name in _TIMES:
        raw[name] = datetime.fromisoformat(raw[name]) if raw[name] else None
    if "asked_in" in raw:
        raw["asked_in"] = tuple(raw["asked_in"])
    return Passage(**raw)


def _beginning(passage_id: str) -> bytes:
    """How the line of a passage goes on after its first key; no two ids begin alike."""
    return json.dumps(passage_id, ensure_ascii=True).encode()[1:] + b',"conversation_id":'


def digest_of(lines: Iterable[bytes]) -> str:
    """What tells two sets of passages apart; their order does not count."""
    each = sorted(hashlib.sha256(line).digest() for line in lines)
    return hashlib.sha256(b"".join(each)).hexdigest()


def write_lines(folder: Path, lines: Sequence[bytes]) -> None:
    """Writes the lines and where each begins."""
    with (folder / LINES).open("wb") as file:
        file.writelines(lines)
    lengths = np.fromiter((len(line) for line in lines), dtype=np.int64, count=len(lines))
    np.save(folder / OFFSETS, np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)]))


class PassageFile:
    """Passages by row, read from disk when asked for. Lives with its index version; any thread may call."""

    def __init__(self, folder: Path) -> None:
        self._at = lru_cache(maxsize=_KEPT)(self._read)
        self._offsets = np.load(folder / OFFSETS)
        path = folder / LINES
        empty = path.stat().st_size == 0
        self._bytes = np.zeros(0, dtype=np.uint8) if empty else np.memmap(path, dtype=np.uint8, mode="r")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> Passage:
        return self._at(row)

    def locate(self, ids: Iterable[str]) -> dict[str, int]:
        """The rows of those passages that are here, by id. One pass over the beginnings of all lines."""
        wanted = {_beginning(each): each for each in ids}
        if not wanted or not len(self):
            return {}
        heads = self._bytes[self._offsets[:-1, None] + np.arange(len(_ID), len(_ID) + 8)].view(np.uint64).ravel()
        keys = np.frombuffer(b"".join({begin[:8] for begin in wanted}), dtype=np.uint64)
        found: dict[str, int] = {}
        for row in np.flatnonzero(np.isin(heads, keys)):
            passage = self[int(row)].id
            if wanted.get(_beginning(passage)) == passage:
                found[passage] = int(row)
        return found

    def _read(self, row: int) -> Passage:
        return from_line(self._bytes[self._offsets[row] : self._offsets[row + 1]].tobytes())
