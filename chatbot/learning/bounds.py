"""The values that an option of a long job may take: one place, for the commands and for the admin's page. Must not know either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chatbot.errors import UsageError


@dataclass(frozen=True, slots=True)
class Bound:
    """least, most: both may be given."""

    least: float
    most: float


SHARE = Bound(0, 0.5)
RATE = Bound(1e-8, 1)
BATCH = Bound(1, 4096)
EPOCHS = Bound(0.01, 1000)
DATASET: Mapping[str, Bound] = {
    "passages": Bound(1, 10), "without": SHARE, "validation": SHARE, "test": SHARE, "most_alike": Bound(1, 10**9),
}  # fmt: skip
GENERATOR: Mapping[str, Bound] = {
    "rank": Bound(1, 512), "alpha": Bound(1, 4096), "dropout": Bound(0, 0.9), "learning_rate": RATE, "epochs": EPOCHS,
    "max_steps": Bound(1, 10_000_000), "batch": BATCH, "accumulation": Bound(1, 4096), "max_length": Bound(32, 131_072),
    "max_reply": Bound(1, 4096), "max_examples": Bound(1, 10**9), "warmup": Bound(0, 0.9), "evaluations": Bound(1, 100),
    "sample": Bound(1, 10_000), "patience": Bound(1, 100), "hand_over_weight": Bound(0.001, 100), "save_every": Bound(1, 10**9),
    "seed": Bound(0, 2**31 - 1),
}  # fmt: skip
CANARIES: Mapping[str, Bound] = {
    "canaries": Bound(0, 600)
}  # as many as there are people and kinds of secrets to make up
HEADS: Mapping[str, Bound] = {"epochs": EPOCHS, "batch": BATCH, "learning_rate": RATE}
ENCODER: Mapping[str, Bound] = {
    "epochs": Bound(1, 1000), "batch": Bound(2, 4096), "learning_rate": RATE, "max_examples": Bound(1, 10**9),
    "hard_epochs": Bound(0, 1000),
}  # fmt: skip


def check_bounds(values: Mapping[str, float | None], bounds: Mapping[str, Bound]) -> None:
    """Raises UsageError naming the first option that lies outside; None is the option's own default. NaN lies outside."""
    for name, value in values.items():
        bound = bounds[name]
        if value is not None and not bound.least <= value <= bound.most:
            raise UsageError(
                f"--{name.replace('_', '-')} {value:g} cannot be; give a value from {_plain(bound.least)} to {_plain(bound.most)}."
            )


def _plain(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:g}"
