"""`chatbot init`: makes the data folder and the database; `--demo` loads the demo company through the ordinary import."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from chatbot.examples import FILE
from chatbot.settings import Settings
from chatbot.transcripts.contract import ReadOptions
from scripts.import_transcripts import import_path
from scripts.options import DataOption, JsonOption, print_json, run, settings_from
from scripts.reindex import reindex
from storage.opening import open_store

DEMO_KEEP_VISIBLE = ("help@northpine.example", "team@northpine.example", "+31 13 555 0142")


def main(
    ctx: typer.Context,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load the demo company, Northpine Outdoor, and index it.")
    ] = False,
    if_empty: Annotated[
        bool,
        typer.Option("--if-empty", help="With --demo: only where no transcript was ever imported and no index stands."),
    ] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes what a deployment needs; run it again and nothing changes."""
    settings = settings_from(ctx, data)
    database = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(database, settings.data) as store:
        already = store.transcripts.counts().transcripts
    kept = if_empty and bool(already or (settings.index_folder / "current").exists())
    demo = demo and not kept  # a company's own history takes in no demo
    loaded = load_demo(settings, quiet=as_json) if demo else {}
    if as_json:
        print_json({"data": settings.data, "transcripts_before": already, **loaded})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"The data folder is [bold]{escape(str(settings.data))}[/bold].")
    if demo:
        console.print(
            f"Demo company: {loaded['conversations']} conversations, {loaded['answers']} answers, index {loaded['index']}."
        )
    if kept:
        console.print("It is not empty: the demo company was not loaded.")
    console.print(
        "Next: "
        + (
            "[bold]chatbot serve[/bold]"
            if demo or kept
            else "[bold]chatbot import PATH[/bold], then [bold]chatbot index[/bold]"
        )
    )


def load_demo(settings: Settings, *, quiet: bool) -> dict[str, object]:
    """Imports the shipped transcripts and indexes them; a second time nothing changes."""
    visible = (*settings.keep_visible, *DEMO_KEEP_VISIBLE)
    settings = settings.model_copy(update={"keep_visible": visible})
    tallies = []
    for folder, form in (("transcripts", "own"), ("faq", "faq")):
        with resources.as_file(resources.files("chatbot.demo") / folder) as path:
            tallies.append(import_path(settings, Path(path), form, ReadOptions(), quiet=quiet))
    version = reindex(settings, quiet=quiet)
    offer_examples(settings.data)
    return {
        "conversations": sum(tallies[0].outcomes.values()),
        "faq": sum(tallies[1].outcomes.values()),
        "answers": sum(tally.passages for tally in tallies),
        "index": version.name,
    }


def offer_examples(data: Path) -> None:
    """The demo company's example questions become the data folder's, unless it has its own."""
    if not (data / FILE).exists():
        (data / FILE).write_bytes((resources.files("chatbot.demo") / FILE).read_bytes())


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
