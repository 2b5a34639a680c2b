"""Members of closed lists: which a question asks for by name, and which an answer names."""

import pytest

from chatbot.composing import _check, _Evidence
from chatbot.giving import gives
from chatbot.members import asked_for, named


@pytest.mark.parametrize(
    ("question", "language", "member"),
    [
        ("Do you take American Express?", "en", "pay:amex"),
        ("Geht Zahlung per Überweisung?", "de", "pay:transfer"),
        ("Nehmt ihr Schecks?", "de", "pay:cheque"),
        ("¿Aceptáis Bizum?", "es", "pay:bizum"),
        ("Peut-on payer en espèces ?", "fr", "pay:cash"),
        ("可以分期付款吗", "zh", "pay:instalments"),
        ("gibt es die Jacke in Lila", "de", "colour:purple"),
        ("La veste existe en rouge ?", "fr", "colour:red"),
    ],
)
def test_a_member_is_asked_for_where_a_question_wants_to_know_whether_it_is_there(question, language, member):
    assert asked_for(question, language) == {member}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("My Visa payment failed", "en"),
        ("I paid by bank transfer, where is my order?", "en"),
        ("退款几天能到信用卡", "zh"),
        ("the red light flashes", "en"),
        ("posso pagare in contanti?", "it"),
    ],
)
def test_one_that_is_merely_mentioned_is_not(text, language):
    assert asked_for(text, language) == frozenset()


def test_who_names_a_brand_of_card_has_named_cards():
    assert {"pay:visa", "pay:card"} <= named("We take Visa.")
    assert named("We take cheques only.") == {"pay:cheque"}
    assert named("Gracias por tu mensaje.") == frozenset()


def test_a_draft_may_name_no_means_of_payment_that_its_evidence_does_not() -> None:
    evidence = _Evidence(
        ("can i pay with crypto? do you have it in red?",), ("We accept Visa, PayPal and bank transfer.",)
    )
    assert _check("You can pay by Visa, and with cash.", evidence, "en") == "evidence: not supported: cash"
    assert _check("Yes, you can pay with bitcoins.", evidence, "en") == "evidence: not supported: crypto"
    assert _check("Yes, in red.", evidence, "en") == "evidence: not supported: red"
    assert _check("Please check: you can pay with cards such as Visa, or by bank transfer.", evidence, "en") is None


def test_an_answer_about_another_means_of_payment_is_none() -> None:
    asked, other = "can i pay with paypal?", "Yes, you can pay by bank transfer. PayPal is faster."
    assert not gives(asked, asked, "en", "Can I pay by bank transfer?", other)
    assert gives(asked, asked, "en", "How can I pay?", "With Visa, PayPal or bank transfer.")
    assert gives(asked, asked, "en", "paypal or klarna?", "Both.")
