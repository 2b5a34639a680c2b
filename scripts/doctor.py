"""`chatbot doctor`: checks everything a deployment needs and says what mends it; `--settings` lists the settings."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatbot.assembly import check_mode
from chatbot.erasing import Copies
from chatbot.errors import ChatbotError, SettingsError
from chatbot.generation import catalogue
from chatbot.generation.shipped import with_default_mode
from chatbot.generation.tuned import pinned, served
from chatbot.half_made import ALL, leftovers, under_lock
from chatbot.learning.registry import published
from chatbot.retrieval.embedder import open_embedder
from chatbot.retrieval.index import verify
from chatbot.settings import Settings
from scripts.machine import machine
from scripts.options import DataOption, JsonOption, print_json, progress_bar, run, settings_from
from storage.opening import open_store

LEAST_FREE_MB = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what, whether it is well, and what was found or what mends it."""

    check: str
    ok: bool
    detail: str


def main(
    ctx: typer.Context,
    data: DataOption = None,
    show_settings: Annotated[
        bool, typer.Option("--settings", help="List every setting with its value and meaning.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Exit code 0 when all is well, 1 when something needs mending."""
    if show_settings:
        return _show_settings(ctx, data, as_json)
    settings = settings_from(ctx, data)
    findings = []
    with progress_bar(as_json) as show:
        for name, check in CHECKS.items():
            show(name, 0, 0)
            findings.append(_run(name, check, settings))
    if as_json:
        print_json(findings)
    else:
        table = Table("", "check", "found")
        for finding in findings:
            table.add_row(
                "[green]ok[/green]" if finding.ok else "[red]mend[/red]", finding.check, escape(finding.detail)
            )
        Console(highlight=False).print(table)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _run(name: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(name, True, check(settings))
    except ChatbotError as exc:
        return Finding(name, False, str(exc))


def _python(_: Settings) -> str:
    return f"Python {sys.version.split()[0]}, torch {metadata.version('torch')}, gradio {metadata.version('gradio')}; {machine()}"


def _disk(settings: Settings) -> str:
    place = settings.data if settings.data.exists() else settings.data.parent
    free = shutil.disk_usage(place).free // 2**20
    if free < LEAST_FREE_MB:
        raise ChatbotError(f"{free} MB are free at {place}; make room for at least {LEAST_FREE_MB} MB.")
    return f"{free} MB free at {place}"


def _database(settings: Settings) -> str:
    if not settings.data.exists():
        raise ChatbotError(f"There is no data folder {settings.data} yet; run `chatbot init`.")
    url = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(url, settings.data) as store:
        store.check()
        counts = store.transcripts.counts()
    return f"{counts.transcripts} transcripts, {counts.passages} answers"


def _erasures(settings: Settings) -> str:
    url = settings.database_url.get_secret_value() if settings.database_url else None
    copies = Copies(settings)
    with open_store(url, settings.data) as store:
        finished, receipts = store.rights.catch_up(copies), store.rights.newest()
    strange = copies.strange_files()
    found = f"{receipts} receipts, {len(finished)} finished just now"
    return f"{found}; files that no erasure looks through: {', '.join(strange)}" if strange else found


def _index(settings: Settings) -> str:
    manifest = verify(settings.index_folder)
    return f"{manifest.version} is whole"


def _encoder(settings: Settings) -> str:
    return open_embedder(settings).name


def _generator(settings: Settings) -> str:
    settings = with_default_mode(settings)
    if settings.engine == "none":
        check_mode(settings, None)
        return "none (engine = none): past answers only"
    spec = catalogue.verify(served(settings), allow_download=settings.allow_download)
    check_mode(settings, spec)
    told = f"{spec.name} on {spec.engine}, reply_mode = {settings.reply_mode.value}"
    pin, name = pinned(settings), published(settings.models_folder, "generator")
    unused = pin is not None and name not in (None, spec.name)
    return f"{told}; {name} is published, and {pin} in the settings goes before it" if unused else told


def _embedding(settings: Settings) -> str:
    if not settings.embed_origins:
        return "no other site may show the chat"
    named = ", ".join(settings.embed_origins)
    if not (settings.public_url or "").startswith("https://"):
        return f"{named}; without an https public_url customers of another site than this one have no cookie, and cannot chat"
    return named


def _leftovers(settings: Settings) -> str:
    """What killed commands left; it does no harm but for the room that it takes."""
    data, models, index = settings.data, settings.models_folder, settings.index_folder
    found = [folder / name for folder in (models, data / "evaluations") for name in leftovers(folder, *ALL)]
    found += under_lock(models, ".adding-", "registry.lock") + under_lock(index, ".building-", "build.lock")
    found += under_lock(data / "datasets", ".building-", ".build.lock")
    if not found:
        return "nothing"
    size = sum(one.stat().st_size for path in found for one in path.rglob("*") if one.is_file())
    named = ", ".join(str(path.relative_to(data) if path.is_relative_to(data) else path) for path in found)
    return f"{size / 1e6:.0f} MB in {named}; the next command of that kind clears it, and it may be deleted by hand"


def _port(settings: Settings) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as exc:
            raise ChatbotError(
                f"{settings.host}:{settings.port} cannot be used ({exc.strerror}): a server may be running there already; "
                "choose another with --port or CHATBOT_PORT."
            ) from exc
    return f"{settings.host}:{settings.port} is free"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "machine": _python,
    "disk": _disk,
    "database": _database,
    "erasures": _erasures,
    "encoder": _encoder,
    "index": _index,
    "generator": _generator,
    "left by killed commands": _leftovers,
    "port": _port,
    "on other sites": _embedding,
}


def _show_settings(ctx: typer.Context, data: Path | None, as_json: bool) -> None:
    """Where one cannot work the list comes all the same, with the defaults: it says what there is to choose."""
    try:
        _list_settings(settings_from(ctx, data), as_json)
    except SettingsError:
        _list_settings(Settings.model_construct(), as_json)
        raise


def _list_settings(settings: Settings, as_json: bool) -> None:
    rows = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        shown = "(set)" if isinstance(value, SecretStr) else value
        rows.append(
            {"name": name, "variable": f"CHATBOT_{name.upper()}", "value": shown, "meaning": field.description or ""}
        )
    if as_json:
        print_json(rows)
        return
    table = Table("setting", "value", "meaning")
    for row in rows:
        table.add_row(row["name"], escape(str(row["value"])), escape(row["meaning"]))
    Console(highlight=False).print(table)


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
