"""`chatbot retention`: what has grown older than `retention_days` allows, and its erasure; the server runs it once a day."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from chatbot.erasing import Copies
from scripts.options import DataOption, JsonOption, print_json, progress_bar, settings_from
from storage.opening import open_store
from storage.retention import Due

app = typer.Typer(help="Erase conversations that have grown old (setting retention_days).", no_args_is_help=True)


@app.command("run")
def run_(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erases what is due, with receipts. Conversations with people, or waiting for one, are never touched."""
    settings = settings_from(ctx, data)
    url = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(url, settings.data) as store:
        due = store.retention.due(settings.retention_days)
        if dry_run or not any(one.conversations for one in due):
            return _show(due, as_json)
        with progress_bar(as_json) as show:
            receipts = store.retention.run(settings.retention_days, Copies(settings), progress=show)
    if as_json:
        print_json(receipts)
        return
    gone = sum(receipt.conversations for receipt in receipts)
    Console(highlight=False).print(f"Erased {gone} conversations; {len(receipts)} receipts.")


def _show(due: list[Due], as_json: bool) -> None:
    if as_json:
        print_json(due)
        return
    table = Table("status", "kept for", "due now", "oldest")
    for one in due:
        oldest = f"{one.oldest:%Y-%m-%d}" if one.oldest else ""
        table.add_row(one.status, f"{one.days} days", str(one.conversations), oldest)
    none = "Nothing is erased by age: the setting retention_days is empty."
    Console(highlight=False, soft_wrap=True).print(table if due else none)
