"""A smaller version on trial: replies and speed beside the tuned version's and the base's. Must not know how it was made."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatbot.generation.catalogue import ModelSpec
from chatbot.learning.examples import Example
from chatbot.learning.judged import Judged, alike, judge
from chatbot.learning.registry import Version
from chatbot.learning.replying import Writer, replies
from chatbot.learning.speed import Speed, measure
from chatbot.learning.writers import base_writer_for, writer_for

Progress = Callable[[str, int, int], None]
_CLEARLY = 0.02  # evidence score by which the tuned version must beat its base for the difference to say anything


@dataclass(frozen=True, slots=True)
class Row:
    """One model of the table: the base, the tuned version, the smaller one. megabytes: on disk, what an adapter lies on included.

    evidence, chrf, refused: see `Judged.figures`, None where there was no such turn. same, until: agreement with the tuned
    version's replies (`judged.alike`).
    """

    name: str
    megabytes: float
    speed: Speed
    evidence: float | None
    chrf: float | None
    refused: float | None
    same: float
    until: float


@dataclass(frozen=True, slots=True)
class Trial:
    """Held-out examples, asked of three models one after the other. on_gpu: in the engines that serve them on one."""

    models: Path
    examples: Sequence[Example]
    kept: Path | None
    on_gpu: bool
    progress: Progress

    def run(self, version: Version, small: Writer) -> tuple[tuple[Row, ...], tuple[Judged, Judged, Judged]]:
        base = base_writer_for(version.card.base, on_gpu=self.on_gpu)
        tuned = writer_for(self.models, version.card.name, on_gpu=self.on_gpu)
        judged = (self._ask(base, "base"), self._ask(tuned, "tuned"), self._ask(small, "compressed", keep=False))
        rows = tuple(
            self._row(writer, one, judged[1]) for writer, one in zip((base, tuned, small), judged, strict=True)
        )
        return rows, judged

    def _ask(self, writer: Writer, stage: str, *, keep: bool = True) -> Judged:
        def told(done: int, total: int) -> None:
            self.progress(f"replies of the {stage} model", done, total)

        kept = self.kept if keep else None
        written = replies(self.examples, writer, self.models, kept=kept, progress=told)
        return judge(self.examples, [one.text for one in written])

    def _row(self, writer: Writer, judged: Judged, tuned: Judged) -> Row:
        self.progress(f"speed of {writer.name}", 0, 0)
        speed = measure(writer.spec, self.models, [example.prompt for example in self.examples])
        gc.collect()
        figures = judged.figures()
        return Row(
            writer.name,
            _megabytes(writer.spec),
            speed,
            figures.get("evidence"),
            figures.get("chrf"),
            figures.get("refused"),
            *alike(judged.replies, tuned.replies),
        )


def lost_tuning(base: Judged, tuned: Judged, small: Judged) -> str | None:
    """Why the smaller version does not count, None when it does.

    It must be nearer to the tuned version than to the base: in the evidence score, where the tuned one is clearly better than
    its base, and always in its replies.
    """
    scores = [one.figures().get("evidence") for one in (base, tuned, small)]
    before, after, now = scores
    if before is not None and after is not None and now is not None:
        if after - before > _CLEARLY and now - before < (after - before) / 2:
            return (
                f"It lost its tuning: the evidence score is {now:.3f}, nearer the base's {before:.3f} than the tuned version's "
                f"{after:.3f}. Compress with more bits, such as --to q8_0."
            )
        if now < after / 2:
            return (
                f"It does not write what the tuned version writes: the evidence score is {now:.3f} in place of {after:.3f}. "
                "Compress with more bits, such as --to q8_0."
            )
    to_tuned, to_base = (alike(small.replies, other.replies)[1] for other in (tuned, base))
    if to_tuned < to_base:
        return (
            f"It lost its tuning: its replies follow the base's for {to_base:.0%} of their words and the tuned version's for "
            f"{to_tuned:.0%}. Compress with more bits, such as --to q8_0."
        )
    return None


def _megabytes(spec: ModelSpec) -> float:
    files = []
    for path in (spec.path, spec.adapter):
        if path is not None:
            files += [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(path.stat().st_size for path in files) / 1e6
