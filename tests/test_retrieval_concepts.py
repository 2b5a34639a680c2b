"""What a text speaks of, and what the candidates of one topic hold together."""

import pytest

from chatbot.retrieval.concepts import concepts, names_only_properties
from chatbot.retrieval.signals import text_signals
from tests.fakes_retrieval import passage


@pytest.mark.parametrize(
    ("language", "one", "other", "concept"),
    [
        ("en", "my mug arrived cracked", "Send a photo of the damaged item.", "damaged"),
        ("de", "wie teuer ist das?", "Der Expressversand kostet 12,90 EUR.", "price"),
        ("es", "quiero anular la compra", "Puede cancelar el pedido.", "cancel"),
        ("fr", "mon sac est déchiré", "L'article est abîmé ?", "damaged"),
        ("zh", "东西碎了", "商品损坏怎么办", "damaged"),
    ],
)
def test_two_words_for_one_thing_are_one_concept(language, one, other, concept):
    assert concept in concepts(one, language) & concepts(other, language)


def test_compounds_are_seen_into_and_other_languages_have_no_concepts():
    assert {"express", "delivery"} <= concepts("Expressversand", "de")
    assert concepts("quanto costa la spedizione?", "it") == frozenset()


@pytest.mark.parametrize(
    ("text", "language", "only"),
    [
        ("How long is it valid?", "en", True),
        ("¿Caducan?", "es", True),
        ("要多少钱？", "zh", True),
        ("How heavy is the Ridge?", "en", False),
        ("hello there", "en", False),
    ],
)
def test_a_question_that_names_only_a_property_leans_on_what_was_said(text, language, only):
    assert names_only_properties(text, language) is only


def test_candidates_of_one_topic_are_judged_together():
    cold = passage(1, "How do I get my money back?", "Within 3 days.", topic="refund")
    near = passage(2, "The parcel went back on Monday", "We pay when it is here.", topic="refund")
    lone = passage(3, "The parcel went back on Monday", "We pay when it is here.", topic="tracking")
    first, second, third = text_signals("money for the parcel", "en", [cold, near, lone], lambda _: 1.0)
    assert first["kin_words"] == second["kin_words"] == 1.0
    assert third["kin_words"] == 0.5
    assert first["coverage"] == 0.5
