"""One run of generator tuning: from a base and chosen examples to a folder with what was learnt. Must not know SQL, the registry or
pages.

A run may be killed at any moment: it goes on from its newest sound checkpoint and ends with the same weights as an unbroken one.
Where memory runs out the batch is halved, with as many examples a step as before, and the run says so.
"""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError
from chatbot.generation.quiet import quiet
from chatbot.learning import checkpoints
from chatbot.learning.devices import out_of_memory, release
from chatbot.learning.generator_adapters import device_of, load, save
from chatbot.learning.generator_base import open_tokenizer
from chatbot.learning.generator_history import Clock, curves, finished, scores_at, state_of
from chatbot.learning.generator_options import TuningOptions
from chatbot.learning.generator_training import Loaded, Task, trainer_of, untuned_scores
from chatbot.learning.runs import Run, main_process, write_json

NOTES = "notes.json"


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a run made. folder: the adapter, or the whole model after full tuning. before, after: scores of the sample, untuned and
    of the best checkpoint, which is what the folder holds. curves: name to [step, value] pairs. seconds: of all processes that
    the run took. batch: examples that went through the model at once in the end. tokens_s: tokens that the last attempt learnt
    from a second, None where it had no step left."""

    folder: Path
    before: Mapping[str, float]
    after: Mapping[str, float]
    curves: Mapping[str, Sequence[Sequence[float]]]
    notes: Sequence[str]
    steps: int
    best_step: int
    seconds: float
    peak_memory_mb: float
    trained_parameters: int
    batch: int
    tokens_s: float | None = None


@dataclass(slots=True)
class _Attempt:
    """What holds for one go at the run: the sizes of a batch, and from where."""

    batch: int
    accumulation: int
    start: Path | None
    notes: list[str] = field(default_factory=list)


def steps_of(options: TuningOptions, examples: int, processes: int = 1) -> int:
    """Optimizer steps of a whole run."""
    if options.max_steps is not None:
        return options.max_steps
    return max(1, math.ceil(options.epochs * math.ceil(examples / (options.effective * processes))))


def tune(task: Task, run: Run, diary: Any) -> Tuned:
    """Trains, or goes on with, the run. diary: `generator_progress.Diary`. Raises UsageError, ModelError, OSError."""
    quiet()
    attempt = _first_attempt(task, run, diary)
    while True:
        try:
            return _go(task, run, attempt, diary)
        except Exception as exc:
            if not out_of_memory(exc):
                raise
            attempt = _halved(attempt, task.options, run, diary, exc)
        release()


def _first_attempt(task: Task, run: Run, diary: Any) -> _Attempt:
    found = checkpoints.newest_sound(run.checkpoints)
    if main_process():
        checkpoints.drop_after(run.checkpoints, found.folder)
    attempt = _Attempt(*task.options.batches(device_of(task.options)), found.folder, _read_notes(run))
    if found.folder is not None:
        diary.note(f"Goes on from {found.folder.name}.", _step(found.folder))
    for note in found.notes:
        _note(attempt, run, diary, note)
    return attempt


def _halved(attempt: _Attempt, options: TuningOptions, run: Run, diary: Any, exc: Exception) -> _Attempt:
    effective = options.effective
    smaller = next((size for size in range(attempt.batch // 2, 0, -1) if effective % size == 0), None)
    if smaller is None or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ModelError(
            f"Memory ran out with {attempt.batch} example(s) at once; lower --max-length, add --checkpointing"
            + (", or lower --batch." if attempt.batch > 1 else ", or take a smaller base.")
        ) from exc
    start = checkpoints.newest_sound(run.checkpoints).folder
    checkpoints.drop_after(run.checkpoints, start)
    halved = _Attempt(smaller, effective // smaller, start, attempt.notes)
    where = "from the beginning" if start is None else f"from {start.name}"
    _note(
        halved,
        run,
        diary,
        f"Memory ran out with {attempt.batch} examples at once: goes on {where} with {smaller} at once and "
        f"{halved.accumulation} batches a step, so each step still learns from {effective}.",
    )
    return halved


def _go(task: Task, run: Run, attempt: _Attempt, diary: Any) -> Tuned:
    import torch

    from chatbot.learning.generator_trainer import restore

    options, device = task.options, device_of(task.options)
    tokenizer = open_tokenizer(task.base.folder)
    steps = steps_of(options, len(task.train.tokens), int(os.environ.get("WORLD_SIZE", "1")))
    model = load(task.base.folder, options, steps, device)
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    clock = Clock(attempt.start)
    loaded = Loaded(model, tokenizer, device, attempt.batch, attempt.accumulation, steps, clock)
    trainer = trainer_of(task, run, loaded, diary)
    before = untuned_scores(run, trainer, diary, steps)
    state = state_of(attempt.start)
    if state is None or not finished(state, steps, options.patience):
        trainer.train(resume_from_checkpoint=None if attempt.start is None else str(attempt.start))
        state = trainer.state.log_history, trainer.state.best_global_step, trainer.state.global_step
    history, best, last = state
    sealed = run.checkpoints / f"checkpoint-{best}"
    if wrong := checkpoints.problem(sealed):
        raise ModelError(f"The best checkpoint, {sealed}, cannot be used: {wrong}; run again with --resume {run.name}.")
    restore(model, sealed)
    if main_process():
        _save(model, tokenizer, task, run.made)
    memory = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else _peak_memory_mb()
    after = next(scores_at(entry) for entry in history if entry.get("step") == best and "eval_evidence" in entry)
    return Tuned(
        run.made,
        before,
        after,
        curves(history),
        attempt.notes,
        last,
        best,
        clock.now,
        memory,
        trained,
        attempt.batch,
        trainer.pace.tokens_s,
    )


def _save(model: Any, tokenizer: Any, task: Task, folder: Path) -> None:
    """The adapter alone, in bf16, or the whole model after full tuning; written beside and renamed."""
    import torch

    part = folder.with_name(f".{folder.name}")
    shutil.rmtree(part, ignore_errors=True)
    model = model.cpu()
    if task.options.method == "full":
        model.config.use_cache = True
        model.to(torch.bfloat16).save_pretrained(part)
        tokenizer.save_pretrained(part)
    else:
        save(model, part, task.base.name)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def _note(attempt: _Attempt, run: Run, diary: Any, sentence: str) -> None:
    attempt.notes.append(sentence)
    diary.note(sentence)
    if main_process():
        write_json(run.folder / NOTES, {"notes": attempt.notes})


def _read_notes(run: Run) -> list[str]:
    path = run.folder / NOTES
    return list(json.loads(path.read_bytes())["notes"]) if path.is_file() else []


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
