"""A customer's words in another language: what reaches the model, what must come back, what is refused."""

from __future__ import annotations

import pytest

from chatbot.errors import BadInput, GenerationError, SettingsError
from chatbot.generation.catalogue import resolve
from chatbot.language import detect
from chatbot.privacy import Masker
from chatbot.settings import Settings
from chatbot.translating import Translator
from chatbot.types import Mode
from tests.fakes_dialogue import ScriptedModel

GERMAN = "Hallo, meine Bestellung NP-48213 kostete 59,90 EUR und kam nach 12 Tagen. Schreiben Sie an ann@mail.example."


def translator(*said, **options):
    finish = options.pop("finish_reason", "stop")
    model = ScriptedModel(said, finish_reason=finish)
    return Translator(model, Masker(), lambda text, prior: detect(text, prior).language, **options), model


async def test_personal_data_stays_here_and_is_filled_again():
    found, model = translator(
        "Hello, my order [ORDER 1] cost 59.90 EUR and came after 12 days. Please write to [EMAIL 2]."
    )
    said = await found.translate(GERMAN, "en")
    assert said == "Hello, my order NP-48213 cost 59.90 EUR and came after 12 days. Please write to ann@mail.example."
    prompt = str(model.prompts)
    assert "English" in prompt
    assert "48213" not in prompt
    assert "ann@mail.example" not in prompt


@pytest.mark.parametrize(
    "said",
    [
        "Hello, my order [ORDER 1] cost 59.90 EUR and came after 21 days. Please write to [EMAIL 2].",
        "Hello, my order [ORDER 1] came after 12 days. Please write to [EMAIL 2].",
        "Hello, my order cost 59.90 EUR and came after 12 days. Please write to [EMAIL 2].",
        "Hello, my order [ORDER 2] cost 59.90 EUR and came after 12 days. Please write to [EMAIL 1].",
        "Hello, my order [ORDER 1] cost 59.90 EUR and came after 12 days. Please write to [EMAIL 2] or [EMAIL 2].",
    ],
)
async def test_a_figure_or_placeholder_that_did_not_survive_is_refused(said):
    found, _ = translator(said)
    with pytest.raises(GenerationError, match="not shown"):
        await found.translate(GERMAN, "en")


async def test_another_language_than_asked_for_is_refused():
    found, _ = translator("Hallo, wann kommt eigentlich mein Paket bei mir an? Ich warte schon sehr lange darauf.")
    with pytest.raises(GenerationError, match="language"):
        await found.translate("Hallo, wann kommt eigentlich mein Paket bei mir an? Ich warte schon lange.", "en")


@pytest.mark.parametrize(("said", "finish"), [(("Hello, when",), "length"), (("",), "stop")])
async def test_half_a_translation_is_refused(said, finish):
    found, _ = translator(*said, finish_reason=finish)
    with pytest.raises(GenerationError, match="did not finish"):
        await found.translate("Hallo, wann kommt mein Paket?", "en")


async def test_a_language_that_the_model_is_not_declared_for_is_refused_before_it_is_asked():
    found, model = translator("Hola", languages=frozenset({"en"}))
    for to in ("es", "xx", "<script>"):
        with pytest.raises(BadInput):
            await found.translate("Hallo", to)
    assert model.prompts == []


async def test_a_long_message_is_asked_for_in_pieces_that_keep_their_lines():
    found, model = translator("I have waited long.")
    long = " ".join(["Ich warte schon sehr lange auf mein Paket und niemand sagt mir etwas."] * 20)
    said = await found.translate(f"Hallo\n\n{long}", "en")
    assert len(model.prompts) > 3
    assert said.splitlines()[1] == ""
    assert all(len(prompt[1].content) <= 600 for prompt in model.prompts)


def test_translate_is_a_word_of_model_fit_beside_the_reply_modes(tmp_path):
    plain = resolve(Settings(data=tmp_path))
    fit = resolve(Settings(data=tmp_path, model_fit=("translate",)))
    assert (plain.translates, fit.translates) == (False, True)
    assert fit.fit == plain.fit == frozenset({Mode.PRECEDENT})
    both = resolve(Settings(data=tmp_path, model_fit=("adapted", "translate")))
    assert (both.fit, both.translates) == (frozenset({Mode.ADAPTED}), True)
    with pytest.raises(SettingsError, match="translate"):
        resolve(Settings(data=tmp_path, model_fit=("sing",)))
