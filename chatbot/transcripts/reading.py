"""Past conversations out of files: which format, which files belong together, one transcript at a time. Knows no
vendor's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from chatbot.errors import FormatError
from chatbot.transcripts import csvfile, zendeskfiles
from chatbot.transcripts.contract import BadRecord, Context, ReadOptions, Record, RecordError
from chatbot.transcripts.jsonstream import iter_json
from chatbot.transcripts.opening import open_text
from chatbot.transcripts.vendors import alpaca, chatml, chatwoot, faq, freshdesk, intercom, own, sharegpt, zendesk
from chatbot.types import Transcript

__all__ = ["FORMATS", "BadRecord", "ReadOptions", "detect_formats", "read_transcripts"]

# In the order in which a record is tried: the more telling shapes first.
_JSON: Mapping[str, ModuleType] = {
    "own": own,
    "intercom": intercom,
    "chatwoot": chatwoot,
    "chatml": chatml,
    "sharegpt": sharegpt,
    "freshdesk": freshdesk,
    "zendesk": zendesk,
    "alpaca": alpaca,
    "faq": faq,
}
FORMATS = (*_JSON, "csv")
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".gz")
_SAMPLE = 20


def read_transcripts(
    path: Path | Sequence[Path], format: str = "auto", *, options: ReadOptions | None = None
) -> Iterator[Transcript | BadRecord]:
    """Transcripts in the order of the files, one at a time; a record that cannot be used comes as a BadRecord in its
    place.

    path: a file, several, or a folder (its .json .jsonl .ndjson .csv .tsv .txt files, gzip or not, by name).
    Zendesk's tickets, comments and users may lie in different files. format: one of FORMATS, or "auto". Memory stays
    bounded whatever the file's size. Raises FormatError, naming the file and where, for a file that is broken, of
    another encoding or of no known format: the caller must then drop what came before.
    """
    options = options or ReadOptions()
    if format not in ("auto", *FORMATS):
        raise FormatError(f"There is no format {format!r}; known: auto, {', '.join(FORMATS)}.")
    files = _files(path)
    formats = [_detect(file, options) if format == "auto" else format for file in files]
    tickets = [file for file, found in zip(files, formats, strict=True) if found == "zendesk"]
    for file, found in zip(files, formats, strict=True):
        if found != "zendesk":
            yield from _read(file, found, options)
        elif file == tickets[0]:
            yield from zendeskfiles.read_files(tickets, options, _records)


def detect_formats(path: Path | Sequence[Path], options: ReadOptions | None = None) -> tuple[str, ...]:
    """The formats of a file, or of a folder's files, each by itself; sorted, each once. Raises FormatError for none."""
    return tuple(sorted({_detect(file, options or ReadOptions()) for file in _files(path)}))


def _files(path: Path | Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for item in [path] if isinstance(path, Path) else path:
        if item.is_dir():
            inside = sorted(file for file in item.iterdir() if file.suffix.lower() in _SUFFIXES and file.is_file())
            if not inside:
                raise FormatError(f"The folder {item} holds no {', '.join(_SUFFIXES)} file.")
            files += inside
        elif item.exists():
            files.append(item)
        else:
            raise FormatError(f"{item} does not exist.")
    return files


def _detect(path: Path, options: ReadOptions) -> str:
    """Looks at the first records; the first format that any of them has is the file's."""
    with open_text(path, options.encoding) as stream:
        sample = list(islice(_json_records(stream, path, options), _SAMPLE)) if _is_json(path, options) else None
        if sample is None:
            header, _, _ = csvfile.read_header(stream, options)
            found = csvfile.csv_format(header, options)
            if found:
                return found
            raise FormatError(_unknown(path, f"columns {', '.join(header[:8])}"[:200]))
    records = [record.value for record in sample if isinstance(record, Record)]
    for name, vendor in _JSON.items():
        if any(vendor.matches(record) for record in records):
            return name
    if not records and sample and isinstance(sample[0], BadRecord):
        raise FormatError(
            f"{path.name}, line {sample[0].line}: {sample[0].reason}; no record of this file can be read."
        )
    if not records:
        raise FormatError(f"{path.name} holds no record; there is nothing to import.")
    raise FormatError(_unknown(path, f"keys {', '.join(map(str, list(records[0])[:8]))}"[:200]))


def _unknown(path: Path, what: str) -> str:
    return (
        f"{path.name} ({what}) is of no format that is known here: {', '.join(FORMATS)}. "
        "Name it with --format, or map columns with --column."
    )


def _is_json(path: Path, options: ReadOptions) -> bool:
    with open_text(path, options.encoding) as stream:
        while char := stream.read(1):
            if not char.isspace():
                return char in "{["
    raise FormatError(f"{path.name} is empty; there is nothing to import.")


def _json_records(stream: Any, path: Path, options: ReadOptions) -> Iterator[Record | BadRecord]:
    return iter_json(stream, path.name, options.max_record_chars)


def _records(path: Path, options: ReadOptions) -> Iterator[Record | BadRecord]:
    with open_text(path, options.encoding) as stream:
        yield from _json_records(stream, path, options)


def _rows(path: Path, options: ReadOptions) -> Iterator[Record | BadRecord]:
    with open_text(path, options.encoding, newline="") as stream:
        yield from csvfile.iter_rows(stream, path.name, options)


def _read(path: Path, format: str, options: ReadOptions) -> Iterator[Transcript | BadRecord]:
    context = Context(path.name, options)
    is_json = _is_json(path, options)
    if format not in (_JSON if is_json else ("faq", "csv")):
        raise FormatError(f"{path.name} is {'JSON' if is_json else 'no JSON'}; it cannot be read as {format}.")
    if format == "csv":
        yield from csvfile.iter_conversations(_rows(path, options), context)
    else:
        read: Callable[[Record, Context], Transcript] = _JSON[format].read
        records = _records(path, options) if is_json else _rows(path, options)
        yield from _each(records, read, _JSON[format].matches, context)


def _each(
    records: Iterator[Record | BadRecord],
    read: Callable[[Record, Context], Transcript],
    matches: Callable[[Mapping[str, Any]], bool],
    context: Context,
) -> Iterator[Transcript | BadRecord]:
    for record in records:
        if isinstance(record, BadRecord):
            yield record
            continue
        try:
            if not matches(record.value):
                raise RecordError(
                    f"it has not the keys of this format; it has {', '.join(map(str, list(record.value)[:6]))}"[:200]
                )
            yield read(record, context)
        except RecordError as exc:
            yield BadRecord(context.file, exc.line or record.line, str(exc))
