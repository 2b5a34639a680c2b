"""What `chatbot finetune` was told that holds for every kind of model. Holds no logic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wishes:
    """None, () or False: not given on the command line, so that each kind takes its own default.

    dataset: name in `<data>/datasets`; run: name for the new run; resume: name of the run to go on with, or "last".
    full: of the heads, an encoder of their own. hard_epochs: of the encoder, the last epochs, with mined negatives.
    """

    dataset: str | None = None
    run: str | None = None
    resume: str | None = None
    epochs: float | None = None
    batch: int | None = None
    learning_rate: float | None = None
    max_steps: int | None = None
    max_examples: int | None = None
    seed: int | None = None
    device: str | None = None
    languages: tuple[str, ...] = ()
    accept_licence: str | None = None
    full: bool = False
    hard_epochs: int | None = None
    as_json: bool = False
