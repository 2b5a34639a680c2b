"""How every benchmark begins and ends: as a program, with a bar, the machine, its tables, each goal met or missed. Measures
nothing."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import typer
from rich.console import Console

from chatbot.errors import UsageError
from chatbot.settings import load_settings
from scripts.options import ProgressSink, print_json, progress_bar, run

Show = Callable[[Console, dict[str, Any]], None]
_REDRAWS_PER_S = 1  # what is measured should hardly wait for the bar


class Measure(Protocol):
    """A benchmark whose options are chosen."""

    def __call__(self, *, progress: ProgressSink) -> dict[str, Any]: ...


def report(measure: Measure, show: Show, *, as_json: bool) -> None:
    """Measures, with a bar, and prints the result as JSON, or its `machine`, what `show` prints of it, and its `goals` (sentence
    to whether met).

    Raises UsageError where the settings name a database, and typer.Exit with code 1 when a goal is missed.
    """
    _check_no_database()
    with progress_bar(as_json, redraws_per_s=_REDRAWS_PER_S) as progress:
        result = measure(progress=progress)
    goals = result["goals"]
    if as_json:
        print_json(result)
    else:
        console = Console(highlight=False)
        console.print(result["machine"])
        show(console, result)
        for goal, met in goals.items():
            console.print(f"{'met   ' if met else 'MISSED'} {goal}")
    if not all(goals.values()):
        raise typer.Exit(1)


def _check_no_database() -> None:
    """A benchmark makes its own data in a folder of its own, and a database that is set would stand above that folder."""
    if load_settings().database_url is not None:
        raise UsageError(
            "database_url is set, and a benchmark would write into that database; nothing was measured. Unset CHATBOT_DATABASE_URL "
            "and CHATBOT_DATABASE_URL_FILE, and run it in a folder without a chatbot.toml that names one."
        )


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50 and p95, interpolated, to a tenth."""
    return {f"p{percent}": round(float(np.percentile(values, percent)), 1) for percent in (50, 95)}


def spread(rounds: Sequence[float]) -> dict[str, float]:
    """Median, least and most of one figure over several rounds, to three digits after the point."""
    figures = {"median": statistics.median(rounds), "least": min(rounds), "most": max(rounds)}
    return {name: round(figure, 3) for name, figure in figures.items()}


def run_alone(main: Callable[..., None]) -> None:
    """Runs one benchmark as a program of its own, as `chatbot bench` would."""
    command = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    command.command()(main)
    run(command)
