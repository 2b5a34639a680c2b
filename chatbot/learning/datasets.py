"""Data sets of a deployment: the folders that hold one, their cards, and whether they are still what was built. Must not know how
examples are made, nor SQL.

`<data>/datasets/<name>/` holds for each split `<split>.jsonl`, the same rows as `<split>.parquet`, and `<split>.digests`: the first
8 bytes of the SHA-256 of every line as it was built. `card.json` comes last. An erasure (`chatbot.trained`) takes lines out and
touches nothing else, so a data set is whole when what is left are lines of its own, in their order.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatbot.errors import NotFound, StorageError, UsageError

FOLDER, CARD, README = "datasets", "card.json", "card.md"
SPLITS = ("train", "validation", "test")
DIGEST_BYTES = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COUNTED = re.compile(r"ds-(\d{4,})")


@dataclass(frozen=True, slots=True)
class DataCard:
    """What a data set holds and how it was made; nothing of the machine or the hour, so that the same store gives the same bytes.

    examples, conversations: by split. languages, topics, kinds, origins, augmented: examples by value, over all splits. dropped:
    replies left out, by reason. split: how the conversations were parted. settings: every option, and what the prompts depend on.
    files: SHA-256 of every other file. warnings: sentences for whoever trains on it.
    """

    examples: Mapping[str, int]
    conversations: Mapping[str, int]
    languages: Mapping[str, int]
    topics: Mapping[str, int]
    kinds: Mapping[str, int]
    origins: Mapping[str, int]
    augmented: Mapping[str, int]
    dropped: Mapping[str, int]
    split: Mapping[str, Any]
    settings: Mapping[str, Any]
    files: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    made_by: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set whose files have been checked. erased: examples that an erasure has taken out since. sha256: of what its splits
    hold now, so that a run can tell whether it goes on with the data that it began with."""

    folder: Path
    card: DataCard
    erased: int
    sha256: str

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def train(self) -> Path:
        return self.folder / "train.jsonl"

    @property
    def validation(self) -> Path:
        return self.folder / "validation.jsonl"

    @property
    def test(self) -> Path:
        return self.folder / "test.jsonl"


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list. problem: why it cannot be used, None where it can; examples: as built."""

    name: str
    made: datetime
    examples: int = 0
    languages: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None


def check_name(name: str) -> str:
    """Raises UsageError for a name that is no plain folder name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a data set: take letters, digits, '.', '_' and '-', such as ds-0001.")
    return name


def next_name(data: Path) -> str:
    """ds-0001, or the number after the highest that is there."""
    found = [_COUNTED.fullmatch(path.name) for path in _folders(data)]
    return f"ds-{max((int(match[1]) for match in found if match), default=0) + 1:04d}"


def names(data: Path) -> list[str]:
    """Newest first."""
    return [path.name for path in sorted(_folders(data), key=_age, reverse=True)]


def open_dataset(data: Path, name: str | None = None) -> Dataset:
    """A data set, every byte checked; without a name the newest.

    Raises NotFound, and UsageError naming the file that is not as it was.
    """
    if name is None:
        newest = names(data)
        if not newest:
            raise NotFound(f"There is no data set in {data / FOLDER} yet; run `chatbot dataset build`.")
        name = newest[0]
    folder = data / FOLDER / check_name(name)
    if not (folder / CARD).is_file():
        raise NotFound(
            f"There is no data set {name!r} in {data / FOLDER}; `chatbot dataset list` names those there are."
        )
    card = read_card(folder / CARD)
    try:
        return _checked(folder, card)
    except OSError as exc:
        raise UsageError(
            f"{exc.filename or folder} cannot be read: {exc.strerror or exc}; build the data set anew."
        ) from exc


def list_datasets(data: Path) -> list[Listed]:
    """Newest first; without a look at the files, which `open_dataset` checks."""
    return [_listed(data / FOLDER / name) for name in names(data)]


def delete_dataset(data: Path, name: str) -> None:
    """Removes it for good. Raises NotFound, StorageError."""
    folder = data / FOLDER / check_name(name)
    if not folder.is_dir():
        raise NotFound(f"There is no data set {name!r} in {data / FOLDER}.")
    try:
        (folder / CARD).unlink(missing_ok=True)  # without its card the rest is no data set, should this be cut short
        shutil.rmtree(folder)
    except OSError as exc:
        raise StorageError(f"{folder} cannot be deleted: {exc.strerror or exc}; delete the folder by hand.") from exc


def read_card(path: Path) -> DataCard:
    """Raises UsageError for what is no card."""
    try:
        raw = json.loads(path.read_bytes())
        known = {one.name for one in fields(DataCard)}
        return DataCard(
            **{name: value for name, value in raw.items() if name in known} | {"warnings": tuple(raw["warnings"])}
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise UsageError(f"{path} is damaged; build the data set anew with `chatbot dataset build`.") from exc


def card_bytes(card: DataCard) -> bytes:
    """The card as it is written."""
    return json.dumps(asdict(card), ensure_ascii=False, indent=2).encode() + b"\n"


def digest_of(line: bytes) -> bytes:
    """Of one line with its line feed."""
    return hashlib.sha256(line).digest()[:DIGEST_BYTES]


def file_sha256(path: Path) -> str:
    """Hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folders(data: Path) -> Iterator[Path]:
    for path in sorted((data / FOLDER).glob("*")):
        if not path.name.startswith(".") and (path / CARD).is_file():
            yield path


def _age(folder: Path) -> tuple[int, str]:
    return (folder / CARD).stat().st_mtime_ns, folder.name


def _listed(folder: Path) -> Listed:
    made = datetime.fromtimestamp((folder / CARD).stat().st_mtime, UTC)
    try:
        card = read_card(folder / CARD)
    except UsageError as exc:
        return Listed(folder.name, made, problem=str(exc))
    return Listed(folder.name, made, sum(card.examples.values()), card.languages)


def _checked(folder: Path, card: DataCard) -> Dataset:
    found = {name: file_sha256(folder / name) for name in sorted(card.files)}
    other = {name for name in found if found[name] != card.files[name]}
    erased = 0
    for split in SPLITS:
        if f"{split}.jsonl" in other:
            erased += _missing(folder / f"{split}.jsonl", card.examples[split])
            _check_rows(folder, split)
            other -= {f"{split}.jsonl", f"{split}.parquet"}
    if other:
        raise _changed(folder / min(other))
    held = "\n".join(f"{split} {found[f'{split}.jsonl']}" for split in SPLITS)
    return Dataset(folder, card, erased, hashlib.sha256(held.encode()).hexdigest())


def _missing(path: Path, built: int) -> int:
    """How many lines are gone. Raises UsageError where one is there that was not built, or the order is another."""
    digests = path.with_suffix(".digests").read_bytes()
    at, kept = 0, 0
    with path.open("rb") as file:
        for line in file:
            wanted = digest_of(line)
            while digests[at : at + DIGEST_BYTES] != wanted:
                at += DIGEST_BYTES
                if at >= len(digests):
                    raise _changed(path)
            at += DIGEST_BYTES
            kept += 1
    return built - kept


def _check_rows(folder: Path, split: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = [json.loads(line)["id"] for line in (folder / f"{split}.jsonl").read_bytes().splitlines()]
    try:
        rows = pq.read_table(folder / f"{split}.parquet", columns=["id"])["id"].to_pylist()
    except pa.ArrowException:
        rows = None
    if rows != lines:
        raise _changed(folder / f"{split}.parquet")


def _changed(path: Path) -> UsageError:
    return UsageError(f"{path} is not what was built; build the data set anew with `chatbot dataset build`.")
