"""`chatbot export`: conversations as JSON Lines or CSV, which `chatbot import` reads back, or as Parquet."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from chatbot.errors import UsageError
from chatbot.transcripts.exporting import export
from chatbot.types import Transcript
from scripts.options import (
    DataOption,
    JsonOption,
    ProgressSink,
    print_json,
    progress_bar,
    run,
    settings_from,
    silent,
    unwritable,
)
from storage.archive import ALL
from storage.audit import COMMAND, record
from storage.filters import Filters, check_filters
from storage.opening import Store, open_store

FILTERS = tuple(one.name for one in fields(Filters))
_STEP = 100  # conversations between two reports of progress


class What(StrEnum):
    """Which conversations."""

    ALL = "all"
    LIVE = "live"
    IMPORTED = "imported"


class Format(StrEnum):
    """What the file is."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which conversations; narrowed: only what the words and filters find."""

    what: What
    words: str
    filters: Filters
    narrowed: bool


def main(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (default: standard output).", show_default=False)
    ] = None,
    what: Annotated[What, typer.Option(help="Live chats, imported transcripts, or both.")] = What.ALL,
    format: Annotated[Format, typer.Option(help="csv and parquet: one row a turn.")] = Format.JSONL,
    words: Annotated[str, typer.Option(help='Only live chats with these words, or with a "phrase".')] = "",
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help=f"Only live chats with this; again for more. NAME: {', '.join(FILTERS)}."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Writes conversations with every message, time, tag and rating; JSON Lines also with the words beside a rating, the thumbs and
    what else an import brought. Addresses that customers left stay out. The file appears when it is whole, never in part.

    Words and filters are those of the page Transcripts; since and until are days or moments, by the last activity.
    """
    settings = settings_from(ctx, data)
    filters = read_filters(only or [])
    narrowed = bool(words.strip()) or filters != ALL
    if narrowed and what is What.IMPORTED:
        raise UsageError(
            "Imported conversations have no such filters: leave out --words and --only, or --what imported."
        )
    wish = Wish(What.LIVE if narrowed else what, words, filters, narrowed)
    if out is None and format is Format.PARQUET:
        raise UsageError("Parquet is no text: name a file with --out.")
    if out is None and as_json:
        raise UsageError(
            "Without --out the conversations themselves go to standard output, where --json would print what was written: name a "
            "file with --out, or leave out --json."
        )
    database = settings.database_url.get_secret_value() if settings.database_url else None
    half = None if out is None else _free(out, force)
    with open_store(database, settings.data) as store:
        _note(store, wish, format)
        if out is None or half is None:
            write(_conversations(store, wish), lambda piece: sys.stdout.write(piece.decode()), format)
            return
        try:
            with half.open("wb") as file, progress_bar(as_json) as show:
                count = write(_conversations(store, wish), file.write, format, show)
                file.flush()
                os.fsync(file.fileno())
            half.replace(out)
        except OSError as exc:
            raise unwritable(out, exc) from exc
        finally:
            half.unlink(missing_ok=True)
    if as_json:
        print_json({"file": out, "format": format, "conversations": count})
        return
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"{count} conversations written to {out}.", markup=False
    )


def _free(out: Path, force: bool) -> Path:
    """The file beside it that is filled first, made here. Raises UsageError where none can be, before anything is read."""
    try:
        if out.is_dir():
            raise UsageError(f"{out} is a folder; name a file in it.")
        if out.exists() and not force:
            raise UsageError(f"{out} is there already; choose another name or say --force.")
        half = out.with_name(out.name + ".part")
        half.touch()
    except OSError as exc:
        raise unwritable(out, exc) from exc
    return half


def read_filters(given: Sequence[str]) -> Filters:
    """From `name=value`. Raises UsageError, BadInput."""
    values: dict[str, Any] = {}
    for each in given:
        name, parted, value = each.partition("=")
        if name not in FILTERS or not parted or not value:
            raise UsageError(f"--only {each}: say NAME=VALUE with one of {', '.join(FILTERS)}.")
        try:
            values[name] = _KINDS.get(name, str)(value)
        except ValueError as exc:
            raise UsageError(f"--only {each}: {_WRITTEN.get(name, 'this is no number')}.") from exc
    return check_filters(Filters(**values))


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_KINDS: dict[str, Callable[[str], Any]] = {
    "since": _moment, "until": _moment, "rating": int, "agent": int, "thumb": int,
}  # fmt: skip
_WRITTEN = dict.fromkeys(("since", "until"), "write a day as 2026-05-01, or a moment as 2026-05-01T08:00:00+02:00")


def _note(store: Store, wish: Wish, format: Format) -> None:
    detail: dict[str, Any] = {"format": format.value, "what": wish.what.value}
    if wish.narrowed:
        detail |= {"words": bool(wish.words.strip())}
        given = {name: value for name in FILTERS if (value := getattr(wish.filters, name)) is not None}
        # A tag's words may be somebody's name, and the log cannot be erased.
        detail |= {name: True if name == "tag" else str(value) for name, value in given.items()}
    store.database.write(lambda c: record(c, COMMAND, "export.transcripts", None, detail)).result()


def _conversations(store: Store, wish: Wish) -> Iterator[Transcript]:
    if wish.narrowed:
        yield from store.archive.transcripts(wish.words, wish.filters)
        return
    if wish.what is not What.LIVE:
        yield from store.transcripts.transcripts()
    if wish.what is not What.IMPORTED:
        yield from store.live_transcripts()


def write(
    transcripts: Iterator[Transcript], put: Callable[[bytes], object], format: str, progress: ProgressSink = silent
) -> int:
    """Writes them piece by piece; returns how many."""
    count = 0

    def counted() -> Iterator[Transcript]:
        nonlocal count
        for transcript in transcripts:
            if count % _STEP == 0:
                progress("write conversations", count, 0)
            count += 1
            yield transcript

    for piece in export(counted(), format):
        put(piece)
    return count


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
