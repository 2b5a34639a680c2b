"""`chatbot dataset`: builds data sets to tune on from what the store holds; `list`, `show`, `verify` and `delete` beside it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from chatbot.erasing import Copies
from chatbot.errors import NotFound, StorageError, UsageError
from chatbot.learning.datasets import FOLDER, README, Dataset, delete_dataset, list_datasets, open_dataset
from chatbot.room import need_room
from chatbot.settings import Settings
from scripts.options import DataOption, JsonOption, print_json, progress_bar, run, settings_from
from storage.opening import Store, open_store
from storage.teachings import Teachings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatbot.learning.dataset_build import Options, Tools
    from chatbot.learning.material import Material
    from chatbot.types import Passage

app = typer.Typer(help="Data sets to tune on, made from your conversations.", no_args_is_help=True)
_BYTES_A_REPLY = 4_000  # of all its files, generously: most replies give no example, and one takes 3,000
NameArgument = Annotated[str | None, typer.Argument(help="Data set; default: the newest.", show_default=False)]


@app.callback()
def dataset() -> None:
    """Data sets to tune on, made from your conversations."""


@app.command("build")
def build_(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option(help="Name; default: ds-0001 and so on.", show_default=False)] = None,
    passages: Annotated[int, typer.Option(help="Passages in a prompt.")] = 3,
    without: Annotated[float, typer.Option(help="Share of the examples whose passages do not answer.")] = 0.2,
    validation: Annotated[float, typer.Option(help="Share of the conversations to stop by.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the conversations to judge by, the newest.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn by chance.")] = 1,
    augment: Annotated[
        str, typer.Option(help="noise (slips of typing), rare (more of rare topics), or noise,rare.")
    ] = "",
    languages: Annotated[str, typer.Option(help="Only these, such as en,de; each must have examples.")] = "",
    most_alike: Annotated[int, typer.Option(help="Most examples with the same reply.")] = 40,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Builds a data set: graded, masked, without duplicates, parted by time, with a card that tells what it holds."""
    from chatbot.learning.dataset_build import Options

    settings = settings_from(ctx, data)
    chosen = Options(
        passages,
        without,
        validation,
        test,
        seed,
        _listed(augment),
        _listed(languages),
        most_alike,
    )
    made = build_dataset(settings, name, chosen, quiet=as_json)
    if as_json:
        print_json({"name": made.name, "folder": made.folder, "sha256": made.sha256, "card": made.card})
    else:
        _tell(made)


def build_dataset(settings: Settings, name: str | None, options: Options, *, quiet: bool = False) -> Dataset:
    """From the store that the settings name. Raises what `dataset_build.build` raises."""
    from chatbot.learning.dataset_build import build, check
    from chatbot.learning.dataset_files import free_name

    check(options)
    free_name(settings.data, name)
    url = settings.database_url.get_secret_value() if settings.database_url else None
    with (
        progress_bar(quiet) as show,
        open_store(url, settings.data) as store,
        store.rights.overtaken(Copies(settings)),
    ):
        _check_enough(store, settings)
        show("read passages", 0, 0)
        material = _material(store)
        return build(material, settings.data, name, options, _tools(settings, material.passages), show)


def _check_enough(store: Store, settings: Settings) -> None:
    from chatbot.learning.dataset_build import FEWEST_CONVERSATIONS

    counts = store.transcripts.counts()
    if not counts.passages:
        raise UsageError("There is no conversation to learn from yet; run `chatbot import` first.")
    live = sum(1 for _ in islice(store.live_transcripts(), FEWEST_CONVERSATIONS))
    if counts.transcripts + live < FEWEST_CONVERSATIONS:
        raise UsageError(
            f"{counts.transcripts + live} conversations are too few to learn from, and {FEWEST_CONVERSATIONS} are needed; import "
            "more of them, then build again."
        )
    need_room(settings.data / FOLDER, counts.passages * _BYTES_A_REPLY, f"A data set of {counts.passages} answers")


