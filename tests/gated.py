"""What tests of gate and evaluation as typed share: a deployment with data sets and versions whose replies an engine of tests
writes, and commands that SIGKILL ends at a point of their work."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.engine import Emit, Job, Piece, Prompt, Pulse
from chatbot.learning import dataset_files, gating, published, registry, replying
from chatbot.learning.cards import Card, Kind
from chatbot.learning.datasets import README, SPLITS, DataCard, file_sha256
from chatbot.learning.examples import Example
from chatbot.learning.replying import Writer
from tests.demo import REPOSITORY, environment
from tests.examples import REFUSAL, RETURNS, STOVES, TENTS, example
from tests.fakes_retrieval import FakeEmbedder

BASE = "smollm2-135m"


def turns(
    count: int, start: int = 0, *, languages: Sequence[str] = ("en",), topics: Sequence[str] = ()
) -> list[Example]:
    """Every fifth must be handed over; conversations c<number> of two turns, numbered from `start`."""
    made = []
    for number in range(start, start + count):
        passage = (RETURNS, TENTS)[number % 2]
        over = number % 5 == 0
        language = languages[number // 2 % len(languages)]
        topic = topics[number // 2 % len(topics)] if topics else None
        shown = (STOVES,) if over else (passage, STOVES)
        target = REFUSAL if over else passage[1]
        own = f"c{number // 2}"
        made.append(
            example(number, f"{passage[0]} ({number})", target, shown, language=language, topic=topic, conversation=own)
        )
    return made


def dataset(data: Path, test: Sequence[Example], train: Sequence[Example] = (), name: str = "ds-0001") -> Path:
    """A data set's folder as `chatbot dataset build` makes it, without validation."""
    parts = {"train": list(train), "validation": [], "test": list(test)}
    every = [*train, *test]
    languages = {one.language: sum(other.language == one.language for other in every) for one in every}
    counts = {split: len(parts[split]) for split in SPLITS}
    with dataset_files.building(data, name) as (made, named):
        for split in SPLITS:
            dataset_files.write_split(made, split, parts[split])
        files = {path.name: file_sha256(path) for path in made.iterdir()} | {
            README: hashlib.sha256(b"made").hexdigest()
        }
        card = DataCard(counts, counts, languages, {}, {}, {}, {}, {}, {}, {}, files)
        dataset_files.publish(made, data, named, card, "made")
    return data / "datasets" / name


def version(data: Path, content: str, *, learnt: Sequence[str] = (), kind: Kind = "generator", **fields: Any) -> Card:
    """A version of the registry. content: tells versions apart, and how it writes: see `Engine`; learnt: conversation ids."""
    made = data.parent / f"made-{content}"
    made.mkdir(parents=True, exist_ok=True)
    (made / "adapter_model.safetensors").write_text(content)
    (made / "adapter_config.json").write_text("{}")
    given = {
        "base": BASE,
        "base_sha256": "b1",
        "licence": "Apache-2.0",
        "languages": ("en",),
        "dataset": "ds-0001",
        "data_sha256": "d1",
        "method": "lora",
        "format": "adapter",
        "conversations_sha256": [hashlib.sha256(one.encode()).hexdigest() for one in learnt],
    }
    return registry.add(data / "models", kind, made, given | fields)


class Engine:
    """Says the first past answer, or hands over where stoves alone are shown; the base model says always the same."""

    name = "of tests"

    def __init__(self, spec: ModelSpec) -> None:
        self.pulse = Pulse()
        self._dull = spec.name == BASE

    def submit(self, prompt: Prompt, emit: Emit) -> Job:
        found = re.findall(r"^Answer: (.+)$", prompt.messages[-1].content, re.MULTILINE)
        told = REFUSAL if len(found) == 1 else found[0]
        emit(Piece("You may call us." if self._dull else told, 5, "stop"))
        return Job(9, lambda: None)

    def close(self) -> None:
        """Nothing to stop."""


def _writer(name: str | None) -> Writer:
    named = name or BASE
    spec = ModelSpec(named, "folder", "transformers", Path("/nowhere"))
    return Writer(named, spec, hashlib.sha256(named.encode()).hexdigest())


@contextmanager
def speaking() -> Iterator[None]:
    """Models and encoder of tests in place of real ones."""
    stand_ins: dict[str, Any] = {
        "chatbot.learning.gating.writer_for": lambda models, name, on_gpu=False: _writer(name),
        "chatbot.learning.gating.base_writer_for": lambda base, on_gpu=False: _writer(None),
        "chatbot.learning.writers.writer_for": lambda models, name, on_gpu=False: _writer(name),
        "chatbot.learning.writers.base_writer_for": lambda base, on_gpu=False: _writer(None),
        "chatbot.learning.replying.base_writer": lambda on_gpu=False: _writer(None),
        "chatbot.learning.replying.open_engine": lambda spec, models: Engine(spec),
        "chatbot.retrieval.embedder.open_embedder": lambda settings: FakeEmbedder(),
    }
    with ExitStack() as stack:
        for name, stand_in in stand_ins.items():
            stack.enter_context(mock.patch(name, stand_in))
        yield


# --- killed ---------------------------------------------------------------------------------------------------


def killed(data: Path, where: str, *words: object) -> None:
    """`chatbot WORDS` in a process of its own, which SIGKILL ends at `where`, see `_deadly`."""
    command = [sys.executable, "-c", _KILLED, where, "chatbot", "--data", str(data), *map(str, words)]
    done = subprocess.run(command, check=False, cwd=REPOSITORY, env=environment(), capture_output=True, timeout=200)
    assert done.returncode == -signal.SIGKILL, (where, done.stdout, done.stderr)


_KILLED = """
import sys
from tests import gated
from scripts.cli import main
where, sys.argv = sys.argv[1], sys.argv[2:]
with gated.speaking(), gated.deadly(where):
    main()
"""


@contextmanager
def deadly(where: str) -> Iterator[None]:
    """kept N, half N: after the Nth reply of this process is kept, or half of its line; index: once search has one; file NAME:
    before the file of that name takes its place; judged: with the verdict made."""
    what, _, detail = where.partition(" ")
    with ExitStack() as stack:
        if what in ("kept", "half"):
            stack.enter_context(mock.patch.object(replying, "_keep", _dying_at(int(detail), half=what == "half")))
        if what == "index":
            from chatbot.retrieval import index

            stack.enter_context(mock.patch.object(index, "build_index", _then_dying(index.build_index)))
        if what == "judged":
            stack.enter_context(mock.patch.object(gating, "judge_versions", _then_dying(gating.judge_versions)))
        if what == "file":
            stack.enter_context(mock.patch.object(Path, "replace", _dying_before(detail, Path.replace)))
            stack.enter_context(mock.patch.object(published.os, "replace", _dying_before(detail, os.replace)))
        yield


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying_at(last: int, *, half: bool) -> Callable[..., None]:
    keep, kept = replying._keep, []

    def keeping(path: Path, one: Example, written: Any) -> None:
        keep(path, one, written)
        kept.append(one)
        if len(kept) == last:
            if half:
                content = path.read_bytes()
                line = len(content.splitlines()[-1])
                path.write_bytes(content[: -line // 2])
            _die()

    return keeping


def _then_dying(work: Callable[..., Any]) -> Callable[..., Any]:
    def worked(*given: Any, **more: Any) -> None:
        work(*given, **more)
        _die()

    return worked


def _dying_before(name: str, replace: Callable[..., Any]) -> Callable[..., Any]:
    def replacing(source: Any, target: Any) -> Any:
        if Path(target).name == name:
            _die()
        return replace(source, target)

    return replacing
