"""How an encoder run goes, what it learns from, what it tells and what comes of it: values only. Must not know torch or files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatbot.errors import UsageError
from chatbot.learning.bounds import ENCODER, check_bounds
from chatbot.learning.encoder_exam import Marks
from chatbot.learning.encoder_pairs import Kind, Material
from chatbot.learning.encoder_run import Position

KINDS: tuple[Kind, ...] = ("reply", "window", "question")


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a run goes. hard_epochs: of the `epochs`, the last so many with mined negatives; patience: measurements without gain."""

    epochs: int = 2
    hard_epochs: int = 0
    batch: int = 48
    rate: float = 5e-5
    warm_up: float = 0.1
    max_tokens: int = 128
    kinds: tuple[Kind, ...] = KINDS
    measures_an_epoch: int = 2
    patience: int = 3
    checkpoint_s: float = 120.0
    checkpoint_steps: int | None = None
    seed: int = 20_260_101
    device: str = "cpu"

    def check(self) -> None:
        """Raises UsageError for settings that contradict each other or cannot be."""
        check_bounds({"epochs": self.epochs, "batch": self.batch, "learning_rate": self.rate}, ENCODER)
        if not 0 <= self.hard_epochs <= self.epochs:
            raise UsageError(f"{self.hard_epochs} of {self.epochs} epochs with hard negatives cannot be; take fewer.")
        if not 0 <= self.warm_up < 1 or self.max_tokens < 8:
            raise UsageError("A warm-up lies in [0, 1), and a text has 8 tokens or more.")
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            raise UsageError(f"Pairs are of the kinds {', '.join(KINDS)}; name at least one.")

    def deciding(self) -> dict[str, Any]:
        """The options that decide the result; how often a run is saved does not."""
        unimportant = ("checkpoint_s", "checkpoint_steps")
        return {name: value for name, value in asdict(self).items() if name not in unimportant}


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned from and what is held out: passages of whole, different conversations."""

    learned: Material
    held: Material


@dataclass(frozen=True, slots=True)
class Progress:
    """For those who watch. loss: mean of the last steps; score: of the last measurement; seconds_left: None until it is known;
    note: a sentence about what went otherwise than planned."""

    stage: str
    step: int
    steps: int
    loss: float | None = None
    score: float | None = None
    seconds_left: float | None = None
    note: str | None = None


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Tuned:
    """A finished run. before, after: held-out marks of the base and of the result, on the same turns."""

    folder: Path
    steps: int
    best_step: int
    before: Mapping[str, Marks]
    after: Mapping[str, Marks]
    losses: Sequence[Sequence[float]]
    scores: Sequence[Sequence[float]]
    seconds: float
    peak_memory_mb: float


def outcome_of(
    position: Position, before: Mapping[str, Marks], after: Mapping[str, Marks], memory: float
) -> dict[str, Any]:
    """What a finished run keeps in its folder, as JSON knows it."""
    return {
        "steps": position.step,
        "best_step": position.best_step,
        "before": {name: asdict(one) for name, one in before.items()},
        "after": {name: asdict(one) for name, one in after.items()},
        "losses": position.losses,
        "scores": position.scores,
        "seconds": round(position.seconds, 1),
        "peak_memory_mb": memory,
    }


def tuned_of(run: Path, outcome: Mapping[str, Any]) -> Tuned:
    """The same, read again."""
    marks = {when: {name: _marks(one) for name, one in outcome[when].items()} for when in ("before", "after")}
    return Tuned(run / "encoder", **({key: outcome[key] for key in _OUTCOME} | marks))


def _marks(kept: Mapping[str, Any]) -> Marks:
    return Marks(tuple(kept["hits"]), tuple(kept["owners"]), tuple(kept["languages"]), kept.get("sure", 0.0))


_OUTCOME = ("steps", "best_step", "losses", "scores", "seconds", "peak_memory_mb")
