"""The heads' own encoder: a broken run ends as an unbroken one, to the last bit. Two short runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chatbot.learning.heads_tuning import Course, Lesson, tune
from chatbot.retrieval.encoder_files import locate
from chatbot.settings import load_settings

pytestmark = pytest.mark.models
TEXTS = ["send it back", "a refund please", "the stove burns badly", "gas for the stove"] * 4
LESSON = Lesson(TEXTS, [0, 0, 1, 1] * 4, ("returns", "stoves"))
COURSE = Course(epochs=1, batch=4, every=2, max_tokens=12)


class KilledError(Exception):
    """Stands for a kill."""


def test_a_broken_run_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    import torch

    torch.set_num_threads(1)  # the work is tiny, and threads that wait for a busy core spin
    files = locate(load_settings(data=tmp_path))
    losses: list[int] = []
    trainee, head = tune(tmp_path / "whole", files, LESSON, COURSE, lambda _, done, __: losses.append(done))
    assert losses == [1, 2, 3, 4]

    def kill(_: str, done: int, __: int) -> None:
        if done == 3:
            raise KilledError

    with pytest.raises(KilledError):
        tune(tmp_path / "broken", files, LESSON, COURSE, kill)
    went_on: list[int] = []
    again, same = tune(tmp_path / "broken", files, LESSON, COURSE, lambda _, done, __: went_on.append(done))
    assert went_on == [3, 4]
    assert np.array_equal(head.weights, same.weights)
    assert np.array_equal(head.bias, same.bias)
    assert np.array_equal(trainee.encode(TEXTS[:4]), again.encode(TEXTS[:4]))
    assert not list(tmp_path.rglob("*.pt"))
