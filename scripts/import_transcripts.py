"""`chatbot import`: past conversations from a vendor's export into the store; `--dry-run` shows what would come in."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatbot.errors import FormatError, UsageError
from chatbot.privacy import Masker
from chatbot.settings import Settings
from chatbot.transcripts.contract import ReadOptions
from chatbot.transcripts.intake import Export, Tally, take_in
from chatbot.transcripts.reading import FORMATS
from chatbot.transcripts.roles import plain_word
from chatbot.types import Role
from scripts.options import DataOption, JsonOption, print_json, progress_bar, run, settings_from
from scripts.reindex import reindex, report
from storage.opening import open_store

MOST_BAD_SHOWN = 20


def main(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="File or folder with the export.")],
    format: Annotated[str, typer.Option(help=f"auto or one of: {', '.join(FORMATS)}.")] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would come in; change nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad record; import nothing.")] = False,
    index: Annotated[bool, typer.Option("--index", help="Re-index when done.")] = False,
    column: Annotated[list[str] | None, typer.Option(help="CSV: OUR_NAME=THEIR_COLUMN, as often as needed.")] = None,
    roles: Annotated[str | None, typer.Option(help='Their words for roles: "cust=customer,rep=agent".')] = None,
    language: Annotated[str | None, typer.Option(help="Language of conversations that name none.")] = None,
    users: Annotated[Path | None, typer.Option(help="Zendesk: the users file.")] = None,
    comments: Annotated[Path | None, typer.Option(help="Zendesk: the comments file.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the file, if it is not detected.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="CSV: delimiter, if it is not detected.")] = None,
    csat_max: Annotated[float, typer.Option(help="Top of the export's rating scale.")] = 5.0,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Imports past conversations. The same file twice changes nothing; a bad record is reported and skipped."""
    settings = settings_from(ctx, data)
    options = ReadOptions(
        columns=_columns(column or []),
        delimiter=delimiter,
        encoding=encoding,
        language=language,
        csat_max=csat_max,
        roles=_roles(roles or ""),
        users=users,
        comments=comments,
    )
    if not path.exists():
        raise UsageError(f"There is no file or folder {path}.")
    tally = import_path(settings, path, format, options, dry_run=dry_run, strict=strict, quiet=as_json)
    if as_json:
        print_json(tally.view(dry_run=dry_run))
    elif not tally.empty:
        _show(tally, dry_run)
    if tally.empty:
        _show_skipped(tally, Console(stderr=True, highlight=False, soft_wrap=True))
        raise FormatError(f"No record in {path} can be used ({len(tally.bad)} skipped), so nothing was imported.")
    if index and not dry_run:
        report(reindex(settings, quiet=as_json), as_json)
    elif not dry_run and not as_json and (tally.outcomes["new"] or tally.outcomes["changed"]):
        Console(soft_wrap=True).print("Now run [bold]chatbot index[/bold] to answer from them.")


def import_path(
    settings: Settings,
    path: Path,
    format: str,
    options: ReadOptions,
    *,
    dry_run: bool = False,
    strict: bool = False,
    quiet: bool = False,
) -> Tally:
    """Reads, distils and stores; all of it becomes visible at the end, or nothing."""
    export = Export(path, format, options, strict)
    tally = Tally(export.formats())
    with progress_bar(quiet) as show, ExitStack() as stack:
        batch = None
        if not dry_run:
            database = settings.database_url.get_secret_value() if settings.database_url else None
            store = stack.enter_context(open_store(database, settings.data))
            batch = stack.enter_context(store.transcripts.importing(path.name, tally.format))
        take_in(export, tally, Masker(settings.keep_visible), batch, show)
        if batch and not tally.empty:
            batch.commit()
    return tally


def _columns(pairs: list[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        ours, theirs = _halves(pair)
        if not (ours and theirs):
            raise UsageError(f"--column {pair!r} does not work: write OUR_NAME=THEIR_COLUMN, for example text=Message.")
        columns[ours] = theirs
    return columns


def _roles(pairs: str) -> dict[str, Role]:
    known = {role.value: role for role in Role}
    roles = {}
    for pair in filter(None, pairs.split(",")):
        theirs, ours = _halves(pair)
        if not theirs or ours.lower() not in known:
            raise UsageError(
                f"--roles {pair.strip()!r} does not work: write THEIR_WORD=ROLE with one of {', '.join(known)}, "
                "for example rep=agent."
            )
        roles[plain_word(theirs)] = known[ours.lower()]
    return roles


def _halves(pair: str) -> tuple[str, str]:
    one, _, other = pair.partition("=")
    return one.strip(), other.strip()


def _show(tally: Tally, dry_run: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.outcomes.items())) or "none"
    languages = ", ".join(f"{language} {count}" for language, count in tally.languages.most_common())
    head = "Would import" if dry_run else "Imported"
    console.print(
        f"{head} [bold]{tally.format}[/bold]: conversations: {outcomes}; answers: {tally.passages} ({languages or 'none'})."
    )
    if dry_run and tally.samples:
        table = Table("question", "answer (as it would be shown)", show_lines=True)
        for passage in tally.samples:
            table.add_row(escape(passage.question), escape(passage.answer))
        console.print(table, soft_wrap=False)
    _show_skipped(tally, console)


def _show_skipped(tally: Tally, console: Console) -> None:
    for bad in tally.bad[:MOST_BAD_SHOWN]:
        console.print(f"[yellow]Skipped[/yellow] {escape(f'{bad.file} line {bad.line}: {bad.reason}')}")
    if len(tally.bad) > MOST_BAD_SHOWN:
        console.print(f"... and {len(tally.bad) - MOST_BAD_SHOWN} more; --json lists them all.")


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
