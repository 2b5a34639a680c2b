"""Writes a data set's folder, whole or not at all. Must not know how examples are made."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from chatbot.errors import Conflict, StorageError, UsageError
from chatbot.learning.datasets import (
    CARD,
    FOLDER,
    README,
    DataCard,
    card_bytes,
    check_name,
    digest_of,
    file_sha256,
    next_name,
)
from chatbot.learning.examples import Example, to_line, to_record

BUILDING = ".building-"
_ROW_GROUP = 1_000


@contextmanager
def building(data: Path, name: str | None) -> Iterator[tuple[Path, str]]:
    """An empty hidden folder to fill and the name that it will get. Leaving it without `publish` leaves nothing.

    Raises UsageError for a name that is taken or none, Conflict while another data set is built.
    """
    folder = data / FOLDER
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".build.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as exc:
            raise Conflict(f"Another data set is being built in {folder}; wait until it is done.") from exc
        try:
            for left in folder.glob(f"{BUILDING}*"):  # what killed builds left
                shutil.rmtree(left, ignore_errors=True)
            named = free_name(data, name)
            made = Path(tempfile.mkdtemp(prefix=BUILDING, dir=folder))
            try:
                yield made, named
            finally:
                shutil.rmtree(made, ignore_errors=True)
        finally:
            lock.release()


def free_name(data: Path, name: str | None) -> str:
    """The name itself, or the next number. Raises UsageError where it is taken."""
    named = check_name(name) if name else next_name(data)
    if (data / FOLDER / named).exists():
        raise UsageError(
            f"There is a data set {named!r} already; take another --name, or delete it with `chatbot dataset delete`."
        )
    return named


def write_split(folder: Path, split: str, examples: Sequence[Example]) -> dict[str, str]:
    """The split's three files; their SHA-256 as they were written, whatever an erasure meanwhile made of them. Raises OSError."""
    whole = hashlib.sha256()
    with (folder / f"{split}.jsonl").open("wb") as file, (folder / f"{split}.digests").open("wb") as digests:
        for example in examples:
            line = to_line(example)
            file.write(line)
            whole.update(line)
            digests.write(digest_of(line))
        for each in (file, digests):
            each.flush()
            os.fsync(each.fileno())
    _write_parquet(folder / f"{split}.parquet", examples)
    others = {f"{split}.{kind}": file_sha256(folder / f"{split}.{kind}") for kind in ("digests", "parquet")}
    return others | {f"{split}.jsonl": whole.hexdigest()}


def publish(made: Path, data: Path, name: str, card: DataCard, readme: str) -> None:
    """Writes both cards and gives the folder its name. Raises OSError."""
    (made / README).write_text(readme, encoding="utf-8")
    half = made / f".{CARD}.part"
    half.write_bytes(card_bytes(card))
    half.replace(made / CARD)
    made.rename(data / FOLDER / name)


def _write_parquet(path: Path, examples: Sequence[Example]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, texts = pa.string(), pa.list_(pa.string())
    said = pa.list_(pa.struct([("role", text), ("content", text)]))
    lists = dict.fromkeys(("conversation_ids", "conversation_sources", "evidence"), texts)
    kinds = lists | {"messages": said, "weight": pa.float64()}
    names = ["messages", *(field.name for field in dataclasses.fields(Example) if field.name != "messages")]
    schema = pa.schema([(name, kinds.get(name, text)) for name in names])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(examples), _ROW_GROUP):
            rows = [to_record(one) for one in examples[start : start + _ROW_GROUP]]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StorageError(
            f"The data set in {folder} cannot be written: {exc.strerror or exc}; free space there."
        ) from exc
