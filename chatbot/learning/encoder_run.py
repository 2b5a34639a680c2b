"""The folder of one encoder run: its options, checkpoints that survive a kill, the log that others follow. Must not know losses."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chatbot.errors import Conflict, ModelError, StorageError, UsageError
from chatbot.learning.runs import BEGUN as RUN
from chatbot.learning.runs import DONE, PROGRESS, write_json
from chatbot.learning.runs import FOLDER as RUNS
from chatbot.learning.sealing import UnsealedError, seal, sync_folder, unseal, write_synced

CHECKPOINTS, BEST, KIND = "checkpoints", "best.safetensors", "encoder"
MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"
_KEPT = 2
_HALF = ".half-"
_NAMED = re.compile(rf"{KIND}-run-(\d{{4,}})")


@dataclass(slots=True)
class Position:
    """Where a run stands. Everything random follows from the seed and `step`, so that no generator's state is needed."""

    step: int = 0
    best_step: int = 0
    best_score: float = 0.0
    worse: int = 0  # measurements in a row that were not the best
    seconds: float = 0.0
    losses: list[list[float]] = field(default_factory=list)
    scores: list[list[float]] = field(default_factory=list)
    ended: bool = False


class RunFolder:
    """One run's files. One process at a time writes; any may read `progress.jsonl`."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Begins a run or finds the one begun. identity: options and hashes; all must be the same to go on.

        Raises Conflict naming what differs, ModelError for a broken run.json, StorageError when the disk refuses.
        """
        self.folder = folder
        self.passed_over: list[str] = []  # sentences about checkpoints that `load` could not use
        known = json.loads(json.dumps({"kind": KIND, **identity}))
        with writing(folder):
            if not (folder / DONE).exists():
                (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
            for half in (folder / CHECKPOINTS).glob(f"{_HALF}*"):
                shutil.rmtree(half)
            if not (folder / RUN).exists():
                write_json(folder / RUN, known)
        begun = _begun(folder / RUN)
        if differing := sorted(key for key in begun.keys() | known.keys() if begun.get(key) != known.get(key)):
            raise Conflict(
                f"The run in {folder} was begun with another {', '.join(differing)}; go on with the same, or name a new run."
            )

    def done(self) -> dict[str, Any] | None:
        """What `finish` kept, None while the run is not over. Raises ModelError."""
        return _unsealed(self.folder / DONE) if (self.folder / DONE).exists() else None

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Marks the run as over; its checkpoints are no longer needed."""
        with writing(self.folder):
            _replace(self.folder / DONE, seal(outcome))
            shutil.rmtree(self.folder / CHECKPOINTS)

    def save(self, position: Position, model: Mapping[str, Any], optimizer: Mapping[str, Any]) -> None:
        """A checkpoint: tensors and position, whole or not there. The newest two stay."""
        from safetensors.torch import save_file

        name = f"step-{position.step:08d}"
        half = self.folder / CHECKPOINTS / f"{_HALF}{name}"
        with writing(self.folder):
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            save_file(dict(model), str(half / MODEL))
            save_file(dict(optimizer), str(half / OPTIMIZER))
            hashes = {file: _sha256(half / file) for file in (MODEL, OPTIMIZER)}
            write_synced(half / STATE, seal({"position": asdict(position), "files": hashes}))
            shutil.rmtree(half.with_name(name), ignore_errors=True)
            half.rename(half.with_name(name))
            sync_folder(half.parent)
            for old in self._checkpoints()[:-_KEPT]:
                shutil.rmtree(old)

    def load(self) -> tuple[Position, dict[str, Any], dict[str, Any]] | None:
        """The newest checkpoint that is whole, None for a run not yet begun; broken ones after it are removed.

        Raises ModelError when there are some and none is whole.
        """
        folder, wrong = _newest_whole(self._checkpoints())
        if folder is None:
            return None
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        with writing(self.folder):
            for path, why in wrong:
                self.passed_over.append(
                    f"{path.parent.name}/{path.name} is broken ({why}): goes on from {folder.name}."
                )
                shutil.rmtree(path.parent)
        state = _unsealed(folder / STATE)
        try:
            tensors = [load_file(str(folder / file)) for file in (MODEL, OPTIMIZER)]
        except (OSError, SafetensorError) as exc:
            raise _broken(folder, str(exc)) from exc
        return Position(**state["position"]), tensors[0], tensors[1]

    def keep_best(self, model: Mapping[str, Any]) -> None:
        """The weights that did best so far, replaced as a whole."""
        from safetensors.torch import save_file

        with writing(self.folder):
            half = self.folder / f"{_HALF}{BEST}"
            save_file(dict(model), str(half))
            half.replace(self.folder / BEST)

    def best(self) -> dict[str, Any]:
        """The weights that did best. Raises ModelError."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return dict(load_file(str(self.folder / BEST)))
        except (OSError, SafetensorError) as exc:
            raise _broken(self.folder / BEST, str(exc)) from exc

    def log(self, entry: Mapping[str, Any]) -> None:
        """One line more for those who follow."""
        with writing(self.folder), (self.folder / PROGRESS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(entry) | {"at": round(time.time(), 3)}) + "\n")

    def cut_log(self, step: int) -> None:
        """Drops lines beyond a step, which are about to be written again; and a line that a kill cut short."""
        path = self.folder / PROGRESS
        if not path.exists():
            return
        kept = []
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line)
            except (ValueError, KeyError):
                continue
        with writing(self.folder):
            _replace(path, "".join(f"{line}\n" for line in kept).encode())

    def _checkpoints(self) -> list[Path]:
        return sorted((self.folder / CHECKPOINTS).glob("step-*"))


