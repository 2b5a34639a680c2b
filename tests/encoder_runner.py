"""Tunes the tiny encoder, in a process of its own slowly enough to be killed."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from pathlib import Path

from chatbot.learning.encoder_options import Lesson, Progress, Tuning
from chatbot.learning.encoder_pairs import material, split_by_time
from chatbot.learning.encoder_tuning import tune
from chatbot.retrieval.encoder_files import describe
from tests.fakes_retrieval import FakeEmbedder
from tests.tiny_encoder import conversations

OPTIONS = Tuning(epochs=2, hard_epochs=1, batch=12, rate=3e-3, measures_an_epoch=2, patience=9, checkpoint_steps=3)


def lesson() -> Lesson:
    """180 conversations, a fifth of them held out."""
    whole = material(conversations(180), FakeEmbedder())
    learned, held = split_by_time(whole.passages, 0.2, 1)
    return Lesson(whole.part(learned), whole.part(held))


def run(folder: Path, base: Path, told: Connection | None = None, pause: float = 0.0) -> None:
    """The whole run, or what is left of it; tells each step and then waits, for a test to kill it there."""

    def slowly(progress: Progress) -> None:
        if told is not None:
            told.send(progress.step)
            time.sleep(pause)

    tune(folder, describe(base, "tiny"), lesson(), OPTIONS, slowly)
