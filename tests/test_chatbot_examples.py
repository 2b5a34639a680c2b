"""The demo company's example questions: in every language, and answered well by the real models over the real demo data."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from chatbot.assembly import build_assistant
from chatbot.examples import FILE, SHOWN, read_examples
from chatbot.settings import Settings
from chatbot.types import Action, Role, Turn
from ui.strings import LANGUAGES

# A fact of chatbot/demo/FACTS.md that each answer must hold.
FACTS = {
    "en": (r"30 days", r"4\.90.*|60 EUR", r"30 C", r"Orders > Exchange"),
    "de": (r"60 EUR", r"2 bis 4 Werktage", r"30 (?:Grad|°)", r"Umtausch"),
    "es": (r"30 días", r"en preparación", r"Pedidos > Cambio", r"5 años"),
    "fr": (r"30 jours", r"60 EUR", r"Commandes > Échange", r"3 à 5 jours"),
    "zh": (r"30天", r"订单 > 换货", r"打包", r"PayPal"),
}


def test_every_language_of_the_pages_has_its_examples() -> None:
    with resources.as_file(resources.files("chatbot.demo") / FILE) as path:
        shipped = read_examples(path.parent)
    assert set(shipped) == set(LANGUAGES)
    assert {len(questions) for questions in shipped.values()} == {SHOWN}


@pytest.mark.models
async def test_each_is_answered_with_the_fact_it_asks_for(demo_folder: Path) -> None:
    assistant = build_assistant(Settings(data=demo_folder, engine="none"))
    wrong = []
    for language in LANGUAGES:
        for question, fact in zip(assistant.examples(language), FACTS[language], strict=True):
            reply = await assistant.answerer.answer([Turn(Role.CUSTOMER, question)])
            if reply.decision.action is not Action.ANSWER or not re.search(fact, reply.text, re.IGNORECASE):
                wrong.append((question, reply.decision.action.value, reply.text))
    assert wrong == []