def check_resumable(folder: Path) -> None:
    """Raises UsageError where a run has checkpoints and none is whole; asked before anything is read or loaded for it."""
    try:
        _newest_whole(sorted((folder / CHECKPOINTS).glob("step-*")))
    except ModelError as exc:
        raise UsageError(str(exc)) from exc


def _newest_whole(found: Sequence[Path]) -> tuple[Path | None, list[tuple[Path, str]]]:
    """Of checkpoints, oldest first, the last whole one, and what is broken in those after it. Raises ModelError."""
    wrong: list[tuple[Path, str]] = []
    for folder in reversed(found):
        if (problem := _problem(folder)) is None:
            return folder, wrong
        wrong.append(problem)
    if wrong:
        raise _broken(*wrong[0])
    return None, wrong


def _problem(folder: Path) -> tuple[Path, str] | None:
    """The file of a checkpoint that is broken, and why; None when all are as they were written."""
    path = folder / STATE
    try:
        for file, digest in unseal(path.read_bytes())["files"].items():
            path = folder / file
            if _sha256(path) != digest:
                return path, "its SHA-256 differs from the one kept"
    except (OSError, UnsealedError) as exc:
        return path, getattr(exc, "strerror", None) or str(exc)
    return None


def next_folder(data: Path) -> Path:
    """Where a run without a name goes: encoder-run-0001, or the number after the highest."""
    found = [_NAMED.fullmatch(path.name) for path in (data / RUNS).glob(f"{KIND}-run-*")]
    return data / RUNS / f"{KIND}-run-{max((int(match[1]) for match in found if match), default=0) + 1:04d}"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns what the disk refuses into one sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise StorageError(
            f"The run in {folder} cannot be written: {why}; free space and start it again, it goes on."
        ) from exc


def _replace(path: Path, data: bytes) -> None:
    half = path.with_name(f"{_HALF}{path.name}")
    write_synced(half, data)
    os.replace(half, path)
    sync_folder(path.parent)


def _begun(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError) as exc:
        raise ModelError(f"{path} is damaged; name a new run.") from exc


def _unsealed(path: Path) -> dict[str, Any]:
    try:
        return unseal(path.read_bytes())
    except OSError as exc:
        raise _broken(path, exc.strerror or "") from exc
    except UnsealedError as exc:
        raise _broken(path, str(exc)) from exc


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return digest


def _broken(path: Path, why: str) -> ModelError:
    return ModelError(
        f"{path} is broken ({why}), and nothing older is there that the run could go on from; begin a new run."
    )
