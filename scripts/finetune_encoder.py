"""`chatbot finetune --encoder`: tunes the sentence encoder on the deployment's own conversations and adds it as a version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from chatbot.errors import UsageError
from chatbot.learning import registry, runs
from chatbot.learning.bounds import ENCODER, check_bounds
from chatbot.learning.datasets import open_dataset
from chatbot.learning.devices import training_device
from chatbot.learning.encoder_gate import NAMES, judge
from chatbot.learning.encoder_making import (
    card_fields,
    check_weights,
    lesson_of,
    lesson_of_dataset,
    limited,
    one_language_note,
    tunable,
)
from chatbot.learning.encoder_options import Lesson, Progress, Tuning, Watch
from chatbot.learning.encoder_run import KIND, check_resumable, next_folder
from chatbot.retrieval.embedder import open_base
from chatbot.retrieval.encoder_files import EncoderFiles
from chatbot.settings import Settings
from chatbot.transcripts.collapse import collapse_signed
from chatbot.types import Passage
from scripts.finetune_wishes import Wishes
from scripts.machine import machine
from scripts.options import print_json, settings_from
from storage.opening import open_store
from storage.overtaking import Since

_LEARNED_FROM = ("until", "dataset", "languages", "max_examples")


def main(ctx: typer.Context, wishes: Wishes) -> None:
    """Tunes, judges on held-out conversations and, if it is better than its base, adds the version. Raises ChatbotError."""
    settings = settings_from(ctx, ctx.params.get("data"))
    result = tune_encoder(settings, wishes)
    if wishes.as_json:
        print_json(result)
    else:
        _show(result)


def tune_encoder(settings: Settings, wishes: Wishes) -> dict[str, Any]:
    """`version` is None where the gate found it no better than its base in any way; nothing is added then."""
    if wishes.max_steps is not None:
        raise UsageError("--max-steps is for the generator; an encoder's run is as long as its --epochs.")
    check_bounds({"max_examples": wishes.max_examples, "hard_epochs": wishes.hard_epochs}, ENCODER)
    from chatbot.learning.encoder_tuning import check_room

    since = Since.now(settings.data)
    base = tunable(settings, wishes.accept_licence)
    old = runs.open_run(settings.data, wishes.resume, KIND) if wishes.resume else None
    if old:
        check_resumable(old.folder)
    begun = _asked_for(wishes) | (_as_begun(dict(old.begun), wishes) if old else {})
    options = _options(settings, wishes, begun)
    folder = old.folder if old else _new_folder(settings, wishes)
    check_room(folder, base)
    check_weights(settings, base)
    lesson = _lesson(settings, begun, options.seed)
    return _tuned(settings, base, lesson, options, (folder, begun, wishes.as_json, since))


def _tuned(
    settings: Settings,
    base: EncoderFiles,
    lesson: Lesson,
    options: Tuning,
    at: tuple[Path, dict[str, Any], bool, Since],
) -> dict[str, Any]:
    from chatbot.learning.encoder_tuning import tune

    folder, begun, quiet, since = at
    note = one_language_note(settings, {one.language for one in lesson.learned.passages}, begun["languages"])
    if note and not quiet:
        Console(stderr=True, highlight=False, soft_wrap=True).print(note)
    runs.clear_ended(settings.data)
    with _screen(quiet) as watch:
        tuned = tune(folder, base, lesson, options, watch, {key: begun[key] for key in _LEARNED_FROM})
    verdict = judge(tuned.before, tuned.after)
    card = None
    if tuned.best_step:
        fields = card_fields(base, settings.encoder, lesson, options, (tuned, verdict))
        fields |= {
            "machine": machine(),
            "dataset": begun["dataset"] or f"passages until {begun['until']}",
            "notes": note,
        }
        with since.sealing([(one.source, one.conversation_id) for one in lesson.learned.passages], folder):
            card = registry.add(settings.models_folder, "encoder", tuned.folder, fields)
    return {
        "version": card.name if card else None,
        "run": folder.name,
        "passed": verdict.passed,
        "reasons": verdict.reasons,
        "notes": note,
        "figures": verdict.figures,
        "steps": tuned.steps,
        "best_step": tuned.best_step,
        "seconds": tuned.seconds,
        "peak_memory_mb": tuned.peak_memory_mb,
        "learned_from": len(lesson.learned.passages),
        "held_out": len(lesson.held.passages),
    }


def _options(settings: Settings, wishes: Wishes, begun: dict[str, Any]) -> Tuning:
    kept = dict(begun.get("options", {}))
    if kept:
        kept["kinds"] = tuple(kept["kinds"])
    epochs = wishes.epochs
    if epochs is not None and (epochs != int(epochs) or epochs < 1):
        raise UsageError(f"{epochs:g} epochs do not work for an encoder; take a whole number.")
    given: dict[str, Any] = {
        "epochs": None if epochs is None else int(epochs),
        "hard_epochs": wishes.hard_epochs,
        "batch": wishes.batch,
        "rate": wishes.learning_rate,
        "seed": wishes.seed,
        "device": training_device(_wished(settings, wishes)) if wishes.device or not kept else None,
    }
    options = replace(Tuning(**kept), **{name: value for name, value in given.items() if value is not None})
    options.check()
    return options


def _wished(settings: Settings, wishes: Wishes) -> str:
    wished = wishes.device or "auto"
    return settings.device if wished == "auto" else wished


def _asked_for(wishes: Wishes) -> dict[str, Any]:
    """What a run learns from, as its folder keeps it: a resumed one learns from the same."""
    wished = (datetime.now(UTC).isoformat(), wishes.dataset, list(wishes.languages), wishes.max_examples)
    return dict(zip(_LEARNED_FROM, wished, strict=True))


def _as_begun(begun: dict[str, Any], wishes: Wishes) -> dict[str, Any]:
    """Raises UsageError for a wish that the run was not begun with."""
    wished = {"dataset": wishes.dataset, "languages": list(wishes.languages), "max_examples": wishes.max_examples}
    for name, given in wished.items():
        if given and given != begun.get(name):
            raise UsageError(
                f"The run was begun with other --{name.replace('_', '-')}; leave it out to go on, or start a new run."
            )
    return begun


def _lesson(settings: Settings, begun: dict[str, Any], seed: int) -> Lesson:
    if begun["dataset"]:
        if begun["languages"] or begun["max_examples"]:
            raise UsageError(
                "A data set is learned from as it is; leave --languages and --max-examples out with --dataset."
            )
        return lesson_of_dataset(open_dataset(settings.data, begun["dataset"]), partial(open_base, settings))
    passages = limited(
        passages_until(settings, datetime.fromisoformat(begun["until"])), begun["languages"], begun["max_examples"]
    )
    return lesson_of(passages, partial(open_base, settings), seed)


def passages_until(settings: Settings, until: datetime) -> list[Passage]:
    """What an index built at that time would hold, as far as the passages' own times tell."""
    database = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(database, settings.data) as store:
        signed = [pair for pair in store.transcripts.signed_passages() if _seen(pair[0]) <= until]
        return collapse_signed(signed, store.knowledge.retired())


