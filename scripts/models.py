"""`chatbot models`: versions of what was tuned: list, show, compare, compress, publish, roll back, verify, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from chatbot.erasing import Copies
from chatbot.errors import UsageError
from chatbot.generation.catalogue import gpu_wanted
from chatbot.learning import registry
from chatbot.learning.cards import KINDS, READABLE, Kind, base_of
from chatbot.learning.encoder_publishing import WayBack, encoder_in_use
from chatbot.settings import Settings
from scripts.machine import machine, user
from scripts.models_delete import check_unneeded
from scripts.models_tables import compressed_table, encoder_table, listed, pin, reach, verdict_table
from scripts.options import (
    DataOption,
    JsonOption,
    ProgressSink,
    plain,
    print_json,
    progress_bar,
    settings_from,
    tracked,
)
from scripts.reindex import publish_encoder, report, roll_back_encoder
from storage.overtaking import overtaken

app = typer.Typer(help="Versions of tuned models: compare, compress, publish, roll back.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="A version, such as generator-0001.")]
DatasetOption = Annotated[str | None, typer.Option("--dataset", help="Data set whose test turns are asked.")]
TurnsOption = Annotated[int | None, typer.Option("--turns", min=1, help="At most so many test turns (400).")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why; kept in the history.")]


@app.command("list")
def list_(ctx: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """All versions, what is published, and what has been."""
    settings = settings_from(ctx, data)
    models = settings.models_folder
    cards, broken, past = registry.versions(models), registry.problems(models), registry.history(models)
    now = {kind: registry.published(models, kind) for kind in KINDS} | {"encoder": encoder_in_use(settings)}
    if as_json:
        rows = [{**_short(card), "published": card.name in now.values()} for card in cards]
        print_json({"versions": rows, "published": now, "broken": broken, "history": past})
        return
    console = _console()
    if not cards and not broken:
        console.print("Nothing was tuned yet; `chatbot finetune` does.")
    for part in listed(cards, now, broken, past):
        console.print(part)


@app.command()
def show(ctx: typer.Context, name: NameArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """A version's card."""
    settings = settings_from(ctx, data)
    card = registry.read_card(settings.models_folder, name)
    if as_json:
        print_json(card)
    else:
        typer.echo((settings.models_folder / name / READABLE).read_text(encoding="utf-8"), nl=False)


