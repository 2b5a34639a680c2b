"""An encoder of the heads' own, tuned with a classification layer; a killed run goes on to the same result. Must not know SQL.

Cross-entropy on unit vectors times a scale, AdamW with a rate that rises over a tenth of the steps and then falls to nothing.
Checkpoints hold weights, optimizer and the state of the random numbers as safetensors, sealed (`checkpoints`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.errors import ModelError
from chatbot.learning.bounds import HEADS, check_bounds
from chatbot.learning.checkpoints import drop_after, newest_sound, seal
from chatbot.learning.encoder_model import Trainee
from chatbot.learning.heads import Head
from chatbot.retrieval.encoder_files import EncoderFiles

_SCALE = 20.0  # of cosines, so that the layer can be sure of anything
_LAYER_RATE = 20.0  # the new layer learns this much faster than the encoder
_STATE, _WEIGHTS = "state.json", "training.safetensors"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """texts and the place of each one's label in `labels`."""

    texts: Sequence[str]
    places: Sequence[int]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """How it is tuned. every: steps between checkpoints; max_tokens: of a text."""

    epochs: float = 4.0
    batch: int = 32
    learning_rate: float = 5e-5
    seed: int = 0
    every: int = 50
    max_tokens: int = 64
    device: str = "cpu"

    def check(self) -> None:
        """Raises UsageError for values that cannot work."""
        check_bounds({name: getattr(self, name) for name in HEADS}, HEADS)


def tune(folder: Path, files: EncoderFiles, lesson: Lesson, course: Course, progress: Progress) -> tuple[Trainee, Head]:
    """Goes on from the newest sound checkpoint in `folder`, or begins. Raises ModelError, StorageError.

    The head's weights are the layer's times the scale; it is not calibrated yet.
    """
    import torch

    torch.manual_seed(course.seed)
    trainee = Trainee(files, course.device, course.max_tokens)
    layer = torch.nn.Linear(files.dim, len(lesson.labels)).to(trainee.device)
    torch.nn.init.zeros_(layer.bias)
    groups = [
        {"params": list(trainee.model.parameters()), "lr": course.learning_rate},
        {"params": list(layer.parameters()), "lr": _LAYER_RATE * course.learning_rate},
    ]
    job = _Job(trainee, layer, torch.optim.AdamW(groups, weight_decay=0.01), course)
    steps = max(1, round(course.epochs * len(lesson.texts) / course.batch))
    done = job.resume(folder)
    tokens = trainee.tokens(lesson.texts)
    trainee.model.train()
    for step in range(done, steps):
        rows = _rows_of(step, len(tokens), course)
        job.step([tokens[row] for row in rows], [lesson.places[row] for row in rows], _rate(step, steps))
        if (step + 1) % course.every == 0 or step + 1 == steps:
            job.save(folder, step + 1)
        progress("tuning the heads' encoder", step + 1, steps)
    trainee.model.eval()
    weights = _SCALE * layer.weight.detach().cpu().numpy()
    return trainee, Head(
        lesson.labels, weights.astype(np.float32), layer.bias.detach().cpu().numpy().astype(np.float32)
    )


class _Job:
    """What changes during a run. Lives for one; not for several threads."""

    def __init__(self, trainee: Trainee, layer: Any, optimizer: Any, course: Course) -> None:
        self._trainee, self._layer, self._optimizer, self._course = trainee, layer, optimizer, course
        self._rates = [group["lr"] for group in optimizer.param_groups]

    def step(self, tokens: Sequence[Sequence[int]], places: Sequence[int], share: float) -> None:
        """One batch."""
        import torch

        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * share
        self._optimizer.zero_grad(set_to_none=True)
        logits = self._layer(_SCALE * self._trainee.embed(tokens))
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(places, device=logits.device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_([one for group in self._optimizer.param_groups for one in group["params"]], 1.0)
        self._optimizer.step()

    def save(self, folder: Path, step: int) -> None:
        """A sealed checkpoint; only the last two are kept."""
        import torch
        from safetensors.torch import save_file

        place = folder / f"checkpoint-{step}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        held = {f"model.{name}": value for name, value in self._trainee.model.state_dict().items()}
        held |= {f"layer.{name}": value for name, value in self._layer.state_dict().items()}
        for number, state in self._optimizer.state_dict()["state"].items():
            held |= {f"optimizer.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
        held["random"] = torch.get_rng_state()
        save_file({name: value.detach().cpu().contiguous() for name, value in held.items()}, str(place / _WEIGHTS))
        (place / _STATE).write_text(json.dumps({"step": step}), encoding="utf-8")
        seal(place)
        for old in sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name[11:]))[:-2]:
            shutil.rmtree(old, ignore_errors=True)

    def resume(self, folder: Path) -> int:
        """Steps that are done already; what is newer than a sound checkpoint is dropped."""
        import torch
        from safetensors.torch import load_file

        found = newest_sound(folder).folder
        drop_after(folder, found)
        if found is None:
            return 0
        try:
            held = load_file(str(found / _WEIGHTS))
            self._trainee.model.load_state_dict(_under("model.", held))
            self._layer.load_state_dict(_under("layer.", held))
            self._load_optimizer(_under("optimizer.", held))
        except (KeyError, RuntimeError, ValueError) as exc:
            raise ModelError(f"The checkpoint {found} is not of this run ({exc}); start a new run.") from exc
        torch.set_rng_state(held["random"])
        return int(json.loads((found / _STATE).read_bytes())["step"])

    def _load_optimizer(self, held: dict[str, Any]) -> None:
        state: dict[int, dict[str, Any]] = {}
        for name, value in held.items():
            number, _, what = name.partition(".")
            state.setdefault(int(number), {})[what] = value
        self._optimizer.load_state_dict(self._optimizer.state_dict() | {"state": state})


def _rows_of(step: int, rows: int, course: Course) -> list[int]:
    """The batch of a step: every epoch a new order, each drawn from the seed and the epoch alone."""
    places = range(step * course.batch, (step + 1) * course.batch)
    orders = {
        epoch: np.random.default_rng([course.seed, epoch]).permutation(rows) for epoch in {at // rows for at in places}
    }
    return [int(orders[at // rows][at % rows]) for at in places]


def _rate(step: int, steps: int) -> float:
    warm = max(1, steps // 10)
    return (step + 1) / warm if step < warm else (steps - step) / max(1, steps - warm)


def _under(prefix: str, held: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in held.items() if name.startswith(prefix)}
