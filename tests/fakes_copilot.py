"""A working core of fakes for the copilot's pages: four past answers, a generator that rewords, one that translates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chatbot.answering import Answerer
from chatbot.assembly import Assistant
from chatbot.composing import Writing
from chatbot.language import detect
from chatbot.privacy import Masker
from chatbot.settings import Settings
from chatbot.translating import Translator
from chatbot.types import Hit, Mode
from tests.fakes_dialogue import ListRetriever, ScriptedModel, hit

RETURNS = hit("You can return unused items with tags within 30 days of delivery.", number=2)
LABEL = hit("A return label is under Orders in your account and costs 4.90 EUR.", number=4, score=0.7, source="faq")
SHOP = hit("Our shop in Tilburg takes parcels back at the counter too, Monday to Saturday.", number=5, score=0.6)
REWORDED = "You have 30 days to return the jacket, unused and with its tags."
ENGLISH = "Hello, my order [ORDER 1] came after 12 days and I am not happy with the jacket."
GERMAN = "Hallo, meine Bestellung NP-48213 kam nach 12 Tagen an und ich bin mit der Jacke nicht zufrieden."


@dataclass
class Retriever(ListRetriever):
    """Serves an index that nobody changes."""

    hits: Sequence[Hit] = field(default_factory=lambda: [RETURNS, LABEL, SHOP])

    def follow(self) -> None:
        return None


def fake_assistant(
    settings: Settings, *, model: ScriptedModel | None = None, translator: ScriptedModel | None = None, **found: Any
) -> Assistant:
    """model: rewords; none by default. translator: translates; without it there is no translation. found: as `Retriever`."""
    masker, retriever = Masker(), Retriever(**found)
    writing = Writing(Mode.PRECEDENT, settings.company, frozenset({"en"}))
    answerer = Answerer(retriever, masker, _language, writing, model=model)
    translates = Translator(translator, masker, _language) if translator else None
    return Assistant(settings, answerer, retriever, None, translator=translates)  # type: ignore[arg-type]


def _language(text: str, prior: str | None) -> str | None:
    language: str | None = detect(text, prior).language
    return language
