"""One training run's folder: its options, its progress, whether it has ended. Must not know what is trained, nor torch.

`<data>/runs/<run>/`: `run.json` (what it was begun with), `checkpoints/`, `tensorboard/`, `progress.jsonl` (one JSON object a log
step), `done.json` (last of all).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.errors import NotFound, StorageError, UsageError

FOLDER, BEGUN, DONE, PROGRESS = "runs", "run.json", "done.json", "progress.jsonl"
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
        return self.folder / "checkpoints"

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
    folder = data / FOLDER / (name or _next(data / FOLDER, kind))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / BEGUN, {"kind": kind, **begun})
    except OSError as exc:
        raise StorageError(f"{folder} cannot be written: {exc.strerror or exc}; nothing was begun.") from exc
    return Run(folder, {"kind": kind, **begun})


def check_new(data: Path, name: str | None) -> None:
    """Raises UsageError for a name that no new run can have; None is the next number's."""
    if name is not None and (data / FOLDER / check_name(name) / BEGUN).exists():
        raise UsageError(f"There is a run {name!r} already; give it another --run, or go on with --resume.")


def open_run(data: Path, name: str, kind: str) -> Run:
    """A run that was begun; "last" names the newest of its kind. Raises NotFound, UsageError."""
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
    return Run(folder, begun)


def unfinished(data: Path) -> dict[str, list[str]]:
    """Names of the runs that can be gone on with, by kind, newest first; one whose run.json is damaged is none."""
    found: dict[str, list[str]] = {}
    begun = sorted((data / FOLDER).glob(f"*/{BEGUN}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in begun:
        if (path.parent / DONE).is_file():
            continue
        with contextlib.suppress(UsageError):
            found.setdefault(str(_read(path).get("kind")), []).append(path.parent.name)
    return found


def end(run: Run, result: Mapping[str, Any]) -> None:
    """Says that the run has ended, and how. Raises StorageError."""
    try:
        write_json(run.folder / DONE, result)
    except OSError as exc:
        raise StorageError(f"{run.folder / DONE} cannot be written: {exc.strerror or exc}.") from exc


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replaces a file as a whole. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def check_name(name: str) -> str:
    """Raises UsageError for a name that is no plain folder name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a run: take letters, digits, '.', '_' and '-', such as first-try.")
    return name


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
