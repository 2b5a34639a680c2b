"""The trainer of one attempt at a run: arguments, order, listeners, the base's scores before the first step. Must not know of other
attempts.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from chatbot.learning.generator_adapters import checkpointed, in_bf16
from chatbot.learning.generator_base import Base
from chatbot.learning.generator_data import Chosen, Encoder, Order
from chatbot.learning.generator_history import Clock, scores_at
from chatbot.learning.generator_options import TuningOptions
from chatbot.learning.runs import Run, main_process, write_json

BEFORE = "before.json"
_KEPT = 3


@dataclass(frozen=True, slots=True)
class Task:
    """What is learnt, and from what. sample: validation examples that the run is judged by."""

    base: Base
    train: Chosen
    sample: Chosen
    options: TuningOptions


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one attempt trains: the loaded model with its tokenizer, the sizes of a batch, the steps of the whole run."""

    model: Any
    tokenizer: Any
    device: str
    batch: int
    accumulation: int
    steps: int
    clock: Clock


def trainer_of(task: Task, run: Run, loaded: Loaded, diary: Any) -> Any:
    """A `ReplyTrainer` that has not begun. diary: `generator_progress.Diary`."""
    from transformers import PrinterCallback, TrainingArguments
    from transformers.integrations import TensorBoardCallback

    from chatbot.learning.generator_progress import Pace, Watch
    from chatbot.learning.generator_trainer import ReplyTrainer, Steward, collate

    options, steps, device = task.options, loaded.steps, loaded.device
    every = max(1, math.ceil(steps / options.evaluations))
    arguments = TrainingArguments(
        output_dir=str(run.checkpoints),
        per_device_train_batch_size=loaded.batch,
        gradient_accumulation_steps=loaded.accumulation,
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
        report_to=_trackers(run),
        run_name=run.name,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
    )
    order = Order([one.length for one in task.train.tokens], _a_step(options), options.seed)
    trainer = ReplyTrainer(
        order=order,
        scores=_scorer(task, loaded),
        model=loaded.model,
        args=arguments,
        train_dataset=list(task.train.tokens),
        eval_dataset=list(task.sample.tokens),
        data_collator=partial(collate, pad=_ends(loaded)[0]),
        callbacks=[
            Steward(options.save_every or max(1, steps // 10), options.patience, loaded.clock.write),
            *([TensorBoardCallback(_board(run))] if main_process() else []),
        ],
    )
    trainer.pace = Pace(lambda: trainer.tokens_learnt * _processes())
    trainer.add_callback(trainer.pace)
    trainer.add_callback(Watch(diary, trainer.pace))
    trainer.remove_callback(PrinterCallback)
    return trainer


def _a_step(options: TuningOptions) -> int:
    return options.effective * _processes()


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _board(run: Run) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(log_dir=str(run.tensorboard))


def _trackers(run: Run) -> list[str]:
    """MLflow and Weights & Biases where they are installed, in the run's folder unless their own variables name another place.

    TensorBoard has a callback of its own, for its folder.
    """
    from importlib.util import find_spec

    found = [name for name in ("mlflow", "wandb") if find_spec(name) is not None]
    if "mlflow" in found:
        os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{run.folder / 'mlflow.db'}")
    if "wandb" in found:
        os.environ.setdefault("WANDB_MODE", "offline")  # nothing leaves the machine unasked
        os.environ.setdefault("WANDB_DIR", str(run.folder))
        os.environ.setdefault("WANDB_SILENT", "true")  # it prints where the result is to stand
    return found


def _scorer(task: Task, loaded: Loaded) -> Callable[[Any], Mapping[str, float]]:
    from chatbot.learning.generator_replies import score

    encoder, ends = Encoder(loaded.tokenizer), _ends(loaded)
    return lambda now: score(now, encoder, task.sample, ends, task.options.max_reply)


def _ends(loaded: Loaded) -> list[int]:
    declared = getattr(loaded.model.generation_config, "eos_token_id", None)
    declared = declared if isinstance(declared, list) else [] if declared is None else [declared]
    last = next(iter(Encoder(loaded.tokenizer).end[-1:]))
    return [*dict.fromkeys([last, *declared])]


def untuned_scores(run: Run, trainer: Any, diary: Any, steps: int) -> Mapping[str, float]:
    """Scores of the untuned base on the sample; taken once a run, as an adapter that has learnt nothing changes nothing."""
    from chatbot.learning.generator_progress import Progress

    path = run.folder / BEFORE
    if not path.is_file():
        diary.note(f"{steps} steps; before the first the untuned base answers the validation sample.", 0, steps)
        trainer.state.max_steps = steps
        trainer.callback_handler.callbacks, kept = [], trainer.callback_handler.callbacks
        metrics = scores_at(trainer.evaluate())
        trainer.callback_handler.callbacks = kept
        if main_process():
            write_json(path, metrics)
        diary.tell(Progress(0, steps, "evaluated", evidence=metrics["evidence"], eval_loss=metrics["loss"]))
        return metrics
    return {str(key): float(value) for key, value in json.loads(path.read_bytes()).items()}
