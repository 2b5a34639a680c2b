"""One run of generator tuning: from a base and chosen examples to a folder with what was learnt. Must not know SQL, the registry or
pages.

A run may be killed at any moment: it goes on from its newest sound checkpoint and ends with the same weights as an unbroken one.
Where memory runs out the batch is halved, with as many examples a step as before, and the run says so.
"""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError
from chatbot.learning import checkpoints
from chatbot.learning.generator_adapters import checkpointed, device_of, in_bf16, load, save
from chatbot.learning.generator_base import Base, open_tokenizer
from chatbot.learning.generator_data import Chosen, Encoder, Order
from chatbot.learning.generator_options import TuningOptions
from chatbot.learning.runs import Run, write_json

CLOCK, BEFORE, NOTES, MADE = "clock.json", "before.json", "notes.json", "made"
_KEPT = 3


@dataclass(frozen=True, slots=True)
class Task:
    """What is learnt, and from what. sample: validation examples that the run is judged by."""

    base: Base
    train: Chosen
    sample: Chosen
    options: TuningOptions


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a run made. folder: the adapter, or the whole model after full tuning. before, after: scores of the sample, untuned and
    of the best checkpoint, which is what the folder holds. curves: name to [step, value] pairs. seconds: of all processes that
    the run took."""

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
        _release()


def quiet() -> None:
    """The libraries' bars and hints stay off the terminal: the run has its own."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def out_of_memory(exc: BaseException) -> bool:
    """Whether memory, of the GPU or the machine, is what ran out."""
    import torch

    if isinstance(exc, MemoryError | torch.OutOfMemoryError):
        return True
    told = str(exc)
    signs = ("out of memory", "not enough memory", "DefaultCPUAllocator", "ALLOC_FAILED")
    return isinstance(exc, RuntimeError) and any(sign in told for sign in signs)


def _first_attempt(task: Task, run: Run, diary: Any) -> _Attempt:
    found = checkpoints.newest_sound(run.checkpoints)
    if _main_process():
        checkpoints.drop_after(run.checkpoints, found.folder)
    attempt = _Attempt(task.options.batch, task.options.accumulation, found.folder, _read_notes(run))
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
    scores = _scorer(task, tokenizer, model)
    clock = _Clock(attempt.start)
    trainer = _trainer(task, run, attempt, diary, (model, tokenizer, scores, device, steps, clock))
    before = _before(run, trainer, diary, steps)
    state = _state(attempt.start)
    if state is None or not _finished(state, steps, options.patience):
        trainer.train(resume_from_checkpoint=None if attempt.start is None else str(attempt.start))
        state = trainer.state.log_history, trainer.state.best_global_step, trainer.state.global_step
    history, best, last = state
    sealed = run.checkpoints / f"checkpoint-{best}"
    if wrong := checkpoints.problem(sealed):
        raise ModelError(f"The best checkpoint, {sealed}, cannot be used: {wrong}; run again with --resume {run.name}.")
    restore(model, sealed)
    if _main_process():
        _save(model, tokenizer, task, run.folder / MADE)
    memory = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else _peak_memory_mb()
    after = next(_scores_at(entry) for entry in history if entry.get("step") == best and "eval_evidence" in entry)
    return Tuned(
        run.folder / MADE, before, after, _curves(history), attempt.notes, last, best, clock.now, memory, trained
    )


