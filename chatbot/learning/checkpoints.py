"""Which checkpoint of a run may be trusted: one whose files are all there and unchanged. Must not know what they hold.

A checkpoint's folder (`checkpoint-<step>`) is written in place and sealed last by `sealed.json`, the SHA-256 of each file; one that
a kill cut short has no seal. Where the newest is not sound the one before counts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ModelError, UsageError

SEAL = "sealed.json"
_STATE = "trainer_state.json"


@dataclass(frozen=True, slots=True)
class Found:
    """folder: the newest sound checkpoint, None when there is none. notes: sentences about those that were passed over."""

    folder: Path | None
    notes: tuple[str, ...] = ()


def seal(folder: Path) -> None:
    """Writes the seal of a checkpoint that is complete. Raises OSError."""
    digests = {path.name: _sha256(path) for path in _files(folder)}
    part = folder / f".{SEAL}"
    part.write_text(json.dumps(digests, indent=2), encoding="utf-8")
    part.replace(folder / SEAL)


def problem(folder: Path) -> str | None:
    """What is wrong with a checkpoint; None when every byte is as it was sealed."""
    try:
        digests = json.loads((folder / SEAL).read_bytes())
    except FileNotFoundError:
        return "it was cut short while it was written"
    except (OSError, ValueError):
        return f"its {SEAL} is damaged"
    if not isinstance(digests, dict):
        return f"its {SEAL} is damaged"
    present = {path.name for path in _files(folder)}
    if differing := sorted(present ^ digests.keys()):
        return f"{differing[0]} is {'new' if differing[0] in present else 'missing'}"
    for name, digest in digests.items():
        if _sha256(folder / name) != digest:
            return f"{name} was changed"
    return None


def newest_sound(checkpoints: Path) -> Found:
    """The checkpoint to go on from. Raises ModelError when there are sealed ones and none of them is sound."""
    notes: list[str] = []
    broken = 0
    for folder in _newest_first(checkpoints):
        wrong = problem(folder) or _best_problem(checkpoints, folder)
        if wrong is None:
            return Found(folder, tuple(notes))
        sealed = (folder / SEAL).exists()
        broken += sealed
        notes.append(f"{folder.name} cannot be used: {wrong}; the one before it is.")
    if broken:
        raise ModelError(
            f"No checkpoint in {checkpoints} is sound ({notes[0].partition(';')[0]}); restore the folder from a backup, or "
            "start a new run."
        )
    return Found(None, tuple(note.partition(";")[0] + "; the run starts from the beginning." for note in notes))


def check_resumable(checkpoints: Path) -> None:
    """Raises UsageError where a run cannot go on; asked before anything is read or loaded for it."""
    try:
        newest_sound(checkpoints)
    except ModelError as exc:
        raise UsageError(str(exc)) from exc


def drop_after(checkpoints: Path, sound: Path | None) -> None:
    """Removes what is newer than the checkpoint that a run goes on from, so that it is written anew."""
    step = -1 if sound is None else _step(sound)
    for folder in _newest_first(checkpoints):
        if _step(folder) > step:
            shutil.rmtree(folder, ignore_errors=True)


def _best_problem(checkpoints: Path, folder: Path) -> str | None:
    """The best checkpoint so far is what a run ends with; one that is damaged must be made again."""
    try:
        step = json.loads((folder / _STATE).read_bytes()).get("best_global_step")
    except (OSError, ValueError, AttributeError):
        return None  # no trainer's checkpoint; the seal has vouched for its files
    best = checkpoints / f"checkpoint-{step}"
    if step is None or best == folder:
        return None
    return (
        None
        if (wrong := problem(best) if best.is_dir() else "it is missing") is None
        else f"of its best, {best.name}, {wrong}"
    )


def _newest_first(checkpoints: Path) -> list[Path]:
    found = [path for path in checkpoints.glob("checkpoint-*") if path.is_dir() and path.name[11:].isdigit()]
    return sorted(found, key=_step, reverse=True)


def _step(folder: Path) -> int:
    return int(folder.name.removeprefix("checkpoint-"))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file() and path.name not in (SEAL, f".{SEAL}"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
