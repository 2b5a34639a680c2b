"""`chatbot evaluate PATH`: how good a model, encoder, heads or given replies are, beside `precedent` and the untuned base."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatbot.erasing import Copies
from chatbot.errors import StorageError, UsageError
from chatbot.generation.catalogue import gpu_wanted
from chatbot.half_made import SEARCHING, half_made
from scripts.machine import machine
from scripts.options import DataOption, JsonOption, print_json, progress_bar, run, settings_from
from storage.overtaking import overtaken

if TYPE_CHECKING:
    from chatbot.learning.evaluating import OpenEncoder, Result
    from chatbot.settings import Settings

FOLDER = "evaluations"
RESULT, REPORT, TURNS = "result.json", "report.html", "turns.jsonl"


def main(
    ctx: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            help="A model version, a .gguf, a model's, adapter's or encoder's folder, a data set, or a .jsonl of replies.",
            metavar="PATH",
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Data set that is asked, or a .jsonl of examples; default: what PATH learnt from, or the newest."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    limit: Annotated[int, typer.Option(min=0, help="Turns at most, spread evenly; 0: all.")] = 200,
    base: Annotated[bool, typer.Option("--base/--no-base", help="Let the untuned base write, too.")] = True,
    search: Annotated[bool, typer.Option("--search/--no-search", help="Measure retrieval, too.")] = True,
    max_tokens: Annotated[int, typer.Option(min=1, max=512, help="Longest reply, tokens.")] = 160,
    rounds: Annotated[int, typer.Option(min=100, max=100_000, help="Resamplings for the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; default: <data>/evaluations/<name>.", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluates PATH on held-out turns and writes report.html, picture.png, picture.svg and result.json.

    Replies are kept as they come: run it again after an interruption, and it goes on where it stopped.
    """
    from chatbot.learning.encoder_publishing import encoder_in_use
    from chatbot.learning.evaluating import Plan, check_room, evaluate
    from chatbot.learning.evaluation_targets import find_target, read_data
    from chatbot.learning.learnt import learnt_by

    settings = settings_from(ctx, data)
    if split not in ("train", "validation", "test"):
        raise UsageError(f"--split {split} is none of train, validation, test.")
    with overtaken(settings.data, Copies(settings), index=False):
        target = find_target(path, settings.data)
        asked = read_data(settings.data, dataset, target, split)
        folder = (out or settings.data / FOLDER / f"{target.name}-on-{asked.name}").expanduser().absolute()
        plan = Plan(
            target,
            asked,
            settings.models_folder,
            settings.data / FOLDER / "replies",
            limit=limit,
            base=base,
            retrieve=search,
            rounds=rounds,
            seed=seed,
            max_tokens=max_tokens,
            on_gpu=gpu_wanted(settings),
            search_learnt=learnt_by(settings.models_folder, encoder_in_use(settings)) if search else frozenset(),
        )
        check_room(plan, folder)
        with progress_bar(quiet=as_json) as show:
            result = evaluate(plan, _encoders(settings), show)
        result.figures |= {"made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "machine": machine()}
        written = _write(folder, result, settings.data)
        result.figures["files"] = [str(one) for one in written]
    if as_json:
        print_json(result.figures)
    else:
        _show(result.figures)


def _encoders(settings: Settings) -> OpenEncoder:
    def opened(folder: Path | None) -> Any:
        from chatbot.retrieval.embedder import open_embedder

        return open_embedder(settings.model_copy(update={"encoder": str(folder)}) if folder else settings)

    return opened


def _write(folder: Path, result: Result, data: Path) -> list[Path]:
    """The report's files; the replies themselves stand in turns.jsonl alone, among the data folder's evaluations alone, where
    an erasure finds their conversations."""
    from chatbot.learning.evaluation_report import html, picture

    figures = result.figures
    files: dict[str, bytes] = {RESULT: json.dumps(figures, ensure_ascii=False, indent=2).encode() + b"\n"}
    for kind in ("png", "svg"):
        drawn = picture(figures, kind)
        if drawn is not None:
            files[f"picture.{kind}"] = drawn
    files[REPORT] = html(figures).encode()
    if result.texts and folder.is_relative_to(data / FOLDER):
        files[TURNS] = b"".join(_turn(result, at) for at in range(len(result.examples)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _half(folder, data / FOLDER) as half:
            for name, content in files.items():
                (half / f".{name}.part").write_bytes(content)
            for name in files:
                (half / f".{name}.part").replace(folder / name)
    except OSError as exc:
        raise StorageError(f"{folder} cannot be written: {exc.strerror}; name another folder with --out.") from exc
    return [folder / name for name in files]


def _half(folder: Path, ours: Path) -> AbstractContextManager[Path]:
    """Where files lie until they are whole; among ours it is one that an erasure takes, should the command be killed."""
    return half_made(ours, SEARCHING) if folder.is_relative_to(ours) else nullcontext(folder)


def _turn(result: Result, at: int) -> bytes:
    example = result.examples[at]
    record = {
        "id": example.id,
        "conversation_id": example.conversation_id,
        "source": example.source,
        "conversation_ids": list(example.conversation_ids),
        "conversation_sources": list(example.conversation_sources),
        "language": example.language,
        "topic": example.topic,
        "question": example.question,
        "human": example.target,
        "replies": {name: texts[at] for name, texts in result.texts.items()},
    }
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _show(figures: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    data = figures["data"]
    console.print(
        f"{escape(data['name'])}: {data['turns']} of {data['of']} turns, {data['conversations']} conversations, "
        f"{data['to_answer']} to answer, {data['to_hand_over']} to hand over"
    )
    if "systems" in figures:
        shown = {name: one["figures"] for name, one in figures["systems"].items()}
        tops = {name: meaning["top"] for name, meaning in figures["meanings"].items()}
        names = {name: meaning["name"] for name, meaning in figures["meanings"].items()}
        console.print(_table("replies", shown, names, tops))
    found = figures.get("retrieval", {})
    if "systems" in found:
        beyond = f"{found['nothing_says_it']} more that no passage answers"
        title = f"search: {found['passages']} passages, {found['asked']} asked, {beyond}"
        names = {name: "MRR@10" if name == "RR@10" else name for name in next(iter(found["systems"].values()))}
        console.print(_table(title, found["systems"], names, {}))
    elif "skipped" in found:
        console.print(escape(found["skipped"]))
    for task, one in figures.get("heads", {}).items():
        console.print(_table(f"head: {task}", {task: one}, {name: name for name in ("macro_f1", "accuracy")}, {}))
    for note in figures.get("notes", []):
        console.print(escape(note))
    for file in figures["files"]:
        if file.endswith(REPORT):
            console.print(f"Report: {escape(file)}")


def _table(title: str, systems: dict[str, Any], names: dict[str, str], tops: dict[str, float]) -> Table:
    """Figures down, systems across; each mean with its interval."""
    table = Table("", *map(escape, systems), title=escape(title))
    for name, shown in names.items():
        if any(name in one for one in systems.values()):
            table.add_row(shown, *(_cell(one.get(name), tops.get(name, 1)) for one in systems.values()))
    return table


def _cell(view: dict[str, Any] | None, top: float) -> str:
    if view is None or view["mean"] is None:
        return "-"
    digits = 3 if top <= 1 else 1
    bounds = "" if view["low"] is None else f" ({view['low']:.{digits}f}-{view['high']:.{digits}f})"
    return f"{view['mean']:.{digits}f}{bounds} n={view['n']}"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(main)

if __name__ == "__main__":
    run(app)