@app.command()
def verify(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A version; all without one.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Checks every byte of a version, or of all."""
    models = settings_from(ctx, data).models_folder
    names = [name] if name else [card.name for card in registry.versions(models)] + sorted(registry.problems(models))
    whole = []
    with progress_bar(as_json) as show:
        for each in tracked(names, "versions", show):
            files = len(registry.open_version(models, each).card.files)
            whole.append({"version": each, "files": files, "whole": True})
            if not as_json:
                typer.echo(f"{each}: {files} files are as they were sealed.")
    if as_json:
        print_json(whole)


@app.command()
def compare(
    ctx: typer.Context,
    challenger: NameArgument,
    champion: Annotated[
        str | None, typer.Argument(help="What to compare with; default: what is published; base: the base model.")
    ] = None,
    dataset: DatasetOption = None,
    turns: TurnsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the gate would say; publishes nothing. Exit code 1 when it would refuse."""

    settings = settings_from(ctx, data)
    kind = _kind_of(settings, challenger, dataset, turns)
    other = _champion(settings, kind, challenger, champion)
    with _beside_erasures(settings), progress_bar(as_json) as progress:
        passed, view, shown = _compared(settings, challenger, other, (dataset, turns), progress)
    if as_json:
        print_json(view)
    else:
        _print_all(shown)
    if not passed:
        raise typer.Exit(1)


@app.command()
def publish(
    ctx: typer.Context,
    name: NameArgument,
    force: Annotated[bool, typer.Option("--force", help="Publish against the verdict; needs --reason.")] = False,
    reason: ReasonOption = None,
    dataset: DatasetOption = None,
    turns: TurnsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judges a version against what is published and, if it is not worse, publishes it; running servers take it over."""
    settings = settings_from(ctx, data)
    kind = _kind_of(settings, name, dataset, turns)
    if force and not (reason or "").strip():
        raise UsageError("Publishing against the gate's verdict needs a reason, which is kept: give --reason.")
    if kind == "encoder":  # its pointer is the index: built beside the old one, by that encoder, and then taken over
        report(publish_encoder(settings, name, reason=reason, forced=force, quiet=as_json), as_json)
        return
    from chatbot.learning import gating

    try:
        with _beside_erasures(settings), progress_bar(as_json) as progress:
            if kind == "heads":
                from scripts.models_heads import publish_heads

                progress("judge heads", 0, 0)
                entry, verdict = publish_heads(settings, name, reason, force=force)
            else:
                asking = _asking(settings, dataset, turns)
                entry, verdict = gating.publish(asking, name, user(), force=force, reason=reason, progress=progress)
    except gating.Refused as refused:
        if as_json:
            print_json({"published": None, "gate": refused.verdict.view()})
        else:
            _print_all(verdict_table(refused.verdict))
        raise
    if as_json:
        print_json({"published": entry.version, "gate": entry.gate, **pin(settings, kind)})
        return
    _print_all(verdict_table(verdict) if verdict else [])
    if verdict:
        how = "against the verdict, with its reason kept" if entry.forced else "it is not worse"
    else:
        how = f"unjudged, with its reason kept, as {entry.previous or 'its base'} cannot be opened"
    back = "`chatbot models rollback" + ("`" if kind == "generator" else f" --kind {kind}`")
    _console().print(f"{name} is published ({how}). {reach(settings, kind)} {back} goes back.", markup=False)


@app.command()
def rollback(
    ctx: typer.Context,
    kind: Annotated[str, typer.Option("--kind", help="generator, encoder or heads.")] = "generator",
    reason: ReasonOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Goes back to the version that was published before, at last to the base model; an encoder with an index that it built."""
    known: Kind | None = next((one for one in KINDS if one == kind), None)
    if known is None:
        raise UsageError(f"There is no kind of model {kind!r}; it is one of {', '.join(KINDS)}.")
    settings, index = settings_from(ctx, data), None
    back: WayBack | registry.Entry
    if known == "encoder":
        back, index = roll_back_encoder(settings, reason, quiet=as_json)
    else:
        back = registry.rollback(settings.models_folder, known, user(), reason=reason)
    if as_json:
        name = index.name if index else None
        told = {"kind": known, "previous": back.previous, "published": back.version, "index": name}
        print_json({**told, **pin(settings, known)})
        return
    built = ", built anew: none that it had built was kept whole" if index and index.published else ""
    beside = f" with the index {index.name}{built}" if index else ""
    _console().print(
        f"Back from {back.previous or base_of(known)} to {back.version or base_of(known)}{beside}. {reach(settings, known)}",
        markup=False,
    )


@app.command()
def compress(
    ctx: typer.Context,
    name: NameArgument,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", help="q8_0 (default), q4_0, q4_1, f16; bf16 for a GPU; prune:0.2 beside it."),
    ] = None,
    dataset: DatasetOption = None,
    turns: Annotated[int, typer.Option("--turns", min=1, help="Held-out turns to try it on.")] = 32,
    like: Annotated[Path | None, typer.Option("--like", help="A .gguf of the same base, for its tokenizer.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a smaller version for serving, tries it beside the tuned one and the base, and keeps it unless it lost its tuning."""
    from chatbot.learning import compressing, gating
    from chatbot.learning.datasets import open_dataset
    from chatbot.learning.learnt import learnt_by

    settings = settings_from(ctx, data)
    recipe = compressing.recipe_of(to or [])
    card = registry.read_card(settings.models_folder, name)
    with _beside_erasures(settings), progress_bar(as_json) as progress:
        chosen = open_dataset(settings.data, dataset or card.dataset or None)
        examples, _ = gating.frozen(chosen, turns, learnt_by(settings.models_folder, name))
        made = compressing.compress(
            settings.models_folder,
            name,
            recipe,
            examples,
            kept=settings.data / gating.KEPT / "replies",
            like=like,
            on_gpu=gpu_wanted(settings),
            machine=machine(),
            progress=progress,
        )
    if as_json:
        print_json(made)
    else:
        _print_all(compressed_table(made))
    if made.refused:
        raise typer.Exit(1)


@app.command()
def delete(
    ctx: typer.Context,
    name: NameArgument,
    data: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Removes a version for good; refused while it is published, or an index, heads, another version or the settings need it."""
    settings = settings_from(ctx, data)
    check_unneeded(settings, name)
    if not yes and not typer.confirm(f"Delete the version {name} for good?"):
        raise typer.Exit(1)
    registry.delete(settings.models_folder, name)
    _console().print(f"{name} is deleted; its name is not given again.", markup=False)


def _beside_erasures(settings: Settings) -> AbstractContextManager[None]:
    """Of what keeps replies: they quote conversations, and one may be erased meanwhile."""
    return overtaken(settings.data, Copies(settings), index=False)


def _kind_of(settings: Settings, name: str, dataset: str | None, turns: int | None) -> Kind:
    kind = registry.read_card(settings.models_folder, name).kind
    given = [option for option, value in (("--dataset", dataset), ("--turns", turns)) if value is not None]
    if given and kind != "generator":
        raise UsageError(
            f"{given[0]} is for generators, and {name} is of the kind {kind}: it is judged on the conversations that it has not "
            f"learnt from; leave {given[0]} out."
        )
    return kind


def _champion(settings: Settings, kind: Kind, challenger: str, given: str | None) -> str | None:
    """What to compare with; None for the base. Raises UsageError for a version of another kind."""
    if given is None:
        return encoder_in_use(settings) if kind == "encoder" else registry.published(settings.models_folder, kind)
    if given == "base":
        return None
    if (other := registry.read_card(settings.models_folder, given).kind) != kind:
        raise UsageError(
            f"{given} is of the kind {other} and {challenger} of the kind {kind}; compare two of one kind."
        )
    return given


def _compared(
    settings: Settings, challenger: str, other: str | None, asked: tuple[str | None, int | None], progress: ProgressSink
) -> tuple[bool, Mapping[str, Any], Sequence[Any]]:
    """Whether it passed, the verdict as JSON, and what is shown of it. asked: data set and turns, of a generator."""
    kind = registry.read_card(settings.models_folder, challenger).kind
    if kind == "encoder":
        from scripts.models_encoder import compared_encoder, encoder_view

        progress("judge encoders", 0, 0)
        found = compared_encoder(settings, challenger, other)
        view = encoder_view(found, challenger, other)
        return found.passed, view, encoder_table(view)
    if kind == "heads":
        from scripts.models_heads import judged_heads

        progress("judge heads", 0, 0)
        verdict = judged_heads(settings, challenger, other)
    else:
        from chatbot.learning import gating

        verdict = gating.compare(_asking(settings, *asked), challenger, other, progress)
    return verdict.passed, verdict.view(), verdict_table(verdict)


def _asking(settings: Settings, dataset: str | None, turns: int | None) -> Any:
    from chatbot.learning.gating import MOST_TURNS, Asking

    return Asking(settings.data, dataset, turns or MOST_TURNS, on_gpu=gpu_wanted(settings))


def _short(card: registry.Card) -> dict[str, Any]:
    """Without the long lists; `show --json` has them."""
    return {**plain(card), "conversations_sha256": len(card.conversations_sha256), "curves": sorted(card.curves)}


def _print_all(parts: Sequence[Any]) -> None:
    console = _console()
    for part in parts:
        console.print(part)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
