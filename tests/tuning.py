"""What tests of generator tuning share: a data set's folder, a task on a tiny Llama, and a child process that is killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatbot.learning import dataset_files, runs
from chatbot.learning.datasets import README, DataCard, file_sha256
from chatbot.learning.examples import Example
from chatbot.learning.generator_base import Base, open_tokenizer, parameters
from chatbot.learning.generator_data import Encoder, encode_all
from chatbot.learning.generator_options import TuningOptions
from tests.examples import REFUSAL, RETURNS, STOVES, TENTS, example
from tests.forked import child

TINY = TuningOptions(
    method="lora", rank=4, max_steps=6, batch=2, accumulation=2, sample=4, max_reply=8, evaluations=3, save_every=1
)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """A model this small is trained faster by one thread, and two stand still where another process holds a core."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def shop(count: int, *, language: str = "en") -> list[Example]:
    """Examples of a small shop, every fifth of them to be handed over."""
    passages = (RETURNS, STOVES, TENTS)
    made = []
    for at in range(count):
        asked, answered = passages[at % 3]
        target = REFUSAL if at % 5 == 0 else f"{answered} That is {at} days."
        made.append(replace(example(at, f"{asked} Order {at}", target, passages[: 1 + at % 3]), language=language))
    return made


def dataset(data: Path, train: Sequence[Example], validation: Sequence[Example], name: str = "ds-0001") -> Path:
    """A data set's folder as `chatbot dataset build` makes it."""
    every = [*train, *validation]
    languages = {one.language: sum(other.language == one.language for other in every) for one in every}

    counts = {"train": len(train), "validation": len(validation), "test": 0}
    with dataset_files.building(data, name) as (made, named):
        for split, examples in (("train", train), ("validation", validation), ("test", [])):
            dataset_files.write_split(made, split, examples)
        files = {path.name: file_sha256(path) for path in made.iterdir()} | {
            README: hashlib.sha256(b"made").hexdigest()
        }
        card = DataCard(counts, counts, languages, {}, {}, {}, {}, {}, {}, {}, files)
        dataset_files.publish(made, data, named, card, "made")
    return data / "datasets" / name


def task(folder: Path, options: TuningOptions = TINY, count: int = 40) -> Any:
    """A task on the model in `folder`."""
    from chatbot.learning.generator_training import Task

    encoder = Encoder(open_tokenizer(folder))
    base = Base("tiny", folder, "0" * 64, "mit", ("en",), parameters(folder))
    examples = shop(count + options.sample)
    train = encode_all(encoder, examples[:count], options.max_length)
    return Task(base, train, encode_all(encoder, examples[count:], options.max_length), options)


def tuned(
    folder: Path, data: Path, options: TuningOptions = TINY, name: str = "one"
) -> tuple[Any, runs.Run, list[Any]]:
    """Runs the task, or goes on with it; the result, the run, and what a listener heard."""
    from chatbot.learning.generator_progress import Diary
    from chatbot.learning.generator_tuning import tune

    begun = (data / "runs" / name / "run.json").is_file()
    run = runs.open_run(data, name, "generator") if begun else runs.begin(data, "generator", {}, name)
    heard: list[Any] = []
    return tune(task(folder, options), run, Diary(run.progress, heard.append)), run, heard


def killed(folder: Path, data: Path, where: str, options: TuningOptions = TINY, name: str = "one") -> None:
    """The same in a process that SIGKILL ends at `where`: "step 3", "seal 4" (files written, not sealed), or "end"."""
    process = child(_child, str(folder), str(data), where, json.dumps(options_json(options)), name)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def killed_command(data: Path, base: Path, words: Sequence[object]) -> None:
    """`chatbot finetune` with these options in a process of its own, which SIGKILL ends at its first step."""
    line = ["chatbot", "--data", str(data), "finetune", "--base", str(base), "--languages", "en", *map(str, words)]
    command = [sys.executable, "-c", _KILLED, *line]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[1], env=environment(), capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


_KILLED = """
import os, signal, sys
from scripts import finetune_screen
from scripts.cli import main
finetune_screen.line = lambda progress: os.kill(os.getpid(), signal.SIGKILL) if progress.step else ""
sys.argv = sys.argv[1:]
main()
"""


def environment() -> dict[str, str]:
    """Of a child process: one thread, as this process has."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


def options_json(options: TuningOptions) -> dict[str, Any]:
    """As run.json holds them."""
    from chatbot.learning.generator_options import to_json

    return to_json(options)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _child(folder: str, data: str, where: str, options: str, name: str) -> None:
    from chatbot.learning import checkpoints, generator_progress, generator_tuning
    from chatbot.learning.generator_options import from_json

    what, _, number = where.partition(" ")
    seal, tell, save = checkpoints.seal, generator_progress.Diary.tell, generator_tuning._save

    def sealing(checkpoint: Path) -> None:
        if what == "seal" and checkpoint.name == f"checkpoint-{number}":
            _die()
        seal(checkpoint)

    def telling(self: Any, progress: Any) -> None:
        tell(self, progress)
        if what == "step" and progress.event == "step" and progress.step == int(number):
            _die()

    def saving(*rest: Any) -> None:
        if what == "end":
            _die()
        save(*rest)

    checkpoints.seal, generator_progress.Diary.tell, generator_tuning._save = sealing, telling, saving  # type: ignore[assignment, method-assign]
    tuned(Path(folder), Path(data), from_json(json.loads(options)), name)
