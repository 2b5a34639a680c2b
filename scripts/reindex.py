"""`chatbot index`: builds and publishes the index from the database; `list`, `verify` and `rollback` beside it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from chatbot.erasing import Copies
from chatbot.errors import Conflict
from chatbot.learning.encoder_gate import Verdict
from chatbot.learning.encoder_publishing import (
    Change,
    WayBack,
    build_published,
    encoder_in_use,
    open_encoder,
    roll_back_index,
    roll_back_kept,
    way_back,
)
from chatbot.matching import fitted_with
from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_embedder
from chatbot.retrieval.index import KEEP, IndexVersion, list_versions, verify
from chatbot.settings import Settings
from chatbot.transcripts.collapse import collapse_signed
from scripts.machine import user
from scripts.models_encoder import check_index_room, compared_encoder
from scripts.options import (
    AppOptions,
    ConfigOption,
    DataOption,
    JsonOption,
    print_json,
    progress_bar,
    run,
    settings_from,
)
from storage.opening import open_store

BASE = "base"
app = typer.Typer(help="Build, list, verify and roll back the index.", invoke_without_command=True)


@app.callback()
def build(
    ctx: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    keep: Annotated[
        int,
        typer.Option(min=1, help="Versions that stay, and the newest of the encoder before; 1: the current one only."),
    ] = KEEP,
    encoder: Annotated[
        str | None,
        typer.Option(help='Tuned encoder to build with, or "base"; default: the published one.', show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Builds the index from all imported transcripts; only new or changed passages are embedded.

    With --encoder the index is built anew with another encoder, and a running server takes over both.
    """
    if data or config or not ctx.obj:
        earlier = ctx.obj if isinstance(ctx.obj, AppOptions) else AppOptions()
        ctx.obj = AppOptions(data or earlier.data, config or earlier.config)
    if ctx.invoked_subcommand is None:
        settings = settings_from(ctx)
        if encoder is None:
            report(reindex(settings, quiet=as_json, keep=keep), as_json)
        else:
            report(publish_encoder(settings, encoder, quiet=as_json, keep=keep), as_json)


def reindex(settings: Settings, *, quiet: bool = False, keep: int = KEEP) -> IndexVersion:
    """The index of all live passages by the published encoder, published if anything changed; `keep` versions stay, the current one
    among them. Raises ModelError for an encoder that is missing or was changed, Conflict where another is published meanwhile."""
    previous = encoder_in_use(settings)
    return _built(settings, open_embedder(settings), previous, None, keep=keep, quiet=quiet)


def publish_encoder(
    settings: Settings,
    encoder: str,
    *,
    reason: str | None = None,
    forced: bool = False,
    quiet: bool = False,
    keep: int = KEEP,
) -> IndexVersion:
    """An index built with another encoder beside the old one, and the history says so. encoder: a tuned version, or "base".

    Raises as `reindex`, NotFound, UsageError for a full disk, and Conflict for a version that its gate did not pass, unless forced;
    forced also over one that cannot be opened.
    """
    check_index_room(settings)
    previous = encoder_in_use(settings)
    verdict = None if encoder == BASE else _judged(settings, encoder, previous, forced)
    if verdict and not verdict.passed and not forced:
        raise Conflict(
            f"{encoder} did not pass its gate: {'; '.join(verdict.reasons)}; publish a better one, or this one with "
            f'`chatbot models publish {encoder} --force --reason "..."`.'
        )
    embedder = open_encoder(settings, None if encoder == BASE else encoder)
    return _built(settings, embedder, previous, Change(user(), reason, verdict), keep=keep, quiet=quiet)


def _judged(settings: Settings, encoder: str, used: str | None, forced: bool) -> Verdict:
    from chatbot.learning.gating import UnopenedError, unjudged

    try:
        return compared_encoder(settings, encoder, used)
    except UnopenedError as exc:
        if not forced:
            raise UnopenedError(unjudged(encoder, "encoder", used, exc)) from exc
        return Verdict(False, (str(exc),), {})


def roll_back_encoder(settings: Settings, reason: str | None, *, quiet: bool = False) -> tuple[WayBack, IndexVersion]:
    """To the encoder that was in use before, with an index that it built; where none is kept, one is built now.

    Raises as `way_back`, `roll_back_kept` and `build_published`, and UsageError for a full disk.
    """
    way, change = way_back(settings), Change(user(), reason, action="rollback")
    if (kept := roll_back_kept(settings, way, change)) is not None:
        return way, kept
    check_index_room(settings)
    return way, _built(settings, way.embedder, way.previous, change, quiet=quiet)


def _built(
    settings: Settings,
    embedder: Embedder,
    previous: str | None,
    change: Change | None,
    *,
    keep: int = KEEP,
    quiet: bool,
) -> IndexVersion:
    database = settings.database_url.get_secret_value() if settings.database_url else None
    with (
        progress_bar(quiet) as show,
        open_store(database, settings.data) as store,
        store.rights.overtaken(Copies(settings)),
    ):
        show("read passages", 0, 0)
        passages = collapse_signed(store.to_index(), store.knowledge.retired())
        return build_published(settings, passages, embedder, show, previous=previous, change=change, keep=keep)


def report(version: IndexVersion, as_json: bool) -> None:
    """Says what the index holds now."""
    if as_json:
        print_json(version)
        return
    done = "published" if version.published else "is current, nothing changed:"
    Console(highlight=False, soft_wrap=True).print(
        f"Index [bold]{version.name}[/bold] {done} {version.passages} passages ({_by_language(version)})."
    )
    if version.published and version.encoder != fitted_with():
        Console(highlight=False, soft_wrap=True).print(
            f"Mind: confidences were fitted with {fitted_with()}; check them with `chatbot test` and `chatbot calibration`, and "
            "set answer_threshold by what they show.",
            markup=False,
        )


def _by_language(version: IndexVersion) -> str:
    return ", ".join(f"{language} {count}" for language, count in sorted((version.languages or {}).items()))


@app.command("list")
def list_(ctx: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Lists the versions that are kept, newest first."""
    versions = list_versions(settings_from(ctx, data).index_folder)
    if as_json:
        print_json(versions)
        return
    table = Table("", "version", "made", "passages", "languages", "encoder")
    for version in versions:
        state = "broken" if version.problem else "->" if version.current else ""
        table.add_row(
            state, version.name, version.created_at, str(version.passages), _by_language(version), version.encoder
        )
    Console().print(table if versions else "There is no index yet; run `chatbot index`.")


@app.command("verify")
def verify_(
    ctx: typer.Context,
    version: Annotated[
        str | None, typer.Argument(help="Version; default: the current one.", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Checks every byte of a version against its manifest."""
    settings = settings_from(ctx, data)
    with progress_bar(as_json) as show:
        manifest = verify(settings.index_folder, version, show)
    if as_json:
        files = len(manifest.files)
        print_json({"version": manifest.version, "files": files, "bytes": manifest.size, "whole": True})
        return
    Console(highlight=False, soft_wrap=True).print(
        f"Index [bold]{manifest.version}[/bold] is whole: every file matches its manifest."
    )


@app.command("rollback")
def rollback_(
    ctx: typer.Context,
    version: Annotated[str | None, typer.Argument(help="Version; default: the one before.", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes an earlier version current; a running server takes it over by itself."""
    now = roll_back_index(settings_from(ctx, data), version, user())
    if as_json:
        print_json(now)
    else:
        Console(highlight=False, soft_wrap=True).print(
            f"Index [bold]{now.name}[/bold] is current again ({now.passages} passages)."
        )


if __name__ == "__main__":
    run(app)
