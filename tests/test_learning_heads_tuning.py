"""The heads' own encoder: a killed or interrupted run ends as an unbroken one, to the last bit."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from chatbot.errors import UsageError
from chatbot.learning import registry, runs
from chatbot.learning.checkpoints import seal
from chatbot.learning.heads_labels import Labelled
from chatbot.learning.heads_tuning import Course, Lesson, Progress, tune
from chatbot.retrieval.encoder_files import locate
from chatbot.settings import load_settings
from scripts.finetune_heads_full import Planned, run_of
from scripts.finetune_wishes import Wishes
from tests.commands import Done, refused, typed
from tests.forked import child
from tests.tiny_encoder import conversations, make_encoder

TEXTS = ["send it back", "a refund please", "the stove burns badly", "gas for the stove"] * 4
LESSON = Lesson(TEXTS, [0, 0, 1, 1] * 4, ("returns", "stoves"))
COURSE = Course(epochs=1, batch=4, every=2, max_tokens=12)
STEPS = 198  # of SHORT on 66 texts, with a checkpoint every 50
SHORT = ("--epochs", 12, "--batch", 4, "--learning-rate", 1e-3, "--seed", 3, "--json")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The work is tiny, and threads that wait for a busy core spin."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.models
def test_an_interrupted_run_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    files = locate(load_settings(data=tmp_path))
    losses: list[int] = []
    trainee, head = tune(tmp_path / "whole", files, LESSON, COURSE, lambda _, done, __: losses.append(done))
    assert losses == [1, 2, 3, 4]

    def interrupt(_: str, done: int, __: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(tmp_path / "broken", files, LESSON, COURSE, interrupt)
    went_on: list[int] = []
    again, same = tune(tmp_path / "broken", files, LESSON, COURSE, lambda _, done, __: went_on.append(done))
    assert went_on == [3, 4]
    assert np.array_equal(head.weights, same.weights)
    assert np.array_equal(head.bias, same.bias)
    assert np.array_equal(trainee.encode(TEXTS[:4]), again.encode(TEXTS[:4]))
    assert not list(tmp_path.rglob("*.pt"))


def test_a_run_keeps_to_the_conversations_that_it_was_begun_with(tmp_path: Path) -> None:
    def rows(count: int) -> list[Labelled]:
        return [
            Labelled(f"text {at}", "ab"[at % 2], f"c{at}", "en", datetime(2026, 1, 1, tzinfo=UTC))
            for at in range(count)
        ]

    settings, wishes = load_settings(data=tmp_path), Wishes(full=True)
    with pytest.raises(UsageError, match="topic"):
        run_of(settings, wishes, Planned(COURSE, (), None), rows(4))
    run, learnt = run_of(settings, wishes, Planned(COURSE, (), None), rows(30))
    begun = Planned(COURSE, (), runs.open_run(tmp_path, run.name, "heads"))
    assert run_of(settings, wishes, begun, rows(40))[1] == learnt == rows(30)
    with pytest.raises(
        UsageError, match="Of the 30 conversations that the run heads-run-0001 was begun with, 2 are gone"
    ):
        run_of(settings, wishes, begun, rows(40)[2:])
    with pytest.raises(UsageError, match=r"Topics or texts of the conversations .* have changed; start a new run"):
        run_of(settings, wishes, begun, [replace(rows(1)[0], label="b"), *rows(40)[1:]])


# --- the command, killed -----------------------------------------------------------------------------------------


def finetune(data: Path, *words: object) -> Done:
    """`chatbot finetune --heads --full` on the tiny encoder beside `data`."""
    line = ("--data", data, "finetune", "--heads", "--full", *SHORT, *words)
    return typed(*line, CHATBOT_ENCODER=str(data.parent / "tiny"), CHATBOT_DEVICE="cpu")


def killed(data: Path, where: str, *words: object) -> None:
    """The same in a process that SIGKILL ends at `where`: "step 75", "seal 100" (files written, not sealed), "end" (tuned)."""
    process = child(_child, str(data), where, words)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _child(data: str, where: str, words: tuple[object, ...]) -> None:
    what, _, number = where.partition(" ")

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def sealing(checkpoint: Path) -> None:
        if what == "seal" and checkpoint.name == f"checkpoint-{number}":
            die()
        seal(checkpoint)

    def watched(folder: Path, files: Any, lesson: Lesson, course: Course, show: Progress) -> Any:
        def telling(stage: str, done: int, steps: int) -> None:
            show(stage, done, steps)
            assert steps == STEPS
            if what == "step" and done == int(number):
                die()

        return tune(folder, files, lesson, course, telling)

    mock.patch("chatbot.learning.heads_tuning.seal", sealing).start()
    mock.patch("scripts.finetune_heads_full.tune", watched).start()
    if what == "end":
        mock.patch("scripts.finetune_heads.save_heads", die).start()
    finetune(Path(data), *words)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """96 conversations on six topics, imported, beside a tiny encoder."""
    make_encoder(tmp_path / "tiny")
    (tmp_path / "tiny" / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    imported(tmp_path / "data", 0, 96)
    return tmp_path / "data"


def imported(data: Path, first: int, end: int) -> None:
    """Conversations of these numbers."""
    export = data.parent / f"export-{first}.jsonl"
    with export.open("w", encoding="utf-8") as out:
        for one in conversations(end)[first:]:
            turns = [{"role": "customer", "text": one.question}, {"role": "agent", "text": one.answer}]
            told = {"id": one.conversation_id, "language": "en", "topic": one.answer[:12], "turns": turns}
            out.write(json.dumps(told) + "\n")
    assert typed("--data", data, "import", export).code == 0


def _digests(data: Path) -> dict[str, str]:
    """The files of the only version."""
    (version,) = registry.versions(data / "models", "heads")
    folder = registry.open_version(data / "models", version.name).folder
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("card.")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.chaos
def test_killed_five_times_the_command_ends_with_the_weights_of_an_unbroken_one(data: Path) -> None:
    whole = finetune(data, "--run", "whole")
    assert whole.code == 0, whole.err
    unbroken = _digests(data)
    assert {"encoder/model.safetensors", "topic.safetensors"} <= set(unbroken)
    assert typed("--data", data, "models", "delete", whole.json["version"], "--yes").code == 0
    killed(data, "step 20", "--run", "broken")  # no checkpoint is there yet
    imported(data, 96, 99)  # the run keeps to those that it was begun with
    refused(finetune(data, "--resume", "last", "--seed", 4), "was begun with seed = 3, not 4; leave --seed out")
    refused(finetune(data, "--resume", "last", "--languages", "de"), "was begun with languages = all, not de")
    for where in ("step 75", "seal 100", "step 180", "end"):
        killed(data, where, "--resume", "broken")
        assert registry.versions(data / "models", "heads") == []
    last = finetune(data, "--resume", "last")
    assert last.code == 0, last.err
    assert last.json["tasks"] == whole.json["tasks"]
    assert _digests(data) == unbroken
