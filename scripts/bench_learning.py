"""`chatbot bench learning`: what tuning on public conversations gains on others that were held out, with intervals.

Every part tunes in a run folder of its own under --work: a benchmark that was stopped goes on where it was, and one that is over
is only measured again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.errors import UsageError
from scripts import bench_learning_encoder, bench_learning_generator
from scripts.bench_corpora import DATA_FOLDER, DataFolder
from scripts.bench_report import report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent

_SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a part finds its corpora, keeps its runs, and tells how far it is."""

    data_folder: Path
    work: Path
    seed: int
    progress: ProgressSink


Part = Callable[[Ground], Mapping[str, Any]]
PARTS: Mapping[str, Part] = {
    "star_wizard_of_oz": bench_learning_encoder.star,
    "covid_faq": bench_learning_encoder.covid,
    "banking77": bench_learning_encoder.banking,
    "banking77_ten_shot": bench_learning_encoder.banking_ten_shot,
    "generator": bench_learning_generator.generator,
    "generator_methods": bench_learning_generator.methods,
}
"""Each gives `rows` (figure to what is shown of it), `training` (words) and `goals` (sentence to whether it is met);
covid_faq `ceiling` too, what its strict figure can reach."""


def run(
    data_folder: Path, work: Path, parts: tuple[str, ...], seed: int = _SEED, *, progress: ProgressSink = silent
) -> dict[str, Any]:
    """Figures of each part. Raises UsageError for an unknown part or an absent corpus."""
    if strange := set(parts) - set(PARTS):
        raise UsageError(f"There is no part {min(strange)!r}; choose one of {', '.join(PARTS)}.")
    ground = Ground(data_folder, work, seed, progress)
    results = {name: PARTS[name](ground) for name in parts}
    goals = {f"{name}: {goal}": met for name, result in results.items() for goal, met in result["goals"].items()}
    return {"machine": machine(), "seed": seed, "parts": results, "goals": goals}


def main(
    data_folder: DataFolder = DATA_FOLDER,
    part: Annotated[str, typer.Option(help=f"Only one of {', '.join(PARTS)}.", show_default=False)] = "",
    work: Annotated[
        Path | None, typer.Option(help="Folder that keeps the runs; default: one in the temporary folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What tuning gains on held-out conversations of public corpora, with 95 % intervals."""
    kept = work or Path(tempfile.gettempdir()) / "precedent-bench-learning"
    report(partial(run, data_folder, kept, (part,) if part else tuple(PARTS)), _show, as_json=as_json)


def _show(console: Console, result: dict[str, Any]) -> None:
    for name, part in result["parts"].items():
        table = Table("figure", "before", "after", "difference (95 %)", title=name, title_justify="left")
        for figure, row in part["rows"].items():
            table.add_row(figure, *(_cell(row.get(column)) for column in ("before", "after", "difference")))
        console.print(table)
        console.print(part["training"])


def _cell(figure: Mapping[str, Any] | None) -> str:
    """An interval's view; a figure that was not measured is a dash."""
    if figure is None:
        return "-"
    spread = f" ({figure['low']:.3f} to {figure['high']:.3f})" if figure["low"] is not None else ""
    return f"{figure['mean']:.3f}{spread}"


if __name__ == "__main__":
    run_alone(main)
