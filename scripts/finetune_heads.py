"""`chatbot finetune --heads`: fits topic and mood heads on the deployment's own conversations and adds them as a version."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatbot.errors import StorageError, UsageError
from chatbot.half_made import FITTING, half_made
from chatbot.learning import registry, runs
from chatbot.learning.encoder_making import check_weights, licence_of, one_language_note
from chatbot.learning.heads import TASKS, Task, save_heads
from chatbot.learning.heads_labels import Labelled, labelled
from chatbot.learning.heads_making import Made, make_heads
from chatbot.privacy import Masker
from chatbot.retrieval.embedder import open_embedder
from chatbot.retrieval.encoder_files import locate
from chatbot.settings import Settings
from chatbot.types import Transcript
from scripts.finetune_wishes import Wishes
from scripts.machine import machine
from scripts.options import print_json, progress_bar, settings_from
from storage.opening import Store, open_store
from storage.overtaking import Since

Rows = dict[Task, list[Labelled]]
_UNKNOWN = ("dataset", "max_steps", "max_examples")
_OF_FULL = ("run", "resume", "epochs", "batch", "learning_rate", "device")


def main(ctx: typer.Context, wishes: Wishes) -> None:
    """Fits, judges on held-out conversations and adds the version. Raises ChatbotError."""
    settings = settings_from(ctx, ctx.params.get("data"))
    result = fit_heads(settings, wishes)
    if wishes.as_json:
        print_json(result)
    else:
        _show(result)


def fit_heads(settings: Settings, wishes: Wishes) -> dict[str, Any]:
    """`version` is None where no head is worth keeping (the mood's alone, and the lexicon is better)."""
    _check(wishes)
    since = Since.now(settings.data)
    planned = _planned(settings, wishes)
    if planned is not None:  # a run that goes on has its own
        wishes = replace(wishes, languages=planned.languages, seed=planned.course.seed)
    rows = rows_of(settings, wishes.languages)
    try:
        with half_made(settings.models_folder, FITTING) as folder:
            made, card = _fitted(settings, wishes, planned, rows, (folder, since))
    except OSError as exc:
        raise StorageError(
            f"{settings.models_folder} cannot be written: {exc.strerror or exc}; make room there. Nothing was added."
        ) from exc
    shown = {task: one.view() for task, one in made.tasks.items()}
    return {"version": card.name if card else None, "notes": _told(settings, wishes, made), "tasks": shown}


def _fitted(
    settings: Settings, wishes: Wishes, planned: Any, rows: Rows, at: tuple[Path, Since]
) -> tuple[Made, registry.Card | None]:
    begun = time.perf_counter()
    folder, since = at
    with progress_bar(quiet=wishes.as_json) as show:
        if planned is None:
            show("heads", 0, 0)
            made = make_heads(rows, open_embedder(settings), wishes.seed or 0)
            with since.sealing(made.learnt):
                return made, _added(settings, wishes, made, rows, (folder, begun))
        from scripts.finetune_heads_full import end, run_of, tuned_heads

        run, topics = run_of(settings, wishes, planned, rows["topic"])
        with runs.owned(run.folder):
            runs.check_open(run)
            made = tuned_heads(settings, run, planned.course, topics, folder, show)
            with since.sealing(made.learnt, run.folder):
                card = _added(settings, wishes, made, {"topic": topics}, (folder, begun))
            end(run, made)
        return made, card


def _added(settings: Settings, wishes: Wishes, made: Made, rows: Rows, at: tuple[Path, float]) -> registry.Card | None:
    folder, begun = at
    if not made.heads.tasks:
        return None
    save_heads(folder, made.heads)
    fields = _card_fields(settings, made, rows, wishes) | {"seconds": round(time.perf_counter() - begun, 1)}
    return registry.add(settings.models_folder, "heads", folder, fields)


def notes(made: Made) -> str:
    """What a person should know of these heads, in sentences."""
    told = list(made.skipped.values())
    contest = made.tasks["mood"].contest if "mood" in made.tasks else None
    if contest:
        found = (
            f"macro-F1 {contest.head.mean:.2f} against {contest.lexicon.mean:.2f}, difference {contest.better.mean:+.2f} "
            f"({contest.better.low:+.2f} to {contest.better.high:+.2f}) on {contest.better.groups} held-out conversations"
        )
        verdict = (
            "The mood head beats the lexicon" if contest.won else "The mood head does not beat the lexicon, which stays"
        )
        told.append(f"{verdict}: {found}.")
    if "topic" in made.tasks and made.tasks["topic"].split.left_out:
        left = made.tasks["topic"].split.left_out
        told.append(
            f"{len(left)} topics are too rare to learn ({sum(left.values())} conversations): they read as unknown."
        )
    return " ".join(told)


def _told(settings: Settings, wishes: Wishes, made: Made) -> str:
    return " ".join(filter(None, (notes(made), one_language_note(settings, made.languages, wishes.languages))))


def _check(wishes: Wishes) -> None:
    for name in _UNKNOWN:
        if getattr(wishes, name) is not None:
            raise UsageError(
                f"--{name.replace('_', '-')} does not go with --heads: they learn from all conversations with a topic, a tag or "
                "a rating."
            )
    if not wishes.full:
        for name in _OF_FULL:
            if getattr(wishes, name) is not None:
                raise UsageError(
                    f"--{name.replace('_', '-')} is for an encoder that is tuned; with --heads give it beside --full only."
                )


def _planned(settings: Settings, wishes: Wishes) -> Any:
    """Of `--full` alone, which needs torch. Raises UsageError, also for an encoder that cannot be opened."""
    if not wishes.full:
        check_weights(settings, locate(settings))
        return None
    from scripts.finetune_heads_full import planned

    return planned(settings, wishes)


def rows_of(settings: Settings, languages: tuple[str, ...] = ()) -> Rows:
    """The labelled texts of both tasks from what the store holds, oldest conversation first. Raises UsageError for a language
    that no conversation is in."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    mask = Masker(settings.keep_visible).mask
    with open_store(url, settings.data) as store:
        told = list(_conversations(store))
    held = {one.language for one in told if one.language}
    if held and (missing := sorted(set(languages) - held)):
        raise UsageError(f"There is no conversation in {missing[0]} ({', '.join(sorted(held))}); change --languages.")
    told = [one for one in told if not languages or one.language in languages]
    return {task: labelled(told, task, mask) for task in TASKS}


def _conversations(store: Store) -> Iterator[Transcript]:
    return chain(store.transcripts.transcripts(), store.live_transcripts())


def _card_fields(settings: Settings, made: Made, rows: Rows, wishes: Wishes) -> dict[str, Any]:
    held = sorted(f"{task} {row.conversation} {row.label} {row.text}" for task, found in rows.items() for row in found)
    digest = hashlib.sha256("\n".join(held).encode("utf-8", "backslashreplace")).hexdigest()
    strengths = {task: one.strength for task, one in made.tasks.items() if one.strength is not None}
    return {
        "base": settings.encoder,
        "base_sha256": made.heads.encoder.rpartition("@")[2],
        "licence": licence_of(locate(settings), settings.encoder),
        "languages": made.languages,
        "dataset": "conversations with a topic, tag or rating",
        "data_sha256": digest,
        "method": "encoder tuned with a classification layer" if wishes.full else "logistic regression, frozen encoder",
        "format": "heads",
        "hyperparameters": {"seed": wishes.seed or 0, **{f"{task} C": value for task, value in strengths.items()}},
        "scores": {task: _scores(one.view()) for task, one in made.tasks.items()},
        "conversations_sha256": made.conversations,
        "machine": machine(),
        "notes": _told(settings, wishes, made),
    }


def _scores(view: dict[str, Any]) -> dict[str, Any]:
    """Without the long lists."""
    wanted = (
        "kept",
        "macro_f1",
        "accuracy",
        "majority_label",
        "sure",
        "right_when_sure",
        "calibration_error",
        "threshold",
    )
    more = {"against_the_lexicon": view["against_the_lexicon"]} if "against_the_lexicon" in view else {}
    return {name: view[name] for name in wanted} | {"confusions": view["confusions"][:5]} | more


def _show(result: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table(
        "head",
        "labels",
        "macro-F1",
        "accuracy",
        "majority",
        "sure of",
        "right when sure",
        title="held-out conversations",
    )
    for task, one in result["tasks"].items():
        kept = "" if one["kept"] else " (not kept)"
        figures = [_range(one[name]) for name in ("macro_f1", "accuracy")]
        sure = [_range(one[name]) for name in ("sure", "right_when_sure")]
        table.add_row(task + kept, str(len(one["labels_learnt"])), *figures, f"{one['majority_label']:.2f}", *sure)
    console.print(table)
    for task, one in result["tasks"].items():
        pairs = ", ".join(f"{pair['true']} as {pair['read']} ({pair['texts']})" for pair in one["confusions"][:5])
        if pairs:
            console.print(f"Most confused, {task}: {escape(pairs)}")
    if result["notes"]:
        console.print(escape(result["notes"]))
    if result["version"]:
        console.print(
            f"[bold]{result['version']}[/bold] is made; publish it with `chatbot models publish {result['version']}`."
        )
    else:
        console.print("Nothing was added: no head is better than what is there.")


def _range(view: dict[str, Any]) -> str:
    if view["mean"] is None:
        return "-"
    bounds = "" if view["low"] is None else f"\n{view['low']:.2f}-{view['high']:.2f}"  # 80 columns hold seven of them
    return f"{view['mean']:.2f}{bounds}"