def _material(store: Store) -> Material:
    from chatbot.learning.live_replies import opinions
    from chatbot.learning.material import Material

    teachings = Teachings(store.database)
    judged = {place: (one.verdict, one.thumb, one.action) for place, one in teachings.judged().items()}
    edits = {place: (one.inserted, one.sent) for place, one in teachings.edits().items()}
    return Material(
        transcripts=store.transcripts.transcripts(),
        passages=list(store.transcripts.passages()),
        retired=list(store.knowledge.retired()),
        live=store.live_transcripts(),
        said=opinions(judged, edits),
        written={key: (one.conversation_id, one.rejected) for key, one in teachings.written().items()},
    )


def _tools(settings: Settings, passages: Sequence[Passage]) -> Tools:
    from chatbot.assembly import ENCODER_LANGUAGES
    from chatbot.learning.dataset_build import Tools
    from chatbot.learning.making import Writing
    from chatbot.learning.material import public_contacts
    from chatbot.privacy import Masker
    from chatbot.retrieval.embedder import open_embedder

    masker = Masker((*settings.keep_visible, *public_contacts(passages, Masker(settings.keep_visible))))
    trusted = ENCODER_LANGUAGES.get(settings.encoder, frozenset(settings.languages))
    writing = Writing(settings.company, most_tokens=settings.max_new_tokens, trusted=trusted)
    return Tools(open_embedder(settings), masker, writing, settings.languages)


@app.command("list")
def list_(ctx: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Lists the data sets, newest first."""
    found = list_datasets(settings_from(ctx, data).data)
    if as_json:
        print_json(found)
        return
    table = Table("data set", "made", "examples", "languages")
    for one in found:
        languages = ", ".join(f"{language} {count}" for language, count in one.languages.items())
        table.add_row(one.name, f"{one.made:%Y-%m-%d %H:%M}", str(one.examples), one.problem or languages)
    Console().print(table if found else "There is no data set yet; run `chatbot dataset build`.")


@app.command("show")
def show_(ctx: typer.Context, name: NameArgument = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Shows a data set's card."""
    made = open_dataset(settings_from(ctx, data).data, name)
    if as_json:
        print_json({"name": made.name, "sha256": made.sha256, "erased": made.erased, "card": made.card})
        return
    try:
        Console().print(Markdown((made.folder / README).read_text(encoding="utf-8")))
    except OSError as exc:
        raise StorageError(f"{made.folder / README} cannot be read: {exc.strerror}.") from exc
    _tell(made)


@app.command("verify")
def verify_(
    ctx: typer.Context, name: NameArgument = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Checks every byte of a data set against its card; what an erasure took out since is said."""
    folder = settings_from(ctx, data).data
    with progress_bar(as_json) as show:
        show("check bytes", 0, 0)
        made = open_dataset(folder, name)
    if as_json:
        print_json({"name": made.name, "sha256": made.sha256, "erased": made.erased, "whole": True})
    else:
        _tell(made)


@app.command("delete")
def delete_(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Data set.")],
    data: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deletes a data set for good; models that were tuned on it stay."""
    folder = settings_from(ctx, data).data
    if name not in {one.name for one in list_datasets(folder)}:
        raise NotFound(f"There is no data set {name!r} in {folder / FOLDER}.")
    if not yes and not typer.confirm(f"Delete the data set {name} for good?"):
        raise typer.Exit(1)
    delete_dataset(folder, name)
    Console(highlight=False, soft_wrap=True).print(f"Deleted [bold]{name}[/bold].")


def _tell(made: Dataset) -> None:
    console = Console(highlight=False, soft_wrap=True)
    card = made.card
    counts = ", ".join(f"{split} {count}" for split, count in card.examples.items())
    console.print(f"Data set [bold]{made.name}[/bold] is whole: {sum(card.examples.values())} examples ({counts}).")
    kinds = ", ".join(f"{kind} {count}" for kind, count in card.kinds.items())
    languages = ", ".join(f"{language} {count}" for language, count in card.languages.items())
    console.print(f"Kinds: {kinds}. Languages: {languages}.")
    if made.erased:
        console.print(f"Erased since it was built: {made.erased} examples.")
    left = ", ".join(f"{reason} {count}" for reason, count in sorted(card.dropped.items(), key=lambda one: -one[1]))
    console.print(f"Replies left out: {left or 'none'}.", markup=False)
    for warning in card.warnings:
        console.print(f"[yellow]Mind[/yellow] {warning}")
    console.print(f"{made.folder}", markup=False)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


if __name__ == "__main__":
    run(app)
