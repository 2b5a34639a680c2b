"""`chatbot purge`: erases everything that is kept about one person, everywhere, with a receipt; `--export` hands it over first."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.erasing import Copies
from chatbot.errors import StorageError, UsageError
from scripts.options import DataOption, JsonOption, plain, print_json, progress_bar, run, settings_from, unwritable
from storage.audit import COMMAND, record
from storage.opening import Store, open_store
from storage.receipts import Receipt
from storage.subjects import By, Candidate, Subject


def main(
    ctx: typer.Context,
    owner: Annotated[str | None, typer.Option(help="All conversations of this owner (a hash).")] = None,
    conversation: Annotated[str | None, typer.Option(help="One conversation, by its id.")] = None,
    email: Annotated[str | None, typer.Option(help="All of whoever left this address.")] = None,
    transcript: Annotated[
        tuple[str, str] | None, typer.Option(metavar="SOURCE ID", help="One imported conversation.")
    ] = None,
    find: Annotated[str | None, typer.Option(help="Erase nothing: show whose conversations have these words.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Erase nothing: write what is kept about the person to this JSON file.")
    ] = None,
    with_notes: Annotated[bool, typer.Option("--with-notes", help="Export the team's internal notes too.")] = False,
    compact: Annotated[
        bool, typer.Option("--compact", help="Rewrite the SQLite file, whatever its size; writes wait meanwhile.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erases one person's data from the database, the search, the index versions and the training examples."""
    settings = settings_from(ctx, data)
    url = settings.database_url.get_secret_value() if settings.database_url else None
    copies = Copies(settings)
    with open_store(url, settings.data) as store:
        store.rights.catch_up(copies)
        if compact:
            return _compact(store, as_json)
        if find is not None:
            found = store.rights.search(find)
            _note(store, "transcript.search", "people", {"conversations": [one.conversation for one in found]})
            return _show_candidates(found, as_json)
        subject = _subject(owner, conversation, email, transcript)
        if export is not None:
            return _export(store, subject, export, with_notes, as_json=as_json)
        preview = store.rights.preview(subject, copies)
        if dry_run:
            return show_receipt(preview, as_json)
        if not yes:
            show_receipt(preview, False)
            _ask()
        with progress_bar(as_json) as show:
            receipt = store.rights.erase(subject, copies, progress=show)
    show_receipt(receipt, as_json)


def _subject(owner: str | None, conversation: str | None, email: str | None, past: tuple[str, str] | None) -> Subject:
    named = [
        Subject(by, value)
        for by, value in ((By.OWNER, owner), (By.CONVERSATION, conversation), (By.EMAIL, email))
        if value is not None
    ]
    if past is not None:
        named.append(Subject(By.TRANSCRIPT, past[1], past[0]))
    if len(named) != 1:
        raise UsageError(
            "Say whose data: one of --owner HASH, --conversation ID, --email ADDRESS, --transcript SOURCE ID. "
            "`chatbot purge --find WORDS` shows who there is."
        )
    return named[0].check()


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nothing was erased: nobody is there to confirm. Say --yes to erase without being asked.")
    if not typer.confirm("Erase all this for good?"):
        raise UsageError("Nothing was erased.")


def _export(store: Store, subject: Subject, out: Path, notes: bool, *, as_json: bool) -> None:
    found = store.rights.dossier(subject, notes=notes)
    detail = {"by": subject.by.value, "notes": notes} | {name: len(some) for name, some in found.items()}
    target = f"conversation:{subject.value}" if subject.by is By.CONVERSATION else None
    try:
        with out.open("x", encoding="utf-8") as file:
            _note(store, "export.person", target, detail)
            json.dump(found, file, ensure_ascii=False, indent=2)
    except FileExistsError as exc:
        raise UsageError(f"{out} is there already; choose another name.") from exc
    except OSError as exc:
        raise unwritable(out, exc) from exc
    live, past = len(found["conversations"]), len(found["past_conversations"])
    if as_json:
        print_json({"file": out, "conversations": live, "past_conversations": past})
        return
    _console().print(f"{live} conversations and {past} imported ones written to {out}.", markup=False)


def _note(store: Store, action: str, target: str | None, detail: dict[str, Any]) -> None:
    """What somebody sees through a command stands in the audit log like what is seen on a page."""
    store.database.write(lambda c: record(c, COMMAND, action, target, detail)).result()


def _compact(store: Store, as_json: bool) -> None:
    with progress_bar(as_json) as show:
        show("compact", 0, 0)
        compacted = store.rights.compact()
    if not compacted:
        raise StorageError("The database could not be compacted now: a long read is in the way; try again in a moment.")
    if as_json:
        print_json({"compacted": True})
        return
    _console().print("Nothing of what was erased is left in the database's free space and log.")


def _show_candidates(found: list[Candidate], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    console = _console()
    for one in found:
        whose = f"--owner {one.owner}\n--conversation {one.conversation}" if one.owner else _transcript_of(one)
        when = f", {one.updated_at:%Y-%m-%d %H:%M}" if one.updated_at else ""
        console.print(f"{whose}\n  found by {one.why}{when}: {one.text}\n", markup=False)  # whole, to be copied
    if not found:
        console.print("Nothing has these words.")


def _transcript_of(one: Candidate) -> str:
    return f"--transcript {shlex.quote(one.source)} {shlex.quote(one.conversation)}"


def show_receipt(receipt: Receipt, as_json: bool) -> None:
    """What went, or would go, store by store, and what a person still has to look at."""
    if as_json:
        print_json(receipt)
        return
    console = _console()
    head = f"Erased, receipt {receipt.id}" if receipt.id else "Would erase"
    number = receipt.conversations
    console.print(f"[bold]{head}[/bold]: {number} {'conversation' if number == 1 else 'conversations'}.")
    table = Table("store", "what", "")
    for name, number in receipt.rows.items():
        table.add_row("database", name, str(number))
    index, examples = plain(receipt.outside.get("index", {})), plain(receipt.outside.get("examples", {}))
    table.add_row("index", "passages and their vectors", str(index.get("passages", 0)))
    table.add_row("index", "versions removed", ", ".join(index.get("versions", [])) or "0")
    table.add_row("training", "examples", str(examples.get("removed", 0)))
    table.add_row(
        "uploads", "exports not imported yet", str(plain(receipt.outside.get("uploads", {})).get("removed", 0))
    )
    for file in examples.get("files", []):
        table.add_row("training", "file rewritten", file)
    console.print(table)
    for line in advice(receipt):
        console.print(line, markup=False)


def advice(receipt: Receipt) -> list[str]:
    """What a person still has to look at."""
    index, examples = receipt.outside.get("index", {}), receipt.outside.get("examples", {})
    lines = []
    if index.get("rebuild"):
        lines.append("Some answers also stood for other conversations: run `chatbot index` to answer from those again.")
    if examples.get("unreadable"):
        lines.append(f"Could not be looked through, so look yourself: {', '.join(examples['unreadable'])}.")
    if receipt.outside.get("uploads", {}).get("in_use"):
        lines.append(
            "An uploaded export is being looked at or imported at this moment; the file is deleted when that ends. If it "
            "holds this person, erase again after an import."
        )
    if receipt.outside.get("not_ours"):
        lines.append(f"Not made by the product, so not looked through: {', '.join(receipt.outside['not_ours'])}.")
    if receipt.models:
        lines.append(f"Trained on this person's conversations: {', '.join(receipt.models)}; train again without them.")
    if not receipt.settled:
        lines.append(
            "Fragments may be left in the database's free space: run `chatbot purge --compact` at a quiet hour."
        )
    return lines


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
