"""`chatbot finetune`: tunes the generator on a data set, and with --encoder or --heads those, safe to stop at any moment.

Several GPUs: `accelerate launch -m scripts.finetune --run-name NAME ...` with the same options
(torchrun takes a plain --run for one of its own).
"""

from __future__ import annotations

import dataclasses
import os
from contextlib import nullcontext
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console

from chatbot.errors import UsageError
from chatbot.learning import runs
from chatbot.learning.generator_options import TuningOptions
from scripts.finetune_screen import screen
from scripts.finetune_wishes import Wishes
from scripts.machine import machine
from scripts.options import DataOption, JsonOption, print_json, run, settings_from
from storage.overtaking import Since

_SHARED = ("epochs", "batch", "learning_rate", "max_steps", "max_examples", "seed", "device", "languages")
_OF_GENERATORS = (
    "method", "rank", "alpha", "dropout", "accumulation", "max_length", "max_reply", "optimizer", "warmup", "precision",
    "checkpointing", "evaluations", "sample", "patience", "save_every", "four_bit", "base", "canaries",
    "hand_over_weight",
)  # fmt: skip


def main(
    ctx: typer.Context,
    encoder: Annotated[bool, typer.Option("--encoder", help="Tune the sentence encoder.")] = False,
    heads: Annotated[bool, typer.Option("--heads", help="Train the topic and mood classifiers.")] = False,
    full: Annotated[bool, typer.Option("--full", help="With --heads: tune an encoder of their own.")] = False,
    dataset: Annotated[str | None, typer.Option(help="Data set to learn from; default: the newest.")] = None,
    base: Annotated[str | None, typer.Option(help="Model to tune; default: the setting `model`.")] = None,
    run_name: Annotated[str | None, typer.Option("--run", "--run-name", help="Name of the new run.")] = None,
    resume: Annotated[str | None, typer.Option(help='Go on with this run, or with the "last".')] = None,
    method: Annotated[str | None, typer.Option(help="lora (default), dora, rslora, adalora or full.")] = None,
    rank: Annotated[int | None, typer.Option(help="Rank of the adapter (16).")] = None,
    alpha: Annotated[int | None, typer.Option(help="Scale of the adapter (twice the rank).")] = None,
    dropout: Annotated[float | None, typer.Option(help="Dropout before the adapter (none).")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Default: by method and size of the base.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the examples (2).")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Optimizer steps in place of epochs.")] = None,
    max_examples: Annotated[int | None, typer.Option(help="Learn from a sample of so many.")] = None,
    batch: Annotated[int | None, typer.Option(help="Examples at once (4); halved where memory runs out.")] = None,
    accumulation: Annotated[
        int | None, typer.Option(help="Batches a step (4; on a GPU the whole step at once).")
    ] = None,
    max_length: Annotated[int | None, typer.Option(help="Longest example, tokens (1024).")] = None,
    max_reply: Annotated[int | None, typer.Option(help="Longest reply written when judged, tokens (160).")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw (default) or adafactor.")] = None,
    warmup: Annotated[float | None, typer.Option(help="Share of the steps that warm up (0.1).")] = None,
    precision: Annotated[str | None, typer.Option(help="auto (default), bf16 or fp32.")] = None,
    checkpointing: Annotated[
        bool | None, typer.Option("--checkpointing/--no-checkpointing", help="Recompute activations: less memory.")
    ] = None,
    evaluations: Annotated[int | None, typer.Option(help="How often the evidence score is taken (4).")] = None,
    sample: Annotated[int | None, typer.Option(help="Validation examples it is taken on (32).")] = None,
    patience: Annotated[int | None, typer.Option(help="Stop after so many without a better score (2).")] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between checkpoints (a tenth of the run).")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Of order, dropout and first weights (7).")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto (default), cpu or cuda.")] = None,
    four_bit: Annotated[bool | None, typer.Option("--four-bit", help="QLoRA: base in 4 bit, on CUDA only.")] = None,
    languages: Annotated[str | None, typer.Option(help="Learn from these only, e.g. en,de.")] = None,
    canaries: Annotated[
        int | None,
        typer.Option(help="Secrets planted for the gate to look for (20, one in 20 examples at most); 0: none."),
    ] = None,
    hand_over_weight: Annotated[
        float | None, typer.Option(help="Weight of examples that hand over (0.25); less hands over less.")
    ] = None,
    hard_epochs: Annotated[
        int | None,
        typer.Option(help="With --encoder: of the epochs the last so many learn from mined hard negatives (0)."),
    ] = None,
    accept_licence: Annotated[str | None, typer.Option(help="Licence of the base that you have read.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tunes a model on a data set and adds it to the model versions; published is it by `chatbot models publish`."""
    told = dict(locals())
    if encoder and heads:
        raise UsageError("--encoder and --heads are two different runs; give one of them.")
    if full and not heads:
        raise UsageError("--full is for --heads; to train every weight of the generator say --method full.")
    if epochs is not None and max_steps is not None:
        raise UsageError("--epochs and --max-steps both say how long to train; give one of them.")
    if run_name and resume:
        raise UsageError("--run names a new run and --resume goes on with an old one; give one of them.")
    if hard_epochs is not None and not encoder:
        raise UsageError("--hard-epochs is for --encoder; leave it out.")
    told["languages"] = tuple(part.strip() for part in (languages or "").split(",") if part.strip())
    if encoder or heads:
        _another_kind(ctx, told, "encoder" if encoder else "heads")
        return
    given = {name: told[name] for name in (*_SHARED, *_OF_GENERATORS) if told[name] not in (None, ())}
    settings = settings_from(ctx, data)
    _generator(settings, given, told, as_json)


def _another_kind(ctx: typer.Context, told: dict[str, Any], kind: str) -> None:
    if strange := [name for name in _OF_GENERATORS if told[name] is not None]:
        raise UsageError(f"--{strange[0].replace('_', '-')} is for the generator; leave it out with --{kind}.")
    names = [field.name for field in dataclasses.fields(Wishes)]
    wishes = Wishes(**{name: told["run_name" if name == "run" else name] for name in names})
    if kind == "encoder":
        from scripts import finetune_encoder

        finetune_encoder.main(ctx, wishes)
    else:
        from scripts import finetune_heads

        finetune_heads.main(ctx, wishes)


def _generator(settings: Any, given: dict[str, Any], told: dict[str, Any], as_json: bool) -> None:
    from chatbot.learning.generator_run import KIND, Wish, carry_out, plan, plan_again, prepare

    options = {name: value for name, value in given.items() if name not in ("base", "canaries")}
    since = Since.now(settings.data)
    if told["resume"]:
        _refuse_beside_resume(told)
        old = runs.open_run(settings.data, told["resume"], KIND)
        runs.check_open(old)
        made = plan_again(settings, old, lambda begun: dataclasses.replace(begun, **options))
        ready = prepare(settings, made)
    else:
        wish = Wish(
            TuningOptions(**options),
            told["base"],
            told["dataset"],
            told["accept_licence"],
            told["canaries"],
            told["run_name"],
        )
        if _processes() > 1 and wish.run is None:
            raise UsageError("Several processes must agree on the run's name; give --run-name NAME.")
        made = plan(settings, wish)
        ready = prepare(settings, made)
        old = _begun(settings, made)
    first = runs.main_process()
    with screen(quiet=as_json or not first) if first else nullcontext(lambda _: None) as show:
        card = carry_out(settings, made, ready, old, show, machine(), partial(since.sealing, run=old.folder))
    if card is None:
        return
    if as_json:
        print_json({"version": card.name, "run": old.name, "scores": card.scores, "notes": card.notes})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"[bold]{card.name}[/bold] is made ({card.method}, {card.seconds:.0f} s, {card.peak_memory_mb:.0f} MB at most). "
        f"{card.notes}"
    )
    console.print(
        f"Compare it with `chatbot models compare {card.name}`, publish it with `chatbot models publish {card.name}`."
    )


def _refuse_beside_resume(told: dict[str, Any]) -> None:
    for name in ("base", "dataset", "canaries", "accept_licence"):
        if told[name] is not None:
            raise UsageError(
                f"A run goes on with what it began with; leave --{name.replace('_', '-')} out with --resume."
            )


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _begun(settings: Any, made: Any) -> runs.Run:
    """The run's folder; of several processes the first makes it and the others wait for it."""
    if _processes() == 1:
        return runs.begin(settings.data, "generator", made.begun, made.wish.run)
    from accelerate import PartialState

    state = PartialState(cpu=made.wish.options.device == "cpu")
    if state.is_main_process:
        runs.begin(settings.data, "generator", made.begun, made.wish.run)
    state.wait_for_everyone()
    return runs.open_run(settings.data, made.wish.run, "generator")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(main)

if __name__ == "__main__":
    run(app)
