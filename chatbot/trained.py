"""What was made of conversations outside database and index: training examples, exports kept in the data folder, and the note
of which models learnt from them. Takes conversations out again; must not know why.

An example names its conversation in `conversation_id` (or several in `conversation_ids`), and may name the `source`, or in step
with them `conversation_sources`; a line of our own export names it in `id` beside `turns`. A model's card names what it was
trained on in `conversations_sha256`, the hex SHA-256 of each conversation's id.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from chatbot.errors import StorageError

Doomed = Callable[[str | None, str], bool]
FOLDERS = ("datasets", "exports", "evaluations")
CARD = "card.json"


@dataclass(frozen=True, slots=True)
class Removed:
    """examples: how many went; files: those that held some, relative to the data folder; unreadable: files that could not be
    looked through, which a person must check."""

    examples: int = 0
    files: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


class _UnreadableError(Exception):
    """The file is not what its name says."""


def remove_examples(data: Path, doomed: Doomed, *, dry_run: bool = False) -> Removed:
    """Rewrites every JSONL (also .gz), CSV and Parquet file under FOLDERS without the doomed conversations.

    A file is replaced as a whole, or left as it is. Raises StorageError when the disk refuses.
    """
    gone, files, unreadable = 0, [], []
    for path in _files(data):
        name = str(path.relative_to(data))
        try:
            removed = _rewrite(path, doomed, dry_run)
        except _UnreadableError:
            unreadable.append(name)
            continue
        except OSError as exc:
            raise StorageError(f"{path} cannot be rewritten: {exc.strerror or exc}; run the erasure again.") from exc
        if removed:
            gone += removed
            files.append(name)
    return Removed(gone, tuple(files), tuple(unreadable))


def models_trained_on(models: Path, conversations: Collection[str]) -> list[str]:
    """Names of the model versions whose card lists one of these ids. What a model has learnt cannot be taken out of it."""
    wanted = {hashlib.sha256(each.encode()).hexdigest() for each in conversations}
    named = []
    for card in sorted(models.glob(f"*/{CARD}")):
        try:
            listed = json.loads(card.read_bytes())["conversations_sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a card without the list was not trained here
        if isinstance(listed, list) and not wanted.isdisjoint(map(str, listed)):
            named.append(card.parent.name)
    return named


def _files(data: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            if path.is_file() and not path.is_symlink() and _reader_of(path):
                yield path


def _reader_of(path: Path) -> Callable[[Path, Doomed, bool], int] | None:
    ending = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    return _READERS.get(ending) if ending != "parquet" or not path.name.endswith(".gz") else None


def _rewrite(path: Path, doomed: Doomed, dry_run: bool) -> int:
    reader = _reader_of(path)
    assert reader is not None  # _files gives no others
    return reader(path, doomed, dry_run)


def _jsonl(path: Path, doomed: Doomed, dry_run: bool) -> int:
    removed = 0
    with _open(path) as file, _replacing(path, dry_run) as out:
        for line in file:
            if line.strip() and _names_doomed(_record(line), doomed):
                removed += 1
            else:
                out.write(line)
        out.keep(removed)
    return removed


def _csv(path: Path, doomed: Doomed, dry_run: bool) -> int:
    removed = 0
    with _open(path) as raw, _replacing(path, dry_run) as out:
        rows = csv.reader(line.decode("utf-8-sig" if number == 0 else "utf-8") for number, line in enumerate(raw))
        write = csv.writer(_Encoded(out)).writerow
        try:
            header = next(rows, [])
            write(header)
            for row in rows:
                if _names_doomed(dict(zip(header, row, strict=False)), doomed):
                    removed += 1
                else:
                    write(row)
        except (UnicodeDecodeError, csv.Error) as exc:
            raise _UnreadableError(path.name) from exc
        out.keep(removed)
    return removed


def _parquet(path: Path, doomed: Doomed, dry_run: bool) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    removed = 0
    try:
        with pq.ParquetFile(path) as file, _replacing(path, dry_run) as out:
            names = [name for name in (*_IDS, "source", _SOURCES) if name in file.schema_arrow.names]
            with pq.ParquetWriter(out, file.schema_arrow) as writer:
                for group in range(file.num_row_groups):
                    keys = file.read_row_group(group, columns=names).to_pylist()
                    keep = [not _names_doomed(key, doomed) for key in keys]
                    removed += keep.count(False)
                    writer.write_table(file.read_row_group(group).filter(pa.array(keep, pa.bool_())))
            out.keep(removed)
    except pa.ArrowInvalid as exc:
        raise _UnreadableError(path.name) from exc
    return removed


_READERS: dict[str, Callable[[Path, Doomed, bool], int]] = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}
_IDS = ("conversation_id", "conversation_ids", "id")
_SOURCES = "conversation_sources"


def _names_doomed(record: Mapping[str, Any], doomed: Doomed) -> bool:
    source = record.get("source")
    source = source if isinstance(source, str) else None
    named = record.get("conversation_id", record.get("id"))
    several = record.get("conversation_ids") or ()
    sources = record.get(_SOURCES)
    if not isinstance(sources, list) or len(sources) != len(several):
        sources = [source] * len(several)
    places = [(source, named), *zip(sources, several, strict=True)]
    return any(isinstance(each, str) and doomed(where, each) for where, each in places)


def _record(line: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as exc:
        raise _UnreadableError("a line is not JSON") from exc
    return found if isinstance(found, Mapping) else {}


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw as file:
            yield file  # type: ignore[misc]
    except (EOFError, gzip.BadGzipFile) as exc:
        raise _UnreadableError(path.name) from exc


class _Half:
    """A file beside the real one, which takes its place only when told to and whole."""

    def __init__(self, path: Path, dry_run: bool) -> None:
        self._path, self._part, self._wanted = path, path.with_name(f".{path.name}.part"), False
        self._raw: IO[bytes] | None = None if dry_run else self._part.open("wb")
        self._written = 0
        zips = path.suffix == ".gz" and self._raw is not None
        self._file: Any = gzip.GzipFile(fileobj=self._raw, mode="wb", filename="") if zips else self._raw
        self.closed = False

    def write(self, data: bytes) -> int:
        if self._file is not None:
            self._file.write(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def keep(self, removed: int) -> None:
        """Only a file that has lost something is replaced."""
        self._wanted = removed > 0

    def close(self) -> None:
        """For writers that close what they write to; the file itself is closed by `end`."""

    def end(self, failed: bool) -> None:
        if self._raw is None:
            return
        if self._file is not self._raw:
            self._file.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        if self._wanted and not failed:
            os.replace(self._part, self._path)
        else:
            self._part.unlink()


@contextmanager
def _replacing(path: Path, dry_run: bool) -> Iterator[_Half]:
    half = _Half(path, dry_run)
    try:
        yield half
    except BaseException:
        half.end(failed=True)
        raise
    half.end(failed=False)


class _Encoded:
    """Text in, UTF-8 out."""

    def __init__(self, out: _Half) -> None:
        self._out = out

    def write(self, text: str) -> int:
        return self._out.write(text.encode())
