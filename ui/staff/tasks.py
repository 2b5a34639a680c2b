"""What an admin may start in the page, and the command line that it is: an allow-list, every value checked. Must not run it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from chatbot.errors import UsageError
from chatbot.learning.bounds import CANARIES, DATASET, ENCODER, GENERATOR, Bound
from chatbot.learning.generator_options import METHODS, Method
from ui.api import Strict

VERSION = r"^(generator-|encoder-v|heads-)\d{4,}$"
Version = Annotated[str, Field(pattern=VERSION)]
DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
COMPRESSIONS = {"q8_0": "8 bit (for a CPU)", "q4_1": "4 bit", "f16": "16 bit"}
Languages = Annotated[str, Field(pattern=r"^[a-z]{2,3}(, ?[a-z]{2,3}){0,49}$")]
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def within(bound: Bound) -> Any:
    """A field that may be left out; then the command has its own default."""
    return Field(None, ge=bound.least, le=bound.most)


class BuildDataset(Strict):
    """Examples from transcripts, reviews and corrections."""

    task: Literal["dataset"]
    without: float | None = within(DATASET["without"])
    noise: bool = False
    rare: bool = False

    def command(self) -> tuple[str, list[str]]:
        augment = ",".join(name for name, wanted in (("noise", self.noise), ("rare", self.rare)) if wanted)
        extra = ["--augment", augment] if augment else []
        return "Build a data set", ["dataset", "build", *_given(without=self.without), *extra]


class TuneGenerator(Strict):
    """`chatbot finetune`."""

    task: Literal["generator"]
    dataset: DatasetName | None = None
    method: Method = METHODS[0]
    epochs: float | None = within(GENERATOR["epochs"])
    max_steps: int | None = within(GENERATOR["max_steps"])
    max_examples: int | None = within(GENERATOR["max_examples"])
    rank: int | None = within(GENERATOR["rank"])
    learning_rate: float | None = within(GENERATOR["learning_rate"])
    languages: Languages | None = None
    canaries: int | None = within(CANARIES["canaries"])
    resume: RunName | None = None

    def command(self) -> tuple[str, list[str]]:
        if self.resume:
            return f"Go on with {self.resume}", ["finetune", "--resume", self.resume]
        if self.epochs is not None and self.max_steps is not None:
            raise UsageError("Epochs and steps both say how long to train; give one of them.")
        names = ("dataset", "epochs", "max_steps", "max_examples", "rank", "learning_rate", "languages", "canaries")
        given = self.model_dump(include=set(names))
        return f"Tune the generator ({self.method})", ["finetune", "--method", self.method, *_given(**given)]


class TuneEncoder(Strict):
    """`chatbot finetune --encoder`."""

    task: Literal["encoder"]
    hard_epochs: int | None = within(ENCODER["hard_epochs"])
    resume: RunName | None = None

    def command(self) -> tuple[str, list[str]]:
        if self.resume:
            return f"Go on with {self.resume}", ["finetune", "--encoder", "--resume", self.resume]
        return "Tune the encoder", ["finetune", "--encoder", *_given(hard_epochs=self.hard_epochs)]


class TuneHeads(Strict):
    """`chatbot finetune --heads`."""

    task: Literal["heads"]

    def command(self) -> tuple[str, list[str]]:
        return "Tune topics and mood", ["finetune", "--heads"]


class Compress(Strict):
    """`chatbot models compress`."""

    task: Literal["compress"]
    version: Version
    to: Literal["q8_0", "q4_1", "f16"] = "q8_0"  # the keys of COMPRESSIONS

    def command(self) -> tuple[str, list[str]]:
        return f"Compress {self.version} to {self.to}", ["models", "compress", self.version, "--to", self.to]


class Evaluate(Strict):
    """`chatbot evaluate`."""

    task: Literal["evaluate"]
    version: Version

    def command(self) -> tuple[str, list[str]]:
        return f"Evaluate {self.version}", ["evaluate", self.version]


class Publish(Strict):
    """`chatbot models publish`: judged against what is published, and refused when it is worse; `force` wants a reason."""

    task: Literal["publish"]
    version: Version
    force: bool = False
    reason: str = Field("", max_length=500)

    def command(self) -> tuple[str, list[str]]:
        extra = ["--force"] if self.force else []
        if self.reason.strip():
            extra.append(f"--reason={self.reason.strip()}")
        return f"Publish {self.version}", ["models", "publish", self.version, *extra]


Task = Annotated[
    BuildDataset | TuneGenerator | TuneEncoder | TuneHeads | Compress | Evaluate | Publish, Field(discriminator="task")
]


def limits() -> dict[str, Any]:
    """What the page offers: the very values that the fields above take."""
    names = ("epochs", "max_steps", "max_examples", "rank", "learning_rate")
    bounds = {name: GENERATOR[name] for name in names} | {"without": DATASET["without"], **CANARIES}
    bounds["hard_epochs"] = ENCODER["hard_epochs"]
    spans = {name: {"min": bound.least, "max": bound.most} for name, bound in bounds.items()}
    return {"spans": spans, "methods": METHODS, "compressions": list(COMPRESSIONS.items())}


def _given(**options: float | str | None) -> list[str]:
    """As options of a command, those that were given."""
    told = {
        name: f"{value:g}" if isinstance(value, float) else f"{value}"
        for name, value in options.items()
        if value is not None
    }
    return [part for name, value in told.items() for part in (f"--{name.replace('_', '-')}", value)]
