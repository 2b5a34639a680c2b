"""Classifiers over sentence vectors: what a conversation is about, and how its customer feels. NumPy only; must not know how they
were fitted, nor SQL.

A version's folder holds `heads.json` and for each task `<task>.safetensors`; and `encoder/` where the encoder was tuned with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from chatbot.errors import ModelError

Task = Literal["topic", "mood"]
TASKS: tuple[Task, ...] = ("topic", "mood")
UPSET, CONTENT = "upset", "content"
HEADS, ENCODER = "heads.json", "encoder"
_FORMAT = 1
Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a head reads in one text. label: None where it is not sure enough; likeliest: the best guess all the same.

    confidence: the calibrated probability of `likeliest`."""

    label: str | None
    likeliest: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Head:
    """A linear classifier. weights: (labels, dim); bias: (labels,). temperature: what its logits are divided by, so that its
    confidence is right as often as it says; threshold: confidence below which the answer is "unknown"."""

    labels: tuple[str, ...]
    weights: Vectors
    bias: Vectors
    temperature: float = 1.0
    threshold: float = 0.0

    def probabilities(self, vectors: Vectors) -> Floats:
        """(n, labels), calibrated; rows sum to 1."""
        logits = (vectors @ self.weights.T + self.bias).astype(np.float64) / self.temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def read(self, vectors: Vectors) -> list[Reading]:
        """One reading a row."""
        readings = []
        for row in self.probabilities(vectors):
            best = int(row.argmax())
            sure = bool(row[best] >= self.threshold)
            readings.append(Reading(self.labels[best] if sure else None, self.labels[best], float(row[best])))
        return readings


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of one version. encoder: name of the encoder whose vectors they read (`Embedder.name`); own: it lies in the
    version itself."""

    encoder: str
    tasks: Mapping[Task, Head]
    own: bool = False


def save_heads(folder: Path, heads: Heads) -> None:
    """Writes the heads into a folder that is there. Raises OSError."""
    from safetensors.numpy import save_file

    about: dict[str, Any] = {"format": _FORMAT, "encoder": heads.encoder, "own_encoder": heads.own, "tasks": {}}
    for task, head in heads.tasks.items():
        tensors = {"weights": np.ascontiguousarray(head.weights), "bias": np.ascontiguousarray(head.bias)}
        save_file(tensors, str(folder / f"{task}.safetensors"))
        settled = {"temperature": head.temperature, "threshold": head.threshold}
        about["tasks"][task] = {"labels": list(head.labels), **settled}
    (folder / HEADS).write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def open_heads(folder: Path) -> Heads:
    """Reads what `save_heads` wrote. Raises ModelError naming the file."""
    path = folder / HEADS
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != _FORMAT:
            raise ValueError(f"its format is {about['format']}, not {_FORMAT}")
        tasks = {task: _head(folder / f"{task}.safetensors", told) for task, told in about["tasks"].items()}
        return Heads(str(about["encoder"]), tasks, bool(about["own_encoder"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ModelError(
            f"The heads in {path} cannot be read ({exc}); fit them again with `chatbot finetune --heads`."
        ) from exc


def mood_of(head: Head, vectors: Vectors) -> list[float]:
    """In [-1, 1] as `chatbot.mood.mood`: the chance of content minus that of upset."""
    rows = head.probabilities(vectors)
    return [float(row[head.labels.index(CONTENT)] - row[head.labels.index(UPSET)]) for row in rows]


def blended(values: Sequence[float], newest: float = 0.4) -> float:
    """The running mood of a conversation after its messages, oldest first: the newest counts most (as the store keeps it)."""
    running = values[0]
    for value in values[1:]:
        running = running * (1 - newest) + value * newest
    return running


def _head(path: Path, told: Mapping[str, Any]) -> Head:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        held = load_file(str(path))
    except SafetensorError as exc:
        raise ValueError(f"{path.name}: {exc}") from exc
    labels = tuple(map(str, told["labels"]))
    weights, bias = held["weights"], held["bias"]
    if weights.ndim != 2 or len(weights) != len(labels) or bias.shape != (len(labels),):
        raise ValueError(f"{path.name} has {weights.shape} weights for {len(labels)} labels")
    return Head(labels, weights, bias, float(told["temperature"]), float(told["threshold"]))
