"""How a run goes, for whoever watches: a line a log step in `progress.jsonl`, and the same to a listener. Must not know pages.

Imports transformers: import it inside functions only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from chatbot.learning.generator_trainer import METRIC


@dataclass(frozen=True, slots=True)
class Progress:
    """After `step` of `steps` optimizer steps. loss: nats a reply token since the last line; evidence: the score, where it was just
    taken; seconds_left: None before it can be told; tokens_s: tokens of prompts and replies that this attempt has learnt from a
    second, judging left out; event: "step", "evaluated" or "note", whose sentence `note` is."""

    step: int
    steps: int
    event: str = "step"
    loss: float | None = None
    learning_rate: float | None = None
    evidence: float | None = None
    eval_loss: float | None = None
    seconds_left: float | None = None
    tokens_s: float | None = None
    note: str | None = None


Listener = Callable[[Progress], None]


class Diary:
    """Writes the lines and tells the listener. Lives as long as the run's process; one thread."""

    def __init__(self, path: Path | None, listener: Listener) -> None:
        self._path, self._listener = path, listener

    def tell(self, progress: Progress) -> None:
        """One line. Raises OSError when the disk refuses."""
        if self._path is not None:
            told = {key: value for key, value in asdict(progress).items() if value is not None}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told | {"at": round(time.time(), 3)}, ensure_ascii=False) + "\n")
        self._listener(progress)

    def note(self, sentence: str, step: int = 0, steps: int = 0) -> None:
        """Something that happened and is to be known."""
        self.tell(Progress(step, steps, "note", note=sentence))


class Pace(TrainerCallback):  # type: ignore[misc]
    """How many tokens a second the steps of this attempt learn from; what is not a step (judging, saving) does not count.

    `learnt` tells the tokens so far; of several processes each learns about as many, so it is one's times their number.
    """

    def __init__(self, learnt: Callable[[], int]) -> None:
        self._learnt, self._busy, self._began = learnt, 0.0, time.monotonic()

    @property
    def tokens_s(self) -> float | None:
        """None before the first step is done."""
        return round(self._learnt() / self._busy, 1) if self._busy else None

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The clock runs."""
        self._began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """And stands; the loss was read in the step, so a GPU has done its work."""
        self._busy += time.monotonic() - self._began


class Watch(TrainerCallback):  # type: ignore[misc]
    """Turns the trainer's logs into lines. Times are of this process alone: what ran before a kill is not counted."""

    def __init__(self, diary: Diary, pace: Pace) -> None:
        self._diary, self._pace, self._began, self._first = diary, pace, time.monotonic(), 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The clock starts at the step that the run goes on from."""
        self._began, self._first = time.monotonic(), state.global_step

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """A line for what was logged."""
        if not state.is_world_process_zero or not logs:
            return
        done = state.global_step - self._first
        left = (time.monotonic() - self._began) / done * (state.max_steps - state.global_step) if done else None
        if METRIC in logs:
            self._diary.tell(
                Progress(
                    state.global_step,
                    state.max_steps,
                    "evaluated",
                    evidence=logs[METRIC],
                    eval_loss=logs.get("eval_loss"),
                    seconds_left=left,
                )
            )
        elif "loss" in logs:
            self._diary.tell(
                Progress(
                    state.global_step,
                    state.max_steps,
                    loss=logs["loss"],
                    learning_rate=logs.get("learning_rate"),
                    seconds_left=left,
                    tokens_s=self._pace.tokens_s,
                )
            )
