"""`chatbot finetune --heads --full`: heads with an encoder of their own; its run survives a kill and goes on with --resume."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.errors import UsageError
from chatbot.learning import runs
from chatbot.learning.checkpoints import check_resumable
from chatbot.learning.devices import training_device
from chatbot.learning.encoder_making import check_weights, tunable
from chatbot.learning.heads import ENCODER, Heads, Task
from chatbot.learning.heads_fitting import Fitted, calibrated
from chatbot.learning.heads_labels import Labelled, Split, counts, split
from chatbot.learning.heads_making import Made, judged, too_little
from chatbot.learning.heads_tuning import Course, Lesson, Progress, tune
from chatbot.retrieval.encoder_files import describe, locate
from chatbot.room import need_room
from chatbot.settings import Settings
from scripts.finetune_wishes import Wishes

KIND = "heads"
_SPACE = 4  # a checkpoint: weights, AdamW's two moments, and room to write; two are kept
_GIVEN = ("epochs", "batch", "learning_rate", "seed")
_ASIDE = 6  # each sixth conversation of the training part settles the confidence


@dataclass(frozen=True, slots=True)
class Planned:
    """How it is to be tuned, and on which languages (() for all). old: the run to go on with, None for a new one."""

    course: Course
    languages: tuple[str, ...]
    old: runs.Run | None


def planned(settings: Settings, wishes: Wishes) -> Planned:
    """Raises UsageError for what cannot be, before anything is read or written; NotFound, Conflict for the run to go on with."""
    made = _as_begun(settings, wishes) if wishes.resume else Planned(_course(settings, wishes), wishes.languages, None)
    made.course.check()
    runs.check_new(settings.data, wishes.run)
    base = tunable(settings, wishes.accept_licence)
    weights = sum(one.stat().st_size for one in base.folder.glob("*.safetensors"))
    need_room(settings.data / runs.FOLDER, 2 * _SPACE * weights, "The run")
    check_weights(settings, base)
    return made


def run_of(
    settings: Settings, wishes: Wishes, plan: Planned, rows: Sequence[Labelled]
) -> tuple[runs.Run, list[Labelled]]:
    """The run, new or gone on with, and of `rows` those that it learns from: a run keeps to the conversations it was begun with.

    Raises UsageError for too little data, and where those of a begun run are not what they were."""
    if plan.old is None:
        if len(counts(split(rows).train)) < 2:
            raise UsageError(too_little("topic", rows))
        begun: dict[str, Any] = {
            "course": asdict(plan.course),
            "languages": list(plan.languages),
            "base": settings.encoder,
            "conversations": sorted({_hashed(row) for row in rows}),
            "data_sha256": _sha256(rows),
        }
        return runs.begin(settings.data, KIND, begun, wishes.run), list(rows)
    name, learnt = plan.old.name, set(plan.old.begun["conversations"])
    own = [row for row in rows if _hashed(row) in learnt]
    if gone := len(learnt - {_hashed(row) for row in own}):
        raise UsageError(
            f"Of the {len(learnt)} conversations that the run {name} was begun with, {gone} are gone or have no topic any more (an "
            "erasure may have taken them); start a new run."
        )
    if _sha256(own) != plan.old.begun["data_sha256"]:
        raise UsageError(
            f"Topics or texts of the conversations that the run {name} was begun with have changed; start a new run."
        )
    return plan.old, own


def tuned_heads(
    settings: Settings, run: runs.Run, course: Course, rows: Sequence[Labelled], folder: Path, show: Progress
) -> Made:
    """The topic head with an encoder tuned for it, written to `folder`/encoder; the run ends with `end` once the heads are kept.

    Raises ModelError, StorageError."""
    parted = split(rows)
    learnt, aside = _parts(parted.train)
    labels = tuple(sorted({row.label for row in parted.train}))
    lesson = Lesson([row.text for row in learnt], [labels.index(row.label) for row in learnt], labels)
    trainee, head = tune(run.checkpoints, locate(settings), lesson, course, show)
    trainee.save(folder / ENCODER)
    vectors = trainee.encode([row.text for row in aside])
    logits = (vectors @ head.weights.T + head.bias).astype(np.float64)
    head = calibrated(head, logits, np.asarray([row.label for row in aside]))
    fitted = Fitted(head, 0.0, {}, head.probabilities(vectors))
    made = replace(judged("topic", fitted, Split(learnt, parted.test, parted.left_out), trainee.encode), strength=None)
    heads = Heads(describe(folder / ENCODER, ENCODER).name, {"topic": head}, own=True)
    told: dict[Task, str] = {"mood": "With --full only the topic is learnt; the mood stays as it is."}
    return Made(heads, {"topic": made}, told)


def end(run: runs.Run, made: Made) -> None:
    """After this the run cannot be resumed."""
    runs.end(run, {"kind": KIND, "macro_f1": made.tasks["topic"].report.macro_f1.mean})


def _parts(rows: Sequence[Labelled]) -> tuple[tuple[Labelled, ...], tuple[Labelled, ...]]:
    """Rows to tune on, and rows of other conversations for the confidence; every label stays in the first."""
    aside: set[str] = set()
    for label in sorted({row.label for row in rows}):
        own = sorted({row.conversation for row in rows if row.label == label})
        aside |= set(own[_ASIDE - 1 :: _ASIDE])
    return (
        tuple(row for row in rows if row.conversation not in aside),
        tuple(row for row in rows if row.conversation in aside),
    )


def _course(settings: Settings, wishes: Wishes) -> Course:
    given = {name: getattr(wishes, name) for name in _GIVEN}
    return replace(
        Course(device=_device(settings, wishes.device)),
        **{name: value for name, value in given.items() if value is not None},
    )


def _device(settings: Settings, asked: str | None) -> str:
    wished = asked or "auto"
    return training_device(settings.device if wished == "auto" else wished)


def _as_begun(settings: Settings, wishes: Wishes) -> Planned:
    """What a run that is to go on was begun with. Raises UsageError for a wish that differs from it."""
    old = runs.open_run(settings.data, str(wishes.resume), KIND)
    runs.check_open(old)
    check_resumable(old.checkpoints)
    if not old.begun.keys() >= {"course", "languages", "base", "conversations", "data_sha256"}:
        raise UsageError(f"The run {old.name} was begun by another version of this program; start a new run.")
    if old.begun["base"] != settings.encoder:
        raise UsageError(
            f"The run {old.name} tunes the encoder {old.begun['base']}, and the settings name {settings.encoder}; start a new run."
        )
    course, languages = Course(**old.begun["course"]), tuple(old.begun["languages"])
    training_device(course.device)
    begun = asdict(course) | {"languages": ",".join(languages) or "all"}
    wished = {name: getattr(wishes, name) for name in _GIVEN} | {"languages": ",".join(wishes.languages) or None}
    wished["device"] = None if wishes.device is None else _device(settings, wishes.device)
    for name, value in wished.items():
        if value is not None and value != begun[name]:
            raise UsageError(
                f"The run {old.name} was begun with {name} = {begun[name]}, not {value}; leave --{name.replace('_', '-')} out to "
                "go on, or start a new run."
            )
    return Planned(course, languages, old)


def _hashed(row: Labelled) -> str:
    return hashlib.sha256(row.conversation.encode("utf-8", "backslashreplace")).hexdigest()


def _sha256(rows: Sequence[Labelled]) -> str:
    held = "\n".join(f"{row.conversation} {row.label} {row.text}" for row in rows)
    return hashlib.sha256(held.encode("utf-8", "backslashreplace")).hexdigest()
