"""`chatbot transcripts delete`: takes imported conversations out of the database and out of every index version."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from chatbot.errors import NotFound
from chatbot.retrieval.index import list_versions
from scripts.options import DataOption, JsonOption, print_json, run, settings_from
from scripts.reindex import reindex, report
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
    index: Annotated[bool, typer.Option(help="Take their answers out of the index at once.")] = True,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deletes imported conversations for good: text, answers, search terms, and every index version that holds them.

    Where one of the ids does not exist nothing is deleted. A running server takes the new index over by itself.
    """
    settings = settings_from(ctx, data)
    database = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(database, settings.data) as store:
        missing = [id for id in ids if not store.transcripts.has(source, id)]
        if missing:
            raise NotFound(f"There is no imported conversation {missing[0]!r} from {source!r}; nothing was deleted.")
        deleted = sum(store.transcripts.delete(source, id) for id in dict.fromkeys(ids))
    if not as_json:
        Console(highlight=False, soft_wrap=True).print(f"Deleted from the database: {deleted}.")
    version = None
    if index and list_versions(settings.index_folder):
        version = reindex(settings, quiet=as_json, keep=1)  # an older version would still hold their answers
    if as_json:
        print_json({"deleted": deleted, "index": version})
    elif version:
        report(version, as_json)
    elif not index:
        Console(soft_wrap=True).print("Now run [bold]chatbot index --keep 1[/bold]: the index still answers from them.")


if __name__ == "__main__":
    run(app)
