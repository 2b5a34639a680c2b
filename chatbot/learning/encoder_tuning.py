"""Tunes a sentence encoder on pairs of past conversations: the loop, its pace and when it stops. Must not know SQL or versions.

MultipleNegativesRanking (Henderson et al. 2017) with answers that are as good masked out; then, if wished, epochs with mined hard
negatives (Xiong et al. 2021). Everything random follows from the seed and the step: a killed run that is started again ends with
the same weights as an unbroken one on the same machine.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.errors import ModelError, UsageError
from chatbot.learning.devices import out_of_memory, release
from chatbot.learning.encoder_exam import Exam, Marks, score
from chatbot.learning.encoder_gradients import gradients
from chatbot.learning.encoder_loss import as_good, as_good_as, masked_loss
from chatbot.learning.encoder_mining import hard_negatives
from chatbot.learning.encoder_model import Trainee
from chatbot.learning.encoder_options import Lesson, Progress, Tuned, Tuning, Watch, outcome_of, tuned_of
from chatbot.learning.encoder_pairs import Batch, Pairing
from chatbot.learning.encoder_run import Position, RunFolder
from chatbot.learning.runs import DONE, owned
from chatbot.retrieval.encoder_files import EncoderFiles
from chatbot.room import need_room

FEWEST_PAIRS = 64
_LOG_EVERY = 10
_GAIN = 0.001  # of the held-out score, from which weights count as better
_LEAST_BETWEEN = 25  # steps from one measurement to the next: a small company's epochs are short
_SPACE = 10  # times the weights: two checkpoints with their optimizer's state, the best, the result


def tune(
    run: Path,
    base: EncoderFiles,
    lesson: Lesson,
    options: Tuning,
    watch: Watch,
    about: Mapping[str, Any] | None = None,
) -> Tuned:
    """Runs, or goes on with, the run in this folder; the encoder that did best lies in `<run>/encoder`.

    about: what else `run.json` is to say of it; must be the same to go on.

    Raises UsageError for too little data or contradictory options, Conflict when the run was begun with others or another process
    works on it, ModelError for a broken checkpoint or too little memory, StorageError.
    """
    options.check()
    exam = Exam(lesson.held, lesson.learned, options.seed)
    if not exam.enough:
        raise UsageError(
            f"{len(lesson.held.passages)} held-out passages are too few to tell whether tuning helps; import more transcripts."
        )
    pairing = _pairing(lesson, options)
    check_room(run, base)
    begun = {
        "options": options.deciding(),
        "base": base.digest,
        "learned": lesson.learned.digest(),
        "held_out": lesson.held.digest(),
        **(about or {}),
    }
    with owned(run), _memory_errors():
        folder = RunFolder(run, begun)
        return _Run(folder, base, lesson, options, watch, pairing).to_the_end(exam)


def check_room(run: Path, base: EncoderFiles) -> None:
    """Raises UsageError where the disk cannot hold a run of this base; one that is over needs nothing."""
    if not (run / DONE).exists():
        need_room(run, _SPACE * sum(one.stat().st_size for one in base.folder.glob("*.safetensors")), "The run")


def _pairing(lesson: Lesson, options: Tuning) -> Pairing:
    made = Pairing(lesson.learned, options.batch, options.seed, options.kinds)
    if len(made.epoch(0)) * options.batch < FEWEST_PAIRS:
        raise UsageError(
            f"{len(lesson.learned.passages)} passages give too few pairs to learn from ({FEWEST_PAIRS} are needed); "
            "import more transcripts."
        )
    return made


class _Run:
    """One run from where it stands to its end."""

    def __init__(
        self, folder: RunFolder, base: EncoderFiles, lesson: Lesson, options: Tuning, watch: Watch, pairing: Pairing
    ) -> None:
        self.folder, self.base, self.lesson, self.options, self.watch = folder, base, lesson, options, watch
        self.pairing = pairing
        self.epochs = [len(self.pairing.epoch(number)) for number in range(options.epochs)]
        self.steps = sum(self.epochs)

    def to_the_end(self, exam: Exam) -> Tuned:
        done = self.folder.done()
        if done is not None:
            return tuned_of(self.folder.folder, done)
        self.trainee = Trainee(self.base, self.options.device, self.options.max_tokens)
        self.watch(Progress("measure", 0, self.steps))
        before = exam.take(self.trainee.encode)
        untuned = self._weights()
        self.position = Position(best_score=score(before), scores=[[0, round(score(before), 5)]])
        self._prepare()
        if not self.position.ended:
            self._train(exam)
        self.trainee.model.load_state_dict(self.folder.best() if self.position.best_step else untuned)
        after = exam.take(self.trainee.encode) if self.position.best_step else before
        return self._finish(before, after)

    def _prepare(self) -> None:
        import torch
        from torch.utils.tensorboard import SummaryWriter

        passages = self.lesson.learned.passages
        texts = {"window": [one.window for one in passages], "answer": [one.answer for one in passages]}
        texts["question"] = [one.question for one in passages]
        self.tokens = {name: self.trainee.tokens(lines) for name, lines in texts.items()}
        self.at_once: int | None = None  # texts that go through with gradients at once; None: all of a batch
        self.parameters = [one for one in self.trainee.model.parameters() if one.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=self.options.rate, weight_decay=0.01, fused=True)
        saved = self.folder.load()
        if saved is not None:
            for note in self.folder.passed_over:
                self._note(note)
            self.position, model, optimizer = saved
            self.trainee.model.load_state_dict(model)
            self.optimizer.load_state_dict(_nested(optimizer, self.optimizer.state_dict()["param_groups"]))
        self.folder.cut_log(self.position.step)
        self.board = SummaryWriter(str(self.folder.folder / "tensorboard"), purge_step=self.position.step + 1)

    def _train(self, exam: Exam) -> None:
        self.trainee.model.train()
        self.began, self.begun_at, self.saved_at = time.monotonic(), self.position.step, time.monotonic()
        self.before_s = self.position.seconds
        first = 0
        for number, count in enumerate(self.epochs):
            if self.position.step < first + count and not self.position.ended:
                self._epoch(number, first, exam)
            first += count
        self.board.close()

    def _epoch(self, number: int, first: int, exam: Exam) -> None:
        hard = None
        if number >= self.options.epochs - self.options.hard_epochs:
            self.watch(self._progress("mine"))
            hard = self._mined(number)
        batches = self.pairing.epoch(number)
        measured = {round(len(batches) * part / self.options.measures_an_epoch) for part in range(1, 99)}
        for at in range(self.position.step - first, len(batches)):
            loss = self._step(batches[at], hard)
            self.position.step += 1
            self.position.losses.append([self.position.step, round(loss, 5)])
            if self.position.step % _LOG_EVERY == 0:
                self._log()
            due = at + 1 in measured and self.position.step - self.position.scores[-1][0] >= _LEAST_BETWEEN
            if due or self.position.step == self.steps:
                self._measure(exam)
            self._save_if_due(due)
            if self.position.ended:
                return

    def _step(self, batch: Batch, hard: npt.NDArray[np.int64] | None) -> float:
        import torch

        options, learned, step = self.options, self.lesson.learned, self.position.step
        name = "question" if batch.alone else "window"
        other = "answer" if batch.kind == "reply" else name
        rows = np.zeros(0, dtype=np.int64) if hard is None else np.unique(hard[batch.anchors][hard[batch.anchors] >= 0])
        tokens = [self.tokens[name][row] for row in batch.anchors]
        tokens += [self.tokens[other][row] for row in (*batch.positives, *rows)]
        size = len(batch.anchors)
        groups, answers = learned.groups[batch.anchors], learned.answers[batch.anchors]
        hidden, more = as_good(groups, answers), None
        if len(rows):
            more = as_good_as(groups, answers, learned.groups[rows], learned.answers[rows])

        def loss_of(vectors: Any) -> Any:
            negatives = vectors[2 * size :] if len(rows) else None
            loss = masked_loss(vectors[:size], vectors[size : 2 * size], hidden, negatives, more)
            if not torch.isfinite(loss):
                raise ModelError(f"The loss is no number at step {step}; take a smaller rate than {options.rate:g}.")
            return loss

        loss = self._gradients(tokens, loss_of)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = options.rate * _pace(step, self.steps, options.warm_up)
        self.optimizer.step()
        return loss

    def _gradients(self, tokens: Sequence[Sequence[int]], loss_of: Callable[[Any], Any]) -> float:
        """The loss of a step, its gradients left in the weights; where memory runs out, of the same texts in smaller parts."""
        while True:
            self.optimizer.zero_grad()
            try:
                return gradients(self.trainee, tokens, loss_of, self.at_once, self.options.seed + self.position.step)
            except (MemoryError, RuntimeError) as exc:
                tried = self.at_once or len(tokens)
                if not out_of_memory(exc) or tried == 1:
                    raise
            self.at_once = tried // 2
            self._note(
                f"Memory ran out with {tried} texts at once: goes on with {self.at_once}; each step still learns from all of them."
            )
            release()

    def _note(self, sentence: str) -> None:
        told = Progress("note", self.position.step, self.steps, note=sentence)
        self.folder.log(asdict(told))
        self.watch(told)

    def _mined(self, number: int) -> npt.NDArray[np.int64]:
        """Found with the weights at the epoch's beginning; kept, since a killed epoch goes on with later ones."""
        path = self.folder.folder / f"mined-{number}.npy"
        if not path.exists() or self.position.step == sum(self.epochs[:number]):
            rows = hard_negatives(self.lesson.learned, self.trainee.encode, self.options.seed + number)
            half = path.with_name(f".half-{path.name}")
            np.save(half, rows)
            half.replace(path)
            self._save()
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.int64)

    def _measure(self, exam: Exam) -> None:
        self.watch(self._progress("measure"))
        found = score(exam.take(self.trainee.encode))
        self.position.scores.append([self.position.step, round(found, 5)])
        if found > self.position.best_score + _GAIN:
            self.position.best_score, self.position.best_step, self.position.worse = found, self.position.step, 0
            self.folder.keep_best(self._weights())
        else:
            self.position.worse += 1
            self.position.ended = self.position.worse >= self.options.patience
        self.board.add_scalar("held-out score", found, self.position.step)
        self._log()

    def _save_if_due(self, measured: bool) -> None:
        every = self.options.checkpoint_steps
        due = time.monotonic() - self.saved_at >= self.options.checkpoint_s
        if measured or due or (every and self.position.step % every == 0):
            self._save()

    def _save(self) -> None:
        self._clock()
        self.folder.save(self.position, self._weights(), _flat(self.optimizer.state_dict()["state"]))
        self.saved_at = time.monotonic()

    def _clock(self) -> None:
        self.position.seconds = self.before_s + time.monotonic() - self.began

    def _weights(self) -> dict[str, Any]:
        return {name: value.detach().cpu().clone() for name, value in self.trainee.model.state_dict().items()}

    def _progress(self, stage: str) -> Progress:
        position, run = self.position, self.position.step - self.begun_at
        pace = (time.monotonic() - self.began) / run if run else None
        recent = [loss for _, loss in position.losses[-_LOG_EVERY:]]
        left = round(pace * (self.steps - position.step), 1) if pace else None
        loss = round(float(np.mean(recent)), 5) if recent else None
        return Progress(stage, position.step, self.steps, loss, position.scores[-1][1], left)

    def _log(self) -> None:
        now = self._progress("train")
        self.folder.log(asdict(now))
        if now.loss is not None:
            self.board.add_scalar("loss", now.loss, now.step)
        self.watch(now)

    def _finish(self, before: Mapping[str, Marks], after: Mapping[str, Marks]) -> Tuned:
        target, half = self.folder.folder / "encoder", self.folder.folder / ".half-encoder"
        for leftover in (target, half):
            shutil.rmtree(leftover, ignore_errors=True)
        self.trainee.save(half)
        half.rename(target)
        self._clock()
        outcome = outcome_of(self.position, before, after, peak_memory_mb(self.options.device))
        self.folder.finish(outcome)
        return tuned_of(self.folder.folder, outcome)


def peak_memory_mb(device: str = "cpu") -> float:
    """The most memory that this process, or its part of the GPU, has held."""
    if device.startswith("cuda"):
        import torch

        return float(round(torch.cuda.max_memory_allocated() / 1e6, 1))
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _pace(step: int, steps: int, warm_up: float) -> float:
    """Share of the rate: up in a line, then down in a line."""
    rising = warm_up * steps
    falling = max(0.0, (steps - step) / max(1.0, steps - rising))
    return float((step + 1) / rising if step + 1 < rising else falling)


def _flat(state: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{number}.{name}": value for number, one in state.items() for name, value in one.items()}


def _nested(flat: Mapping[str, Any], groups: Any) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    return {"state": state, "param_groups": groups}


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Too little memory, on either device, in one sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as exc:
        if out_of_memory(exc):
            told = "The memory is too small for this batch; start the run again with half the --batch."
            raise ModelError(told) from exc
        raise
