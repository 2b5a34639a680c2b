"""`chatbot export`: everything in the own JSONL format, which `chatbot import` reads back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console

from chatbot.errors import StorageError, UsageError
from chatbot.types import Transcript, Turn
from scripts.options import DataOption, run, settings_from
from storage.opening import Store, open_store


class What(StrEnum):
    """Which conversations."""

    ALL = "all"
    LIVE = "live"
    IMPORTED = "imported"


def main(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (default: standard output).", show_default=False)
    ] = None,
    what: Annotated[What, typer.Option(help="Live chats, imported transcripts, or both.")] = What.ALL,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    data: DataOption = None,
) -> None:
    """Writes one conversation a line. The file appears when it is whole, never in part."""
    settings = settings_from(ctx, data)
    if out and out.exists() and not force:
        raise UsageError(f"{out} is there already; choose another name or say --force.")
    database = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(database, settings.data) as store:
        if out is None:
            write(_conversations(store, what), sys.stdout)
            return
        half = out.with_name(out.name + ".part")
        try:
            with half.open("w", encoding="utf-8") as file:
                count = write(_conversations(store, what), file)
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


def write(transcripts: Iterator[Transcript], file: TextIO) -> int:
    """One JSON object a line; returns how many."""
    count = 0
    for transcript in transcripts:
        file.write(json.dumps(as_own_jsonl(transcript), ensure_ascii=False) + "\n")
        count += 1
    return count


def as_own_jsonl(transcript: Transcript) -> dict[str, Any]:
    """The own JSONL shape (docs/formats.md); fields without a value are left out."""
    row: dict[str, Any] = {
        "id": transcript.id,
        "source": transcript.source,
        "language": transcript.language,
        "topic": transcript.topic,
        "status": transcript.status,
        "csat": transcript.csat,
        "tags": list(transcript.tags) or None,
        "turns": [_turn(turn) for turn in transcript.turns],
        "meta": dict(transcript.meta) or None,
    }
    return {key: value for key, value in row.items() if value is not None}


def _turn(turn: Turn) -> dict[str, Any]:
    row = {"role": turn.role.value, "text": turn.text, "time": _iso(turn.time), "author": turn.author}
    return {key: value for key, value in row.items() if value is not None}


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
