"""What a run's checkpoints and logs tell of its past: clock, position, curves, whether it is over. Must not know torch.

A checkpoint's `trainer_state.json` is the trainer's own; `clock.json` is ours.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CLOCK = "clock.json"


def state_of(checkpoint: Path | None) -> tuple[Any, int, int] | None:
    """Log history, best step and last step of the run up to a checkpoint."""
    if checkpoint is None:
        return None
    raw = json.loads((checkpoint / "trainer_state.json").read_bytes())
    return raw["log_history"], raw["best_global_step"], raw["global_step"]


def finished(state: tuple[Any, Any, int], steps: int, patience: int) -> bool:
    """Whether a run that stands there has ended: at its last step, or out of patience."""
    from chatbot.learning.generator_trainer import exhausted

    history, _, last = state
    return last >= steps or exhausted(history, patience)


def curves(history: Sequence[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    """Name to [step, value] pairs, for the card."""
    wanted = {
        "loss": "loss",
        "learning_rate": "learning_rate",
        "eval_loss": "validation_loss",
        "eval_evidence": "evidence",
    }
    return {name: [[entry["step"], entry[key]] for entry in history if key in entry] for key, name in wanted.items()}


def scores_at(entry: Mapping[str, Any]) -> dict[str, float]:
    """The scores in one entry of the log, without the trainer's prefix."""
    return {
        key.removeprefix("eval_"): float(value)
        for key, value in entry.items()
        if key.startswith("eval_") and key != "eval_choice"
    }


class Clock:
    """Seconds that the run has taken, over all its processes up to their last checkpoints."""

    def __init__(self, start: Path | None) -> None:
        path = None if start is None else start / CLOCK
        self._earlier = float(json.loads(path.read_bytes())["seconds"]) if path is not None and path.is_file() else 0.0
        self._began = time.monotonic()

    @property
    def now(self) -> float:
        return self._earlier + time.monotonic() - self._began

    def write(self, checkpoint: Path) -> None:
        (checkpoint / CLOCK).write_text(json.dumps({"seconds": round(self.now, 1)}), encoding="utf-8")
