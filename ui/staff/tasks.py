"""What an admin may start in the page, and the command line that it is: an allow-list, every value checked. Must not run it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ui.api import Strict

VERSION = r"^(generator-|encoder-v|heads-)\d{4,}$"
Version = Annotated[str, Field(pattern=VERSION)]
DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class BuildDataset(Strict):
    """Examples from transcripts, reviews and corrections."""

    task: Literal["dataset"]
    without: float = Field(0.2, ge=0, le=0.9)
    noise: bool = False
    rare: bool = False

    def command(self) -> tuple[str, list[str]]:
        augment = ",".join(name for name, wanted in (("noise", self.noise), ("rare", self.rare)) if wanted)
        extra = ["--augment", augment] if augment else []
        return "Build a data set", ["dataset", "build", "--without", f"{self.without:g}", *extra]


class TuneGenerator(Strict):
    """`chatbot finetune`."""

    task: Literal["generator"]
    dataset: DatasetName | None = None
    method: Literal["lora", "dora", "rslora", "adalora", "full"] = "lora"
    epochs: float = Field(2.0, gt=0, le=50)
    rank: int | None = Field(None, ge=1, le=256)
    learning_rate: float | None = Field(None, gt=0, le=0.1)
    resume: RunName | None = None

    def command(self) -> tuple[str, list[str]]:
        if self.resume:
            return f"Go on with {self.resume}", ["finetune", "--resume", self.resume]
        given = {"dataset": self.dataset, "rank": self.rank, "learning-rate": self.learning_rate}
        extra = [part for name, value in given.items() if value is not None for part in (f"--{name}", f"{value}")]
        return f"Tune the generator ({self.method})", [
            "finetune", "--method", self.method, "--epochs", f"{self.epochs:g}", *extra,
        ]  # fmt: skip


class TuneEncoder(Strict):
    """`chatbot finetune --encoder`."""

    task: Literal["encoder"]
    resume: RunName | None = None

    def command(self) -> tuple[str, list[str]]:
        if self.resume:
            return f"Go on with {self.resume}", ["finetune", "--encoder", "--resume", self.resume]
        return "Tune the encoder", ["finetune", "--encoder"]


class TuneHeads(Strict):
    """`chatbot finetune --heads`."""

    task: Literal["heads"]

    def command(self) -> tuple[str, list[str]]:
        return "Tune topics and mood", ["finetune", "--heads"]


class Compress(Strict):
    """`chatbot models compress`."""

    task: Literal["compress"]
    version: Version
    to: Literal["q8_0", "q4_1", "f16"] = "q8_0"

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
