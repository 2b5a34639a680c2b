"""`chatbot transcripts delete`: erases imported conversations, with a receipt, as `chatbot purge` does for one person."""

from __future__ import annotations

from typing import Annotated

import typer

from chatbot.erasing import Copies
from scripts.options import DataOption, JsonOption, progress_bar, run, settings_from
from scripts.purge import show_receipt
from storage.opening import open_store

app = typer.Typer(help="Imported conversations.", no_args_is_help=True)


@app.callback()
def transcripts() -> None:
    """Imported conversations."""


@app.command("delete")
def delete(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="Where they came from: the format, as `chatbot export` names it.")],
    ids: Annotated[list[str], typer.Argument(help="The conversations' ids.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erases imported conversations for good: text, answers, search terms, training examples, and every index version that holds
    them. One receipt stands for all; a restored backup erases them again.

    Where one of the ids does not exist nothing is erased. A running server takes the new index over by itself.
    """
    settings = settings_from(ctx, data)
    database = settings.database_url.get_secret_value() if settings.database_url else None
    copies = Copies(settings)
    with open_store(database, settings.data) as store:
        store.rights.catch_up(copies)
        with progress_bar(as_json) as show:
            receipt = store.rights.erase_transcripts(source, ids, copies, progress=show)
    show_receipt(receipt, as_json)


if __name__ == "__main__":
    run(app)
