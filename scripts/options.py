"""What several commands share: common options, settings from them, how results and progress show, how a command ends."""

from __future__ import annotations

import dataclasses
import errno
import json
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from chatbot.errors import ChatbotError, StorageError, UsageError
from chatbot.logs import configure_logging
from chatbot.settings import Settings, load_settings

DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Folder with everything that the deployment owns (default: data)", show_default=False),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file (default: chatbot.toml, if there)", show_default=False)
]
_NO_SUCH_PLACE = {
    getattr(errno, name)
    for name in ("ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "EROFS", "ENAMETOOLONG", "ELOOP")
}
INTERRUPTED = 130  # what shells give for a program that Ctrl-C ended

T = TypeVar("T")
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True)
class AppOptions:
    """The options before the command."""

    data: Path | None = None
    config: Path | None = None


class ProgressSink(Protocol):
    """Takes (stage, done, total); total 0 means unknown."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """A ProgressSink that shows nothing."""


def tracked(items: Collection[T], stage: str, progress: ProgressSink) -> Iterator[T]:
    """The items one by one; before each, and at the end, it is told how many are done."""
    for done, item in enumerate(items):
        progress(stage, done, len(items))
        yield item
    progress(stage, len(items), len(items))


def settings_from(ctx: typer.Context, data: Path | None = None, **flags: Any) -> Settings:
    """Settings with the command's flags on top; sets up logging. Raises SettingsError."""
    common = ctx.obj if isinstance(ctx.obj, AppOptions) else AppOptions()
    flags.setdefault("log_level", None)
    settings = load_settings(common.config, data=data or common.data, **flags)
    quiet = (
        {} if "log_level" in settings.model_fields_set else {"log_level": "warning"}
    )  # a command's output is its result
    configure_logging(settings.model_copy(update=quiet))
    return settings


def plain(value: Any) -> Any:
    """A value of ours as JSON knows it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """One JSON value on standard output, UTF-8, keys in the order of the type."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=indent) + "\n")
    sys.stdout.flush()


@contextmanager
def progress_bar(quiet: bool = False, *, redraws_per_s: float = 10) -> Iterator[ProgressSink]:
    """A bar for each stage on standard error while something long runs; nothing where that is no terminal or `quiet`.

    A stage of unknown length is over when the next one begins.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=console,
        refresh_per_second=redraws_per_s,
        redirect_stdout=sys.stdout.isatty(),  # in a pipe or a file the result must not go where the bar is
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                for task in bar.tasks:
                    if task.total is None:
                        bar.update(task.id, completed=task.completed or 1, total=task.completed or 1)
                tasks[stage] = bar.add_task(stage, total=total or None)
            bar.update(tasks[stage], completed=done, total=total or None)

        yield show


def unwritable(out: Path, exc: OSError) -> ChatbotError:
    """What to raise where a file that the user named could not be written: a name that cannot be is exit code 2."""
    why = exc.strerror or str(exc)
    if exc.errno in _NO_SUCH_PLACE:
        return UsageError(f"{out} cannot be written: {why}. Name a file in a folder that is there and yours.")
    return StorageError(f"{out} cannot be written: {why}. Mend that, or name a file elsewhere.")


def run(command: typer.Typer) -> None:
    """Runs a command line: an error of ours is one sentence on standard error and its exit code, never a traceback."""
    try:
        command()
    except ChatbotError as exc:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]Error:[/red] {escape(str(exc))}")
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as exc:
        if exc.code == INTERRUPTED:  # typer has taken the KeyboardInterrupt and says nothing
            _interrupted()
        raise
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has left: not an error of ours
        sys.exit(1)


def _interrupted() -> NoReturn:
    told = "Interrupted: the step that was running left nothing behind; what was finished before it stays."
    Console(stderr=True, soft_wrap=True).print(told)
    sys.exit(INTERRUPTED)
