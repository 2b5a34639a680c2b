"""`chatbot dataset`: builds data sets to tune on from what the store holds; `list`, `show`, `verify` and `delete` beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatbot.erasing import Copies
from chatbot.learning.datasets import Dataset
from chatbot.settings import Settings
from scripts.options import ConfigOption, DataOption, JsonOption, print_json, progress_bar, run, settings_from
from storage.opening import open_store

if TYPE_CHECKING:
    from chatbot.learning.dataset_build import Options

app = typer.Typer(help="Data sets to tune on, made from your conversations.", no_args_is_help=True)


@app.callback()
def dataset() -> None:
    """Data sets to tune on, made from your conversations."""


@app.command("build")
def build_(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option(help="Name; default: ds-0001 and so on.", show_default=False)] = None,
    passages: Annotated[int, typer.Option(help="Passages in a prompt.")] = 3,
    without: Annotated[
        float, typer.Option(help="Share of examples whose passages do not answer: they teach to hand over.")
    ] = 0.2,
    validation: Annotated[float, typer.Option(help="Share of the conversations to stop by.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the conversations to judge by; the newest.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of everything drawn by chance.")] = 1,
    augment: Annotated[
        str, typer.Option(help="noise (typing slips), rare (more of rare topics), or both: noise,rare.")
    ] = "",
    languages: Annotated[str, typer.Option(help="Only these, such as en,de.")] = "",
    most_alike: Annotated[int, typer.Option(min=1, help="Examples with the same reply.")] = 40,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Builds a data set: graded, masked, without duplicates, parted by time, with a card that tells what it holds."""
    from chatbot.learning.dataset_build import Options

    settings = settings_from(ctx, data)
    options = Options(
        passages, without, validation, test, seed, (), tuple(filter(None, languages.split(","))), most_alike
    )
    made = build_dataset(settings, name, options, quiet=as_json)
    if as_json:
        print_json({"name": made.name, "folder": made.folder, "sha256": made.sha256, "card": made.card})
    else:
        _show(made)


def build_dataset(settings: Settings, name: str | None, options: Options, *, quiet: bool = False) -> Dataset:
    """From the store that the settings name."""
    from chatbot.assembly import ENCODER_LANGUAGES
    from chatbot.learning.dataset_build import Tools, build, check
    from chatbot.learning.making import Writing
    from chatbot.learning.material import Material, public_contacts
    from chatbot.privacy import Masker
    from chatbot.retrieval.embedder import open_embedder

    check(options)
    url = settings.database_url.get_secret_value() if settings.database_url else None
    with (
        progress_bar(quiet) as show,
        open_store(url, settings.data) as store,
        store.rights.overtaken(Copies(settings)),
    ):
        passages = list(store.transcripts.passages())
        masker = Masker((*settings.keep_visible, *public_contacts(passages, Masker(settings.keep_visible))))
        trusted = ENCODER_LANGUAGES.get(settings.encoder, frozenset(settings.languages))
        writing = Writing(settings.company, options.passages, most_tokens=settings.max_new_tokens, trusted=trusted)
        tools = Tools(open_embedder(settings), masker, writing, settings.languages)
        material = Material(store.transcripts.transcripts(), passages, tuple(store.knowledge.retired()))
        return build(material, settings.data, name, options, tools, show)


def _show(made: Dataset) -> None:
    print(made.card)


if __name__ == "__main__":
    run(app)
