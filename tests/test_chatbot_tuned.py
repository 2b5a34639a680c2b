"""A model that was tuned here is asked exactly as it was trained, and what it says is checked as any other's."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from chatbot.answering import Answerer
from chatbot.composing import Writing
from chatbot.learning.making import turns_of
from chatbot.privacy import Masker
from chatbot.prompts import generate_prompt
from chatbot.transcripts.window import render_window
from chatbot.types import Mode, Role, Turn
from chatbot.types.generation import Skill
from tests.fakes_dialogue import ListRetriever, ScriptedModel, hit

PASSAGE = hit("You can return unused items within 30 days of delivery.")
TURNS = [
    Turn(Role.CUSTOMER, "Hello, I am Priya, priya.nair@example.com."),
    Turn(Role.AGENT, "Hello Priya."),
    Turn(Role.BOT, "How can\nI help?"),
    Turn(Role.CUSTOMER, "How long can I return a jacket? My mail is priya.nair@example.com"),
]


_TUNED = Skill(frozenset({"en"}), "generate")


@dataclass
class Tuned(ScriptedModel):
    skill: Skill = _TUNED


def _answerer(model: ScriptedModel, mode: Mode) -> Answerer:
    return Answerer(ListRetriever([PASSAGE]), Masker(), lambda _, p: "en", Writing(mode, "Testshop"), model=model)


@pytest.mark.parametrize("mode", [Mode.ADAPTED, Mode.GENERATED])
async def test_it_is_asked_as_an_example_of_its_training_would_be(mode: Mode) -> None:
    model = Tuned(["You can return unused items within 30 days."])
    reply = await _answerer(model, mode).answer(TURNS)
    assert reply.mode is mode
    masked = [Turn(turn.role, Masker().mask(turn.text)) for turn in TURNS]
    trained = generate_prompt(turns_of(render_window(masked)), [PASSAGE.passage], "Testshop", "en", 1500)
    assert list(model.prompts[0]) == trained
    assert "priya" not in trained[-1].content


async def test_a_model_that_was_not_tuned_here_reads_the_turns_as_they_stand() -> None:
    model = ScriptedModel(["You can return unused items within 30 days."])
    await _answerer(model, Mode.GENERATED).answer(TURNS)
    assert "priya.nair@example.com" in model.prompts[0][-1].content


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("NO ANSWER", "gave no answer"),
        ("Dear [NAME], you can return unused items within 30 days.", "a placeholder is left: [NAME]"),
        ("You can return unused items within 60 days.", "not supported: 60"),
    ],
)
@pytest.mark.parametrize("mode", [Mode.ADAPTED, Mode.GENERATED])
async def test_what_it_may_not_say_is_never_shown(mode: Mode, said: str, why: str) -> None:
    shown: list[str] = []
    reply = await _answerer(Tuned([said]), mode).answer(TURNS, on_delta=shown.append)
    assert (reply.mode, reply.text) == (Mode.PRECEDENT, PASSAGE.passage.answer)
    assert why in reply.provenance.degraded[0]
    assert "".join(shown) == PASSAGE.passage.answer
