"""Gathers records that belong together although they lie apart in a file of any size. Knows no format."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

from chatbot.transcripts.contract import MAX_TURNS

Row = tuple[int, Any]  # line, JSON value

_BUCKETS = 128
_IN_MEMORY_CHARS = 48 * 1024 * 1024


def group(
    rows: Iterable[tuple[str, int, Any, int]], in_memory: int = _IN_MEMORY_CHARS
) -> Iterator[tuple[str, list[Row]]]:
    """Groups (key, line, value, size in characters) by key, lines in their order.

    Up to `in_memory` characters the groups come in order of first appearance. Beyond, rows go to temporary files by
    the hash of their key and come back file by file: order is then another one, but always the same. A group is cut
    off one row behind MAX_TURNS, for its reader to refuse it.
    """
    held: dict[str, list[Row]] = {}
    size = 0
    source = iter(rows)
    for key, line, value, chars in source:
        _add(held, key, (line, value))
        size += chars + 200
        if size > in_memory:
            yield from _through_files(held, source)
            return
    yield from held.items()


def _add(held: dict[str, list[Row]], key: str, row: Row) -> None:
    rows = held.setdefault(key, [])
    if len(rows) <= MAX_TURNS:
        rows.append(row)


def _through_files(
    held: dict[str, list[Row]], source: Iterator[tuple[str, int, Any, int]]
) -> Iterator[tuple[str, list[Row]]]:
    with tempfile.TemporaryDirectory(prefix="precedent-") as folder:
        files: list[IO[str]] = [open(f"{folder}/{number}", "w+", encoding="utf-8") for number in range(_BUCKETS)]  # noqa: SIM115 - closed below
        try:
            for key in list(held):
                for line, value in held.pop(key):
                    _put(files, key, line, value)
            for key, line, value, _ in source:
                _put(files, key, line, value)
            for file in files:
                yield from _bucket(file)
        finally:
            for file in files:
                file.close()


def _put(files: list[IO[str]], key: str, line: int, value: Any) -> None:
    # ASCII JSON keeps even a lone surrogate writable.
    files[zlib.crc32(key.encode("utf-8", "surrogatepass")) % _BUCKETS].write(json.dumps([key, line, value]) + "\n")


def _bucket(file: IO[str]) -> Iterator[tuple[str, list[Row]]]:
    file.seek(0)
    held: dict[str, list[Row]] = {}
    for text in file:
        key, line, value = json.loads(text)
        _add(held, key, (line, value))
    yield from held.items()
    file.truncate(0)
