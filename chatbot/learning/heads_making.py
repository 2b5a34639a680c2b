"""From labelled texts and an encoder to heads with their report: what is kept, what a card says. Must not know SQL or files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatbot.errors import UsageError
from chatbot.learning.heads import CONTENT, UPSET, Floats, Head, Heads, Task, Vectors
from chatbot.learning.heads_fitting import Fitted, Rows, fit
from chatbot.learning.heads_labels import LEAST, Labelled, Split, counts, split
from chatbot.learning.heads_report import Contest, Report, contest, feelings, report
from chatbot.mood import mood
from chatbot.protocols import Embedder

Encode = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class TaskMade:
    """One task's head, how it does, and whether it is kept. contest: of the mood only."""

    head: Head
    report: Report
    split: Split
    strength: float | None
    contest: Contest | None = None

    @property
    def kept(self) -> bool:
        """A mood head that does not beat the lexicon is not."""
        return self.contest is None or self.contest.won

    def view(self) -> dict[str, Any]:
        """What a card keeps of it."""
        shown: dict[str, Any] = {
            "kept": self.kept,
            "labels_learnt": counts(self.split.train),
            "held_out": counts(self.split.test),
            "left_out": self.split.left_out,
            "threshold": round(self.head.threshold, 4),
            "temperature": round(self.head.temperature, 4),
            "strength": self.strength,
            **self.report.view(),
        }
        return shown | ({"against_the_lexicon": self.contest.view()} if self.contest else {})


@dataclass(frozen=True, slots=True)
class Made:
    """Heads that are worth keeping. skipped: tasks for which there was not enough, with the sentence that says so."""

    heads: Heads
    tasks: Mapping[Task, TaskMade]
    skipped: Mapping[Task, str] = field(default_factory=dict)

    @property
    def conversations(self) -> tuple[str, ...]:
        """Hex SHA-256 of the ids of the conversations that a kept head learnt from."""
        ids = sorted({own for _, own in self.learnt})
        return tuple(hashlib.sha256(each.encode()).hexdigest() for each in ids)

    @property
    def learnt(self) -> set[tuple[str, str]]:
        """Source and id of each of them."""
        named = {row.conversation for made in self.tasks.values() if made.kept for row in made.split.train}
        return {(source, own) for source, _, own in (one.partition(":") for one in named)}

    @property
    def languages(self) -> tuple[str, ...]:
        """Of the texts that were learnt from."""
        return tuple(sorted({row.language for made in self.tasks.values() for row in made.split.train}))


def make_heads(rows: Mapping[Task, Sequence[Labelled]], embedder: Embedder, seed: int = 0) -> Made:
    """A head for each task on the encoder as it is. Raises UsageError when there is enough for none, saying what is missing."""
    tasks: dict[Task, TaskMade] = {}
    skipped: dict[Task, str] = {}
    for task, labelled in rows.items():
        parted = split(labelled)
        if len(counts(parted.train)) < 2:
            skipped[task] = too_little(task, labelled)
            continue
        vectors = embedder.encode([row.text for row in parted.train])
        fitted = fit(_rows(vectors, parted.train), balanced=task == "mood", seed=seed)
        tasks[task] = judged(task, fitted, parted, embedder.encode)
    if not tasks:
        raise UsageError(" ".join(skipped.values()))
    kept = {task: made.head for task, made in tasks.items() if made.kept}
    return Made(Heads(embedder.name, kept), tasks, skipped)


def judged(task: Task, fitted: Fitted, parted: Split, encode: Encode) -> TaskMade:
    """The head on the held-out conversations; the mood's beside the lexicon."""
    head = fitted.head
    shares = head.probabilities(encode([row.text for row in parted.test]))
    found = report(head, shares, parted.test)
    met = _contest(head, fitted.unseen, shares, parted) if task == "mood" else None
    return TaskMade(head, found, parted, fitted.strength, met)


def too_little(task: Task, labelled: Iterable[Labelled]) -> str:
    """What is missing for a task, in a sentence."""
    held = counts(labelled)
    named = ", ".join(f"{label} {number}" for label, number in list(held.items())[:6]) or "none"
    wanted = "a topic or exactly one tag" if task == "topic" else "a rating of 1-2 or 4-5"
    return (
        f"There is too little to learn the {task}: two labels with {LEAST} conversations each are needed, found {named}; "
        f"import conversations with {wanted}."
    )


def _contest(head: Head, unseen: Floats, shares: Floats, parted: Split) -> Contest:
    sides = []
    for rows, found in ((parted.train, unseen), (parted.test, shares)):
        moods = found[:, head.labels.index(CONTENT)] - found[:, head.labels.index(UPSET)]
        sides.append(feelings(rows, [mood(row.text) for row in rows], moods.tolist()))
    return contest(*sides)


def _rows(vectors: Vectors, labelled: Sequence[Labelled]) -> Rows:
    columns = zip(*((row.label, row.conversation, row.weight) for row in labelled), strict=True)
    labels, groups, weights = (list(column) for column in columns)
    return Rows(vectors, labels, groups, weights)
