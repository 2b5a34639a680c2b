"""Kinds of fact: what a question wants and what an answer gives."""

import pytest

from chatbot.kinds import told, wanted


@pytest.mark.parametrize(
    ("question", "language", "answer", "other"),
    [
        ("How much does it cost?", "en", "It costs 12.90 EUR.", "It takes 3 days."),
        ("Wie lange dauert das?", "de", "Etwa 3-5 Werktage.", "Das kostet 5 EUR."),
        ("¿Cuánto pesa?", "es", "Pesa 870 g.", "Cuesta 870 EUR."),
        ("Quelle est la température de confort ?", "fr", "0 °C.", "870 g."),
        ("有什么颜色", "zh", "黑色和红色。", "三天。"),
        ("Who makes the zips?", "en", "The zips are made by a mill in Braga.", "We repair zips of our own brand."),
        ("Wer stellt die Reißverschlüsse her?", "de", "Der Hersteller sitzt in Braga.", "Das dauert 3 Tage."),
        ("Quel est le fabricant du tissu ?", "fr", "Notre fournisseur est à Lyon.", "Notre propre marque."),
        ("拉链的厂家是谁？", "zh", "拉链由布拉加的工厂生产。", "三天。"),
        ("Which courier do you use?", "en", "It comes with DHL.", "3 days by standard post."),
        ("¿Qué empresa de transporte usáis?", "es", "Correos Express.", "Tarda 3 días."),
        ("用哪家快递？", "zh", "顺丰。", "三天。"),
        ("What is your e-mail?", "en", "help@example.com", "Tomorrow."),
    ],
)
def test_an_answer_must_give_the_kind_of_fact_that_is_asked_for(question, language, answer, other):
    kinds = wanted(question, language)
    if "什么颜色" in question:
        assert kinds == {"colour"}
    assert kinds
    assert kinds <= told(answer)
    assert not kinds <= told(other)


def test_nothing_is_wanted_where_no_kind_is_named_or_known():
    assert wanted("Can I send it back?", "en") == frozenset()
    assert wanted("quanto costa?", "it") == frozenset()
