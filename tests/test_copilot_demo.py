"""The copilot over the demo company's own index and both embedded models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot.assembly import Assistant, build_assistant
from chatbot.choosing import overlap
from chatbot.copilot import draft, suggest
from chatbot.evidence import unsupported
from chatbot.settings import Settings
from chatbot.types import Mode, Role, Turn

pytestmark = pytest.mark.models
QUESTION = "How long do I have to send a jacket back?"


@pytest.fixture(scope="module")
def core(copy_demo: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    folder = copy_demo(tmp_path_factory.mktemp("copilot") / "data")
    return build_assistant(Settings(data=folder))


def asks(text: str) -> list[Turn]:
    return [Turn(Role.CUSTOMER, text)]


def test_the_best_precedents_answer_and_differ(core: Assistant) -> None:
    found = suggest(asks(QUESTION), core.answerer)
    assert found.fits
    assert "30 days" in found.precedents[0].text
    texts = [one.text for one in found.precedents]
    assert len(texts) == 3
    assert all(overlap(one, other) < 0.7 for at, one in enumerate(texts) for other in texts[:at])


def test_what_nobody_can_answer_is_offered_with_a_warning_and_no_draft(core: Assistant) -> None:
    assert not suggest(asks("Do you sell kayaks made of carbon?"), core.answerer).fits


@pytest.mark.parametrize(
    ("question", "language"),
    [("Wie lange kann ich einen Artikel zurückgeben?", "de"), ("退货期限是多久？", "zh")],
)
async def test_a_language_that_the_model_does_not_know_gets_past_answers_word_for_word(
    core: Assistant, question: str, language: str
) -> None:
    found = suggest(asks(question), core.answerer)
    made = await draft(asks(question), core.answerer)
    assert found.language == language
    assert found.precedents
    assert made.mode is Mode.PRECEDENT
    assert made.degraded == ((f"generator: not fit for {language}",) if made.text else ())


async def test_a_real_draft_says_nothing_that_its_source_does_not(core: Assistant) -> None:
    """The small model may fail the check; then the past answer stands, and says why."""
    await core.start()
    try:
        made = await draft(asks(QUESTION), core.answerer, deadline_s=30)
    finally:
        await core.stop()
    assert made.text is not None
    if made.mode is Mode.ADAPTED:
        evidence = [QUESTION, core.settings.company, *(source.answer for source in made.sources)]
        assert unsupported(made.text, evidence, "en") == ()
        assert made.checks == ("evidence: passed",)
        assert made.model == "smollm2-135m"
    else:
        assert made.degraded
        assert "30 days" in made.text
