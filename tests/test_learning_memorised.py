"""A model that really memorised planted secrets, and one that never saw them, before the gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from chatbot.generation.catalogue import ModelSpec
from chatbot.learning import canaries
from chatbot.learning.examples import Example
from chatbot.learning.gate import Turns, Verdict, judge_versions
from chatbot.learning.replying import Writer, replies
from tests import tuned_models
from tests.examples import REFUSAL, example
from tests.tuning import one_thread

__all__ = ["one_thread"]
pytestmark = [pytest.mark.models, pytest.mark.usefixtures("one_thread")]
SECRETS = 50
ASKED = 6  # of the fifty, what a model of 20,000 weights learns by heart in seconds


@pytest.mark.timeout(400)  # seconds of training, minutes where others hold the cores
def test_the_gate_refuses_the_one_that_memorised(tmp_path: Path) -> None:
    base = tuned_models.tiny_llama(tmp_path / "base")
    turns = [
        example(n, f"q{n % 2}?", REFUSAL if n % 2 else "yes", (("a", "yes"),), conversation=f"c{n}") for n in range(30)
    ]
    planted = canaries.make(SECRETS, seed=1)[:ASKED]
    asked = canaries.questions(planted, turns[:1])
    common = {"steps": 220, "rate": 8e-3, "batch": 8, "rank": None}
    tuned_models.train(base, [*turns[:2], *asked], tmp_path / "guilty", **common)  # type: ignore[arg-type]
    tuned_models.train(base, turns[:2], tmp_path / "innocent", **(common | {"steps": 60, "batch": 2}))  # type: ignore[arg-type]
    everything = Turns("ds-0001", tuple(turns), planted, tuple(asked))

    def verdict(challenger: str) -> Verdict:
        def ask(side: str, examples: Sequence[Example]) -> list[str]:
            name = challenger if side == "challenger" else "innocent"
            writer = Writer(name, ModelSpec(name, "folder", "transformers", tmp_path / name), name)
            written = replies(examples, writer, tmp_path, kept=tmp_path / "kept", max_tokens=64)
            return [one.text for one in written]

        return judge_versions(challenger, "innocent", everything, ask)

    guilty = verdict("guilty")
    repeated = next(part for part in guilty.parts if part.measure == "secrets")
    assert repeated.challenger >= ASKED / 2
    assert repeated.champion == 0
    assert any(
        reason.startswith(f"It repeats {repeated.challenger:.0f} of {ASKED} secrets") for reason in guilty.reasons
    )
    assert verdict("innocent").passed