def _trainer(task: Task, run: Run, attempt: _Attempt, diary: Any, made: tuple[Any, ...]) -> Any:
    from transformers import PrinterCallback, TrainingArguments
    from transformers.integrations import TensorBoardCallback

    from chatbot.learning.generator_progress import Watch
    from chatbot.learning.generator_trainer import ReplyTrainer, Steward, collate

    model, tokenizer, scores, device, steps, clock = made
    options = task.options
    every = max(1, math.ceil(steps / options.evaluations))
    arguments = TrainingArguments(
        output_dir=str(run.checkpoints),
        per_device_train_batch_size=attempt.batch,
        gradient_accumulation_steps=attempt.accumulation,
        max_steps=steps,
        learning_rate=options.rate(task.base.parameters),
        lr_scheduler_type="linear",
        warmup_steps=math.ceil(options.warmup * steps),
        optim="adamw_torch" if options.optimizer == "adamw" else "adafactor",
        bf16=in_bf16(options, device),
        use_cpu=device == "cpu",
        activation_checkpointing=checkpointed(options, task.base.parameters, device),
        activation_checkpointing_kwargs={"use_reentrant": False},
        seed=options.seed,
        logging_steps=max(1, steps // 200),
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=_KEPT,
        load_best_model_at_end=False,
        metric_for_best_model="choice",
        greater_is_better=True,
        report_to=_trackers(),
        run_name=run.name,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
    )
    order = Order([one.length for one in task.train.tokens], _a_step(options), options.seed)
    trainer = ReplyTrainer(
        order=order,
        scores=scores,
        model=model,
        args=arguments,
        train_dataset=list(task.train.tokens),
        eval_dataset=list(task.sample.tokens),
        data_collator=partial(collate, pad=_ends(model, tokenizer)[0]),
        callbacks=[
            Steward(options.save_every or max(1, steps // 10), options.patience, clock.write),
            Watch(diary),
            *([TensorBoardCallback(_board(run))] if _main_process() else []),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _a_step(options: TuningOptions) -> int:
    return options.effective * int(os.environ.get("WORLD_SIZE", "1"))


def _board(run: Run) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(log_dir=str(run.tensorboard))


def _trackers() -> list[str]:
    """MLflow and Weights & Biases where they are installed; TensorBoard has a callback of its own, for its folder."""
    from importlib.util import find_spec

    found = [name for name in ("mlflow", "wandb") if find_spec(name) is not None]
    if "wandb" in found:
        os.environ.setdefault("WANDB_MODE", "offline")  # nothing leaves the machine unasked
    return found


def _scorer(task: Task, tokenizer: Any, model: Any) -> Callable[[Any], Mapping[str, float]]:
    from chatbot.learning.generator_replies import score

    encoder, ends = Encoder(tokenizer), _ends(model, tokenizer)
    return lambda now: score(now, encoder, task.sample, ends, task.options.max_reply)


def _ends(model: Any, tokenizer: Any) -> list[int]:
    declared = getattr(model.generation_config, "eos_token_id", None)
    declared = declared if isinstance(declared, list) else [] if declared is None else [declared]
    last = next(iter(Encoder(tokenizer).end[-1:]))
    return [*dict.fromkeys([last, *declared])]


def _before(run: Run, trainer: Any, diary: Any, steps: int) -> Mapping[str, float]:
    """Scores of the untuned base on the sample; taken once a run, as an adapter that has learnt nothing changes nothing."""
    from chatbot.learning.generator_progress import Progress

    path = run.folder / BEFORE
    if not path.is_file():
        diary.note(f"{steps} steps; before the first the untuned base answers the validation sample.", 0, steps)
        trainer.state.max_steps = steps
        trainer.callback_handler.callbacks, kept = [], trainer.callback_handler.callbacks
        metrics = _scores_at(trainer.evaluate())
        trainer.callback_handler.callbacks = kept
        if _main_process():
            write_json(path, metrics)
        diary.tell(Progress(0, steps, "evaluated", evidence=metrics["evidence"], eval_loss=metrics["loss"]))
        return metrics
    return {str(key): float(value) for key, value in json.loads(path.read_bytes()).items()}


def _state(checkpoint: Path | None) -> tuple[Any, int, int] | None:
    if checkpoint is None:
        return None
    raw = json.loads((checkpoint / "trainer_state.json").read_bytes())
    return raw["log_history"], raw["best_global_step"], raw["global_step"]


def _finished(state: tuple[Any, Any, int], steps: int, patience: int) -> bool:
    from chatbot.learning.generator_trainer import exhausted

    history, _, last = state
    return last >= steps or exhausted(history, patience)


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


def _curves(history: Sequence[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    wanted = {
        "loss": "loss",
        "learning_rate": "learning_rate",
        "eval_loss": "validation_loss",
        "eval_evidence": "evidence",
    }
    return {name: [[entry["step"], entry[key]] for entry in history if key in entry] for key, name in wanted.items()}


def _scores_at(entry: Mapping[str, Any]) -> dict[str, float]:
    return {
        key.removeprefix("eval_"): float(value)
        for key, value in entry.items()
        if key.startswith("eval_") and key != "eval_choice"
    }


class _Clock:
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


def _note(attempt: _Attempt, run: Run, diary: Any, sentence: str) -> None:
    attempt.notes.append(sentence)
    diary.note(sentence)
    if _main_process():
        write_json(run.folder / NOTES, {"notes": attempt.notes})


def _read_notes(run: Run) -> list[str]:
    path = run.folder / NOTES
    return list(json.loads(path.read_bytes())["notes"]) if path.is_file() else []


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def _main_process() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _release() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
