"""Placeholders of past answers: filled for this customer, or worded away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.slots import fill


@pytest.mark.parametrize(
    ("answer", "known", "language", "said"),
    [
        ("Hi [NAME], your order [ORDER] left.", {}, "en", "Your order left."),
        (
            "Hi [NAME], your order [ORDER] left.",
            {"NAME": "Ann", "ORDER": "NP-1"},
            "en",
            "Hi Ann, your order NP-1 left.",
        ),
        ("Thanks, [NAME]. It goes to [EMAIL].", {}, "en", "Thanks. It goes to your e-mail address."),
        ("Hallo Frau [NAME], Ihre Bestellung [ORDER] ist da.", {}, "de", "Ihre Bestellung ist da."),
        ("Bonjour Madame [NAME], c'est possible !", {}, "fr", "C'est possible !"),
        ("[NAME]女士您好，可以退货。", {}, "zh", "可以退货。"),
        ("I see order [ORDER].", {}, "en", "I see your order."),
    ],
)
def test_a_past_answer_is_said_to_today_s_customer(answer, known, language, said):
    assert fill(answer, known, language) == said


def test_payment_data_is_never_repeated():
    assert "4111" not in fill("Card [CARD] was charged.", {"CARD": "4111 1111 1111 1111"}, "en")


@given(
    st.lists(st.sampled_from(["[NAME]", "[ORDER]", "[EMAIL]", "[IBAN]", "hello", ",", ".", "your order", "您的订单"]))
)
def test_no_placeholder_survives(parts):
    for language in ("en", "de", "fr", "es", "zh", "nl"):
        assert "[" not in fill(" ".join(parts), {}, language)
