"""`chatbot bench turn`: what a turn costs, with the model beside `transformers.generate`, without it, and the processes.

Needs no data file. The parts are measured in bench_turn_server and bench_turn_product.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.errors import UsageError
from chatbot.settings import Settings, load_settings
from scripts.bench_report import report, run_alone
from scripts.bench_turn_product import outside_the_model, web_process
from scripts.bench_turn_server import WAYS, rounds_of, times
from scripts.init import load_demo
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent

PARTS = ("server", "product", "web")
_AT = 8  # chats, of the goals for the server


def run(
    chats: Sequence[int] = (1, 8, 32),
    max_tokens: int = 64,
    rounds: int = 3,
    turns: int = 80,
    parts: Sequence[str] = PARTS,
    *,
    progress: ProgressSink = silent,
) -> dict[str, Any]:
    """Figures by part. max_tokens: of a reply; rounds: of server and `generate` in turn; turns: outside the model."""
    result: dict[str, Any] = {"machine": machine(), "max_tokens": max_tokens, "rounds": rounds, "goals": {}}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = load_settings(data=Path(folder), first_token_s=60.0)
        if "product" in parts or "web" in parts:
            progress("load the demo company", 0, 0)
            load_demo(Settings(data=Path(folder), engine="none"), quiet=True)
        if "product" in parts:
            few = [n for n in chats if n <= _AT]
            result["outside_the_model"] = outside_the_model(Path(folder), few, turns, progress)
        if "web" in parts:
            result["web"] = web_process(Path(folder), progress)
        if "server" in parts:
            result |= asyncio.run(rounds_of(settings, chats, max_tokens, rounds, progress))
    result["goals"] = goals(result)
    return result


def goals(result: dict[str, Any]) -> dict[str, bool]:
    """The issue's aims, as far as what they ask for was measured."""
    met = {}
    for level in result.get("levels", ()):
        if level["chats"] == _AT:
            met[f"first token p95 <= 1.5 s at {_AT} chats"] = level["server"]["first_token_p95_s"]["median"] <= 1.5
            for way in WAYS:
                met[f">= 3 x tokens/s of generate, {way}, at {_AT} chats"] = times(level, way) >= 3
    if 1 in (steady := result.get("outside_the_model", {}).get("steady", {})):
        met["<= 30 ms a turn outside the model (p50, 1 chat, steady state)"] = steady[1]["ms"]["p50"] <= 30
    if web := result.get("web"):
        met["ready in <= 10 s after the first start"] = web["ready_s"]["second"] <= 10
    return met


def main(
    chats: Annotated[str, typer.Option(help="Numbers of chats at once.")] = "1,8,32",
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest reply.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of server and generate in turn.")] = 3,
    turns: Annotated[int, typer.Option(min=1, help="Turns measured outside the model.")] = 80,
    parts: Annotated[str, typer.Option(help="What to measure.")] = ",".join(PARTS),
    as_json: JsonOption = False,
) -> None:
    """First and last token, tokens/s and memory beside transformers' generate; time outside the model; start-up."""
    try:
        numbers = [int(part) for part in chats.split(",")]
    except ValueError as exc:
        raise UsageError(f"--chats {chats} is no list of numbers such as 1,8,32.") from exc
    chosen = parts.split(",")
    if min(numbers) < 1 or not set(chosen) <= set(PARTS):
        raise UsageError(f"--chats takes numbers from 1, --parts some of {', '.join(PARTS)}.")
    report(partial(run, numbers, max_tokens, rounds, turns, chosen), _show, as_json=as_json)


def _show(console: Console, result: dict[str, Any]) -> None:
    if outside := result.get("outside_the_model"):
        console.print(_outside_table(outside))
    if web := result.get("web"):
        opened, ready = web["open_s"], web["ready_s"]
        console.print(
            f"web process: answers after {opened['first']} s, again after {opened['second']} s; ready with its model in "
            f"{ready['first']} s, again in {ready['second']} s; after {web['turns']} turns {web['memory_mb']} MB, its model server "
            f"{web['model_server_memory_mb']} MB"
        )
    if levels := result.get("levels"):
        console.print(f"{result['model']} on {result['engine']}; median of {result['rounds']} rounds (least-most)")
        console.print(_server_table(levels))
        console.print(_generate_table(levels))


def _outside_table(outside: dict[str, Any]) -> Table:
    warm = outside["warm_up"]
    title = f"a turn outside the model; warm after {warm['seconds']} s, which takes {warm['memory_mb']} MB"
    table = Table("", "chats", "turns", "p50 ms", "p95 ms", "CPU ms", "turns/s", "of it, p50 ms", title=title)
    rows = [("first turns", 1, outside["first_turns"]), *(("steady", n, row) for n, row in outside["steady"].items())]
    for name, chats, row in rows:
        steps = ", ".join(f"{step} {ms}" for step, ms in row["steps_p50_ms"].items())
        ms = row["ms"]
        figures = chats, row["turns"], ms["p50"], ms["p95"], row["cpu_ms"], row["turns_per_s"], steps
        table.add_row(name, *map(str, figures))
    return table


def _server_table(levels: Sequence[dict[str, Any]]) -> Table:
    names = {
        "first_token_p50_s": "first p50 s",
        "first_token_p95_s": "first p95 s",
        "last_token_p50_s": "last p50 s",
        "all_s": "all s",
        "tokens_per_s": "tokens/s",
        "memory_mb": "MB",
    }
    table = Table("chats", *names.values(), title="model server")
    for level in levels:
        table.add_row(str(level["chats"]), *(_cell(level["server"][name]) for name in names))
    return table


def _generate_table(levels: Sequence[dict[str, Any]]) -> Table:
    table = Table("chats", "generate called", "all s", "tokens/s", "MB", "server's tokens/s", title="transformers")
    for level in levels:
        for way in WAYS:
            figures = (_cell(level[way][name]) for name in ("all_s", "tokens_per_s", "memory_mb"))
            table.add_row(str(level["chats"]), way, *figures, f"{times(level, way)} x")
    return table


def _cell(figure: dict[str, float]) -> str:
    digits = 0 if figure["median"] >= 100 else 2
    return f"{figure['median']:.{digits}f} ({figure['least']:.{digits}f}-{figure['most']:.{digits}f})"


if __name__ == "__main__":
    run_alone(main)
