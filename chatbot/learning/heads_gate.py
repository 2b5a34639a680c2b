"""Whether heads may be published: they and the published ones on the same held-out texts. Must not know SQL, nor publish or print.

Asked are labelled texts of conversations that neither learnt from. Macro-F1 and accuracy are compared text by text, resampling
whole conversations, with the margins of the generator's gate; each language by its accuracy.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chatbot.learning.bootstrap import Array, Interval, interval_of, paired_of, ratio
from chatbot.learning.gate import Limits, Measure, Part, Verdict, outcome_of
from chatbot.learning.heads import TASKS, Heads, Task, Vectors
from chatbot.learning.heads_labels import Labelled
from chatbot.learning.heads_report import macro_f1_of, parts_of

DATASET = "conversations with a topic, tag or rating"
Encode = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Side:
    """name: None for no heads at all. learnt: hex SHA-256 of the ids of the conversations that it was fitted on."""

    name: str | None
    heads: Heads | None = None
    encode: Encode | None = None
    learnt: frozenset[str] = frozenset()

    @property
    def tasks(self) -> frozenset[Task]:
        return frozenset(self.heads.tasks if self.heads else ())

    def read(self, task: Task, rows: Sequence[Labelled]) -> list[str]:
        """The likeliest label of each text; without a head the commonest of all, which is what knowing nothing is worth."""
        if self.heads is None or self.encode is None or task not in self.heads.tasks:
            commonest = Counter(row.label for row in rows).most_common(1)[0][0]
            return [commonest] * len(rows)
        return [one.likeliest for one in self.heads.tasks[task].read(self.encode([row.text for row in rows]))]


def judge_heads(
    challenger: Side, champion: Side, rows: Mapping[Task, Sequence[Labelled]], limits: Limits | None = None
) -> Verdict:
    """Compares what the challenger reads with what the champion reads. A task that the champion alone reads would be lost: that
    refuses; the mood is read by a word list where there is no head, and a head was compared with that when it was made."""
    limits = limits or Limits()
    parts: list[Part] = []
    reasons: list[str] = []
    told: list[str] = []
    digest = hashlib.sha256()
    for task in TASKS:
        if task in champion.tasks - challenger.tasks:
            reasons.append(
                f"{champion.name} reads the {task} and {challenger.name} does not, so it would be lost; fit both tasks with "
                "`chatbot finetune --heads`."
            )
        if task not in challenger.tasks:
            continue
        if task == "mood" and task not in champion.tasks:
            told.append("mood: no head is published; when this one was made it was kept for beating the word list.")
            continue
        asked = _held_out(rows[task], challenger, champion, task)
        for row in asked:
            digest.update(f"{task} {row.conversation} {row.label} {row.text}\n".encode("utf-8", "backslashreplace"))
        if len(asked) < limits.turns:
            reasons.append(
                f"{len(asked)} texts with a {task} were held out from both, and a comparison needs {limits.turns}; import more "
                "conversations and fit the heads anew."
            )
            continue
        parts += _compared(task, asked, challenger.read(task, asked), champion.read(task, asked), limits)
    reasons += [_sentence(part) for part in parts if part.refuses]
    told += [
        f"{part.name}: {_AS_TOLD[part.outcome]}" for part in parts if not part.refuses and part.outcome in _AS_TOLD
    ]
    return Verdict(
        champion.name, challenger.name or "", DATASET, digest.hexdigest(), tuple(parts), tuple(reasons), tuple(told)
    )


_AS_TOLD = {
    "too few": "too few texts to compare.",
    "not shown": "not shown to be worse, nor that it is not; more held-out conversations would tell.",
}


def _held_out(rows: Sequence[Labelled], challenger: Side, champion: Side, task: Task) -> list[Labelled]:
    """Of conversations that neither learnt from, with a label that at least one of them can say."""
    learnt = challenger.learnt | champion.learnt
    known = {
        label
        for side in (challenger, champion)
        if side.heads and task in side.tasks
        for label in side.heads.tasks[task].labels
    }
    return [row for row in rows if row.label in known and _hashed(row) not in learnt]


def _hashed(row: Labelled) -> str:
    return hashlib.sha256(row.conversation.partition(":")[2].encode()).hexdigest()


def _compared(
    task: Task, rows: Sequence[Labelled], new: Sequence[str], old: Sequence[str], limits: Limits
) -> list[Part]:
    truth, groups = [row.label for row in rows], [row.conversation for row in rows]
    names = sorted({*truth, *new, *old})
    f1 = [parts_of(truth, read, names) for read in (new, old)]
    right = [_right(truth, read) for read in (new, old)]
    few = len(rows) < limits.turns
    margin = limits.margin
    found = [
        _part(task, "macro-F1", _figures(f1[0], f1[1], groups, macro_f1_of), margin, few, required=True),
        _part(task, "accuracy", _figures(right[0], right[1], groups, ratio), margin, few, required=True),
    ]
    for language, texts in Counter(row.language for row in rows).most_common():
        at = [place for place, row in enumerate(rows) if row.language == language]
        figures = _figures(right[0][at], right[1][at], [groups[place] for place in at], ratio)
        few = texts < limits.language_turns
        found.append(_part(f"{task}, {language}", "accuracy", figures, limits.language, few, required=False))
    return found


Figures = tuple[float, float, Interval]


def _figures(new: Array, old: Array, groups: Sequence[str], score: Callable[[Array], Array]) -> Figures:
    """Challenger, champion, and the difference."""
    mine, theirs = (interval_of(rows, groups, score, rounds=1).mean for rows in (new, old))
    return mine, theirs, paired_of(new, old, groups, score)


def _part(name: str, measure: Measure, figures: Figures, margin: float, few: bool, *, required: bool) -> Part:
    mine, theirs, difference = figures
    return Part(name, measure, theirs, mine, difference, difference.n, outcome_of(difference, margin, few), required)


def _right(truth: Sequence[str], read: Sequence[str]) -> Array:
    """(texts, 2): whether it was right, and 1."""
    return np.asarray([[true == found, 1.0] for true, found in zip(truth, read, strict=True)])


def _sentence(part: Part) -> str:
    assert part.difference is not None
    span = f"difference {part.difference.low:+.3f} to {part.difference.high:+.3f}"
    found = f"{part.challenger:.3f} against {part.champion:.3f}, {span}"
    what = f"the {part.measure} of the {part.name}"
    if part.outcome == "worse":
        return f"{what[0].upper()}{what[1:]} is worse: {found}."
    return f"It is not shown that {what} is not worse: {found}; more held-out conversations would tell."
