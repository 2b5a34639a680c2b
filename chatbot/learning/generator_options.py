"""What a run of generator tuning may be told, and which wishes contradict each other. Must not know files, data or torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from chatbot.errors import UsageError
from chatbot.learning.bounds import GENERATOR, check_bounds
from chatbot.learning.devices import DEVICES, Device

Method = Literal["lora", "dora", "rslora", "adalora", "full"]
Optimizer = Literal["adamw", "adafactor"]
Precision = Literal["auto", "bf16", "fp32"]
METHODS: tuple[Method, ...] = get_args(Method)
_CHOICES = {"optimizer": get_args(Optimizer), "precision": get_args(Precision), "device": DEVICES}
_OF_ADAPTERS = ("rank", "alpha", "dropout")
_BATCH = 4
_RANK, _DROPOUT = 16, 0.0  # dropout costs a sixth of a step on a CPU and gains nothing in two passes
_LARGE = 600_000_000
# learning.md (2): 1e-3 for 135-500M, 2e-4 from 0.6B up; full tuning moves every weight and wants a tenth and less
_RATES: Mapping[Method, tuple[float, float]] = {
    "lora": (1e-3, 2e-4), "dora": (1e-3, 2e-4), "rslora": (1e-3, 2e-4), "adalora": (3e-3, 1e-3), "full": (1e-4, 1e-5),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TuningOptions:
    """Every choice of a run; a run goes on only with the very same ones, except `batch` (see `differences`).

    rank, alpha, dropout: of the adapter, None for 16, twice the rank, none. learning_rate: None for one that suits method and
    size. max_steps: optimizer steps, None for as many as `epochs` take. batch: examples that go through the model at once;
    batch * accumulation examples make a step, 4 * 4 where nothing is said: on a GPU all 16 at once then, see `batches`.
    max_length: tokens of prompt and reply; longer examples are left out. max_examples:
    how many to learn from, None for all. warmup: share of the steps. evaluations: how often in a run the evidence score is taken,
    on `sample` validation examples; after `patience` times without a better one the run ends. save_every: steps between
    checkpoints, None for a tenth of the run. checkpointing: recompute activations to save memory; None where it pays (CUDA from
    1B). four_bit: QLoRA, on CUDA only. languages: to learn from, () for those that the base knows.
    hand_over_weight: of examples whose target hands over. All of those begin alike and answers in many ways, so greedy writing
    hands over where an answer is likelier; below 1 restores the balance.
    """

    method: Method = "lora"
    rank: int | None = None
    alpha: int | None = None
    dropout: float | None = None
    learning_rate: float | None = None
    epochs: float = 2.0
    max_steps: int | None = None
    batch: int | None = None
    accumulation: int | None = None
    max_length: int = 1024
    max_reply: int = 160
    max_examples: int | None = None
    optimizer: Optimizer = "adamw"
    warmup: float = 0.1
    precision: Precision = "auto"
    checkpointing: bool | None = None
    evaluations: int = 4
    sample: int = 32
    patience: int = 2
    save_every: int | None = None
    seed: int = 7
    device: Device = "auto"
    four_bit: bool = False
    languages: tuple[str, ...] = ()
    hand_over_weight: float = 0.25

    @property
    def effective(self) -> int:
        """Examples an optimizer step."""
        return (self.batch or _BATCH) * (self.accumulation or _BATCH)

    def batches(self, device: str) -> tuple[int, int]:
        """Examples at once, and how often that makes a step.

        Small batches keep a GPU waiting for the processor that starts its kernels; what does not fit into its memory is halved.
        """
        if device == "cuda" and self.batch is None and self.accumulation is None:
            return self.effective, 1
        return self.batch or _BATCH, self.accumulation or _BATCH

    @property
    def adapter_rank(self) -> int:
        return self.rank or _RANK

    @property
    def adapter_alpha(self) -> int:
        return self.alpha or 2 * self.adapter_rank

    @property
    def adapter_dropout(self) -> float:
        return _DROPOUT if self.dropout is None else self.dropout

    def rate(self, parameters: int) -> float:
        """The learning rate for a base of so many weights."""
        return self.learning_rate or _RATES[self.method][parameters >= _LARGE]


def check(options: TuningOptions) -> None:
    """Raises UsageError for values that cannot work and for those that contradict each other."""
    if options.method not in METHODS:
        raise UsageError(f"There is no method {options.method!r}; take one of {', '.join(METHODS)}.")
    for name, known in _CHOICES.items():
        if getattr(options, name) not in known:
            raise UsageError(f"--{name} {getattr(options, name)} cannot be; take one of {', '.join(known)}.")
    if options.method == "full":
        if options.four_bit:
            raise UsageError("--four-bit freezes the base and --method full trains it; leave one of them out.")
        if given := [name for name in _OF_ADAPTERS if getattr(options, name) is not None]:
            raise UsageError(f"--{given[0]} is an adapter's, and --method full makes none; leave one of them out.")
    if options.four_bit and options.precision == "fp32":
        raise UsageError("--four-bit computes in bf16, and --precision fp32 forbids it; leave one of them out.")
    if options.four_bit and options.device == "cpu":
        raise UsageError(
            "--four-bit needs a CUDA GPU, and --device cpu was given; leave --four-bit out, a CPU tunes in bf16."
        )
    check_bounds({name: getattr(options, name) for name in GENERATOR}, GENERATOR)
    if options.max_reply >= options.max_length:
        raise UsageError(
            f"--max-reply {options.max_reply} leaves no room for a prompt in --max-length {options.max_length}; "
            "lower the first or raise the second."
        )


def to_json(options: TuningOptions) -> dict[str, Any]:
    """Plain JSON of all options."""
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(options).items()
    }


def from_json(raw: Mapping[str, Any]) -> TuningOptions:
    """The options that `to_json` wrote. Raises UsageError when another version of this program did."""
    known = {field.name for field in dataclasses.fields(TuningOptions)}
    if raw.keys() != known:
        raise UsageError("The run's options were written by another version of this program; start a new run.")
    return TuningOptions(**(dict(raw) | {"languages": tuple(raw["languages"])}))


def differences(begun: TuningOptions, wanted: TuningOptions) -> list[str]:
    """Names of the options in which a run that is to go on differs from how it began.

    `batch` may change where batch * accumulation stays: the same examples make each step then.
    """
    names = [field.name for field in dataclasses.fields(TuningOptions)]
    if begun.effective == wanted.effective:
        names = [name for name in names if name not in ("batch", "accumulation")]
    return [name for name in names if getattr(begun, name) != getattr(wanted, name)]
