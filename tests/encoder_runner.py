"""Tunes the tiny encoder in a process of its own, slowly enough to be killed: `python -m tests.encoder_runner RUN BASE [PAUSE]`."""

from __future__ import annotations

import sys
import time
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


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    pause = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0

    def slowly(progress: Progress) -> None:
        sys.stdout.write(f"{progress.step}\n")
        sys.stdout.flush()
        time.sleep(pause)

    tune(Path(sys.argv[1]), describe(Path(sys.argv[2]), "tiny"), lesson(), OPTIONS, slowly)
