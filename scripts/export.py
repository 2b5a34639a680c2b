"""`chatbot export`: conversations as JSON Lines or CSV, which `chatbot import` reads back, or as Parquet."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chatbot.errors import StorageError, UsageError
from chatbot.transcripts.exporting import export
from chatbot.types import Transcript
from scripts.options import DataOption, run, settings_from
from storage.opening import Store, open_store


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


def main(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (default: standard output).", show_default=False)
    ] = None,
    what: Annotated[What, typer.Option(help="Live chats, imported transcripts, or both.")] = What.ALL,
    format: Annotated[Format, typer.Option(help="csv and parquet: one row a turn.")] = Format.JSONL,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    data: DataOption = None,
) -> None:
    """Writes conversations; JSON Lines holds everything, a line each. The file appears when it is whole, never in part."""
    settings = settings_from(ctx, data)
    if out and out.exists() and not force:
        raise UsageError(f"{out} is there already; choose another name or say --force.")
    if out is None and format is Format.PARQUET:
        raise UsageError("Parquet is no text: name a file with --out.")
    database = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(database, settings.data) as store:
        if out is None:
            write(_conversations(store, what), lambda piece: sys.stdout.write(piece.decode()), format)
            return
        half = out.with_name(out.name + ".part")
        try:
            with half.open("wb") as file:
                count = write(_conversations(store, what), file.write, format)
                file.flush()
                os.fsync(file.fileno())
            half.replace(out)
        except OSError as exc:
            raise StorageError(f"{out} cannot be written: {exc.strerror}.") from exc
        finally:
            half.unlink(missing_ok=True)
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"{count} conversations written to {out}.", markup=False
    )


def _conversations(store: Store, what: What) -> Iterator[Transcript]:
    if what is not What.LIVE:
        yield from store.transcripts.transcripts()
    if what is not What.IMPORTED:
        yield from store.live_transcripts()


def write(transcripts: Iterator[Transcript], put: Callable[[bytes], object], format: str) -> int:
    """Writes them piece by piece; returns how many."""
    count = 0

    def counted() -> Iterator[Transcript]:
        nonlocal count
        for transcript in transcripts:
            count += 1
            yield transcript

    for piece in export(counted(), format):
        put(piece)
    return count


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