def _seen(passage: Passage) -> datetime:
    seen = passage.last_seen or passage.resolved_at or datetime.min
    return seen if seen.tzinfo else seen.replace(tzinfo=UTC)


def _new_folder(settings: Settings, wishes: Wishes) -> Path:
    if wishes.run:
        runs.check_new(settings.data, wishes.run)
        return settings.data / runs.FOLDER / wishes.run
    return next_folder(settings.data)


@contextmanager
def _screen(quiet: bool) -> Iterator[Watch]:
    """A bar with loss, held-out score and time left; a line a measurement where it is no terminal."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    told = TextColumn("{task.fields[told]}")
    with Bar(*columns, told, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("tune", total=None, told="")

        def show(now: Progress) -> None:
            bar.update(task, description=now.stage, completed=now.step, total=now.steps, told=_line(now))
            if now.note and not quiet:
                console.print(now.note)
            elif not quiet and not console.is_terminal:
                console.print(f"{now.stage}: step {now.step} of {now.steps}{_line(now)}")

        yield show


def _line(now: Progress) -> str:
    parts = [f"loss {now.loss:.3f}"] if now.loss is not None else []
    parts += [f"held-out score {now.score:.3f}"] if now.score is not None else []
    parts += [f"{now.seconds_left / 60:.0f} min left"] if now.seconds_left else []
    return "".join(f", {part}" for part in parts)


def _show(result: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for name, figures in result["figures"].items():
        low, high = figures["difference"]["low"], figures["difference"]["high"]
        spread = "" if low is None else f" ({low:+.3f} to {high:+.3f})"
        console.print(
            f"{NAMES[name]}: {figures['before']['mean']:.3f} -> {figures['after']['mean']:.3f}, "
            f"{figures['difference']['mean']:+.3f}{spread}, {figures['after']['n']} held-out turns"
        )
    spent = f"{result['steps']} steps, {result['seconds']:.0f} s, {result['peak_memory_mb']:.0f} MB at most"
    if result["version"] is None:
        console.print(f"Tuning never did better than the base ({spent}); nothing was added.")
    elif result["passed"]:
        console.print(
            f"[bold]{result['version']}[/bold] is made ({spent}). Publish it with `chatbot index --encoder {result['version']}`."
        )
    else:
        console.print(f"[bold]{result['version']}[/bold] is made ({spent}), but: {'; '.join(result['reasons'])}.")
