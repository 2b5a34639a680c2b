"""One training run's folder: its options, its progress, whether it has ended. Must not know what is trained, nor torch.

`<data>/runs/<run>/`: `run.json` (what it was begun with), `owner.lock` (held by the process that works on it), `checkpoints/`,
`tensorboard/`, `progress.jsonl` (one JSON object a log step), `done.json` (last of all; `checkpoints/` and `made/` go then).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from chatbot.errors import Conflict, NotFound, StorageError, UsageError
from chatbot.learning.sealing import sync_folder

FOLDER, BEGUN, DONE, PROGRESS = "runs", "run.json", "done.json", "progress.jsonl"
_OWNER, _CHECKPOINTS, _MADE = "owner.lock", "checkpoints", "made"
_WAIT_S = 2.0  # far longer than `unfinished` holds a lock to see whether somebody does
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder. begun: what `begin` wrote."""

    folder: Path
    begun: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def checkpoints(self) -> Path:
        return self.folder / _CHECKPOINTS

    @property
    def made(self) -> Path:
        """What the run made, until it is a version."""
        return self.folder / _MADE

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    @property
    def progress(self) -> Path:
        return self.folder / PROGRESS

    @property
    def done(self) -> Mapping[str, Any] | None:
        """What `end` wrote; None while the run has not ended."""
        path = self.folder / DONE
        return _read(path) if path.is_file() else None


def begin(data: Path, kind: str, begun: Mapping[str, Any], name: str | None = None) -> Run:
    """A new run's folder; without a name `<kind>-run-0001` or the number after the highest. Raises UsageError, StorageError."""
    check_new(data, name)
    try:
        clear_ended(data)
        folder = _new_folder(data / FOLDER, kind, name)
        with owned(folder):
            check_new(data, folder.name)
            write_json(folder / BEGUN, {"kind": kind, **begun})
    except OSError as exc:
        raise StorageError(f"{data / FOLDER} cannot be written: {exc.strerror or exc}; nothing was begun.") from exc
    return Run(folder, {"kind": kind, **begun})


def check_new(data: Path, name: str | None) -> None:
    """Raises UsageError for a name that no new run can have; None is the next number's."""
    if name is not None and (data / FOLDER / check_name(name) / BEGUN).exists():
        raise UsageError(f"There is a run {name!r} already; give it another --run, or go on with --resume.")


def open_run(data: Path, name: str, kind: str) -> Run:
    """A run that was begun; "last" names the newest of its kind. Raises NotFound, UsageError, Conflict while another process
    works on it."""
    runs = data / FOLDER
    if name == "last":
        found = [path.parent for path in runs.glob(f"*/{BEGUN}") if _read(path).get("kind") == kind]
        if not found:
            raise NotFound(f"There is no run in {runs} to go on with; start one without --resume.")
        name = max(found, key=lambda folder: ((folder / BEGUN).stat().st_mtime_ns, folder.name)).name
    folder = runs / check_name(name)
    if not (folder / BEGUN).is_file():
        raise NotFound(f"There is no run {name!r} in {runs}; see the folder's names, or start one without --resume.")
    begun = _read(folder / BEGUN)
    if begun.get("kind") != kind:
        raise UsageError(f"The run {name!r} tunes the {begun.get('kind')}, not the {kind}; name another.")
    if main_process() and _is_owned(folder):
        raise _taken(folder)
    return Run(folder, begun)


def check_open(run: Run) -> None:
    """Raises UsageError for a run that has ended."""
    if (done := run.done) is not None:
        made = f" with {done['version']}" if "version" in done else ""
        raise UsageError(f"The run {run.name} has ended{made}; start a new one.")


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """The right to write a run's folder, held by one process at a time; the kernel frees it when that one dies.

    Of several processes of one run (`accelerate launch`) the first holds it for all. Raises Conflict while another run's process
    holds it, StorageError.
    """
    if not main_process():
        yield
        return
    lock = FileLock(folder / _OWNER)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_WAIT_S)
    except Timeout as exc:
        raise _taken(folder) from exc
    except OSError as exc:
        raise StorageError(f"{folder} cannot be written: {exc.strerror or exc}; make room there.") from exc
    try:
        yield
    finally:
        lock.release()


def main_process() -> bool:
    """Whether this is the first of several processes, which alone writes."""
    return os.environ.get("RANK", "0") == "0"


def unfinished(data: Path) -> dict[str, list[str]]:
    """Names of the runs that can be gone on with, by kind, newest first; one whose run.json is damaged is none, nor is one that a
    process works on."""
    found: dict[str, list[str]] = {}
    begun = sorted((data / FOLDER).glob(f"*/{BEGUN}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in begun:
        if (path.parent / DONE).is_file() or _is_owned(path.parent):
            continue
        with contextlib.suppress(UsageError):
            found.setdefault(str(_read(path).get("kind")), []).append(path.parent.name)
    return found


def begun_between(data: Path, kind: str, since: float, until: float) -> str | None:
    """The first run of the kind that was begun in that time (seconds of the clock); None where there is none."""
    times = {path: path.stat().st_mtime for path in (data / FOLDER).glob(f"*/{BEGUN}")}
    for path in sorted((path for path, at in times.items() if since <= at <= until), key=lambda path: times[path]):
        with contextlib.suppress(UsageError):
            if _read(path).get("kind") == kind:
                return path.parent.name
    return None


def end(run: Run, result: Mapping[str, Any]) -> None:
    """Says that the run has ended, and how; nothing needs its checkpoints then. Raises StorageError."""
    try:
        write_json(run.folder / DONE, result)
    except OSError as exc:
        raise StorageError(f"{run.folder / DONE} cannot be written: {exc.strerror or exc}.") from exc
    _clear(run.folder)


def clear_ended(data: Path) -> None:
    """Removes the checkpoints of runs that have ended: a kill just after the end leaves them."""
    for done in (data / FOLDER).glob(f"*/{DONE}"):
        _clear(done.parent)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replaces a file as a whole, durably. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def check_name(name: str) -> str:
    """Raises UsageError for a name that is no plain folder name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a run: take letters, digits, '.', '_' and '-', such as first-try.")
    return name


def _clear(folder: Path) -> None:
    for name in (_CHECKPOINTS, _MADE):
        shutil.rmtree(folder / name, ignore_errors=True)


def _is_owned(folder: Path) -> bool:
    if not (folder / _OWNER).is_file():
        return False
    try:
        with FileLock(folder / _OWNER).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _taken(folder: Path) -> Conflict:
    return Conflict(
        f"The run {folder.name} is being worked on by another process; wait until that has ended, or start a new run."
    )


def _new_folder(runs: Path, kind: str, name: str | None) -> Path:
    """Without a name one that nobody else gets: of two that begin at once, each makes its own."""
    while name is None:
        with contextlib.suppress(FileExistsError):
            made = runs / _next(runs, kind)
            made.mkdir(parents=True)
            return made
    return runs / name


def _next(runs: Path, kind: str) -> str:
    found = [re.fullmatch(rf"{kind}-run-(\d{{4,}})", path.name) for path in runs.glob(f"{kind}-run-*")]
    return f"{kind}-run-{max((int(match[1]) for match in found if match), default=0) + 1:04d}"


def _read(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_bytes())
        if isinstance(value, dict):
            return value
    except (OSError, ValueError) as exc:
        raise UsageError(f"{path} is damaged; start a new run.") from exc
    raise UsageError(f"{path} is damaged; start a new run.")
