"""`chatbot finetune --heads --full`: heads with an encoder of their own; its run survives a kill and goes on with --resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
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
_ASIDE = 6  # each sixth conversation of the training part settles the confidence


def course_of(settings: Settings, wishes: Wishes) -> Course:
    """How it is to be tuned. Raises UsageError for what cannot be, before anything is read or written."""
    given = {name: getattr(wishes, name) for name in ("epochs", "batch", "learning_rate", "seed")}
    wished = wishes.device or "auto"
    device = training_device(settings.device if wished == "auto" else wished)
    course = replace(Course(device=device), **{name: value for name, value in given.items() if value is not None})
    course.check()
    runs.check_new(settings.data, wishes.run)
    base = tunable(settings, wishes.accept_licence)
    weights = sum(one.stat().st_size for one in base.folder.glob("*.safetensors"))
    need_room(settings.data / runs.FOLDER, 2 * _SPACE * weights, "The run")
    check_weights(settings, base)
    return course


def tuned_heads(
    settings: Settings,
    wishes: Wishes,
    course: Course,
    rows: Mapping[Task, Sequence[Labelled]],
    folder: Path,
    show: Progress,
) -> tuple[Made, runs.Run]:
    """The topic head with an encoder tuned for it, written to `folder`/encoder, and its run, which ends with `end` once the heads
    are kept. Raises UsageError, ModelError."""
    parted = split(rows["topic"])
    if len(counts(parted.train)) < 2:
        raise UsageError(too_little("topic", rows["topic"]))
    learnt, aside = _parts(parted.train)
    labels = tuple(sorted({row.label for row in parted.train}))
    lesson = Lesson([row.text for row in learnt], [labels.index(row.label) for row in learnt], labels)
    course, run = _run(settings, wishes, course, lesson)
    trainee, head = tune(run.checkpoints, locate(settings), lesson, course, show)
    trainee.save(folder / ENCODER)
    vectors = trainee.encode([row.text for row in aside])
    logits = (vectors @ head.weights.T + head.bias).astype(np.float64)
    head = calibrated(head, logits, np.asarray([row.label for row in aside]))
    fitted = Fitted(head, 0.0, {}, head.probabilities(vectors))
    made = replace(judged("topic", fitted, Split(learnt, parted.test, parted.left_out), trainee.encode), strength=None)
    heads = Heads(describe(folder / ENCODER, ENCODER).name, {"topic": head}, own=True)
    told: dict[Task, str] = {"mood": "With --full only the topic is learnt; the mood stays as it is."}
    return Made(heads, {"topic": made}, told), run


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


def _run(settings: Settings, wishes: Wishes, course: Course, lesson: Lesson) -> tuple[Course, runs.Run]:
    """The course and its folder; a run goes on with the very data and options that it began with."""
    import hashlib

    held = "\n".join(f"{place} {text}" for text, place in zip(lesson.texts, lesson.places, strict=True))
    begun: dict[str, Any] = {
        "course": asdict(course),
        "data_sha256": hashlib.sha256(held.encode("utf-8", "backslashreplace")).hexdigest(),
        "base": settings.encoder,
    }
    if not wishes.resume:
        return course, runs.begin(settings.data, KIND, begun, wishes.run)
    old = runs.open_run(settings.data, wishes.resume, KIND)
    if old.done is not None:
        raise UsageError(f"The run {old.name} has ended; start a new one.")
    check_resumable(old.checkpoints)
    if wishes.epochs is None and wishes.batch is None and wishes.learning_rate is None:
        course = Course(**old.begun["course"])
        begun["course"] = asdict(course)
    if differs := [name for name, value in begun.items() if old.begun.get(name) != value]:
        raise UsageError(
            f"The run {old.name} began with another {' and another '.join(differs)}; start a new one, or give what it began with."
        )
    return course, old
