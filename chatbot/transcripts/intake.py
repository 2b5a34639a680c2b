"""From an export to the store: read, distil, mask, and hand on, whoever asks for it. Must not know SQL, commands or pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from chatbot.errors import BadInput, FormatError
from chatbot.language import detect
from chatbot.privacy import Masker
from chatbot.transcripts.contract import BadRecord, ReadOptions
from chatbot.transcripts.distil import distil
from chatbot.transcripts.reading import detect_formats, read_transcripts
from chatbot.types import Origin, Passage, Transcript

SAMPLES = 5
Progress = Callable[[str, int, int], None]


class Batch(Protocol):
    """Takes conversations; nothing of them is visible before the caller commits (`storage.importing.Batch`)."""

    def add(self, transcript: Transcript, passages: Sequence[Passage]) -> str: ...


@dataclass(slots=True)
class Tally:
    """What an import found: conversations by outcome, passages, languages, and the records it skipped."""

    format: str
    outcomes: Counter[str] = field(default_factory=Counter)
    passages: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    bad: list[BadRecord] = field(default_factory=list)
    samples: list[Passage] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Were there records, and none of them could be used?"""
        return bool(self.bad) and not self.outcomes

    def view(self, *, dry_run: bool) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "format": self.format,
            "dry_run": dry_run,
            "conversations": dict(self.outcomes),
            "passages": self.passages,
            "languages": dict(self.languages),
            "skipped": [{"file": bad.file, "line": bad.line, "reason": bad.reason} for bad in self.bad],
            "samples": [{"question": p.question, "answer": p.answer, "language": p.language} for p in self.samples],
        }


@dataclass(frozen=True, slots=True)
class Export:
    """What is taken in. format: "auto" or one of `reading.FORMATS`; strict: a bad record ends it."""

    path: Path
    format: str = "auto"
    options: ReadOptions = field(default_factory=ReadOptions)
    strict: bool = False

    def formats(self) -> str:
        """The formats in it, by name. Raises FormatError for one that nobody knows."""
        return ", ".join(detect_formats(self.path, self.options)) if self.format == "auto" else self.format


def take_in(export: Export, tally: Tally, masker: Masker, batch: Batch | None, show: Progress) -> None:
    """Reads an export to its end into `batch`, or, without one, only counts what would come in. Fills `tally`.

    show: called with ("read conversations", how many, 0) before each; what it raises ends the import.
    Raises FormatError and BadInput: at once for a file, for a record only where `strict`.
    """
    for transcript, passages in _read(export, tally, masker, show):
        try:
            tally.outcomes[batch.add(transcript, passages) if batch else "found"] += 1
        except BadInput as exc:
            if export.strict:
                raise
            origin = transcript.origin or Origin(export.path.name, 0)
            tally.bad.append(BadRecord(origin.file, origin.line, str(exc)))
            continue
        tally.passages += len(passages)
        tally.languages.update(passage.language for passage in passages)
        tally.samples.extend(passages[: max(0, SAMPLES - len(tally.samples))])


def _read(export: Export, tally: Tally, masker: Masker, show: Progress) -> Iterator[tuple[Transcript, list[Passage]]]:
    for done, item in enumerate(read_transcripts(export.path, export.format, options=export.options), 1):
        show("read conversations", done, 0)
        if isinstance(item, BadRecord):
            if export.strict:
                raise FormatError(
                    f"{item.file} line {item.line}: {item.reason.rstrip('.')}. Nothing was imported (--strict)."
                )
            tally.bad.append(item)
        else:
            yield item, distil(item, masker, lambda text: detect(text).language)
