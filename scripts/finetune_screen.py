"""How a tuning run looks on the terminal: a bar with loss, score and time left; plain lines where it is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def screen(quiet: bool = False) -> Iterator[Callable[[Any], None]]:
    """Takes `generator_progress.Progress` values; nothing is shown where `quiet`."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (
        TextColumn("tune"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("tune", total=None, told="")

        def show(progress: Any) -> None:
            if quiet:
                return
            if progress.event == "note":
                console.print(progress.note)
            elif progress.event == "evaluated" or not console.is_terminal:
                console.print(line(progress))
            bar.update(task, completed=progress.step, total=progress.steps or None, told=line(progress))

        yield show


def line(progress: Any) -> str:
    """One moment of a run in words."""
    parts = [f"step {progress.step} of {progress.steps}"]
    if progress.evidence is not None:
        parts.append(f"evidence score {progress.evidence:.3f}")
    if progress.eval_loss is not None:
        parts.append(f"validation loss {progress.eval_loss:.3f}")
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.tokens_s is not None:
        parts.append(f"{progress.tokens_s:,.0f} tokens/s")
    if progress.seconds_left is not None and progress.step < progress.steps:
        parts.append(f"{_duration(progress.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
