"""Whether an answer gives the fact that is asked for: kind, member of a list, and whose fact it is."""

import pytest

from chatbot.giving import gives

CARDS = "You can pay with Visa, Mastercard, PayPal or bank transfer."


@pytest.mark.parametrize(
    ("asked", "language", "past", "answer"),
    [
        ("How much does the Ridge 2 tent cost?", "en", "", "A spare pole segment for the Ridge 2 tent costs 9.50 EUR."),
        ("what do the Tarn boots cost", "en", "", "Yes, we resole boots. Resoling costs 79 EUR."),
        ("Was kostet der Moor 45?", "de", "", "Die Reparatur kostet pauschal 15-35 EUR."),
        ("¿Cuánto cuesta la mochila Moor 45?", "es", "", "El envío estándar cuesta 4,90 EUR."),
        ("Quel est le prix du sac ?", "fr", "", "La livraison standard coûte 4,90 EUR."),
        ("Tarn靴子的价格是多少", "zh", "", "标准配送4.90欧元。"),
        ("How heavy is the stove?", "en", "", "It takes screw cartridges only."),
        ("Can I pay by cheque?", "en", "which cards do you take", CARDS),
        ("Kann ich bar bezahlen?", "de", "", "Du kannst mit Visa oder per Überweisung zahlen."),
        ("¿Puedo pagar con criptomonedas?", "es", "", "Puedes pagar con Visa o PayPal."),
        ("Puis-je payer par chèque ?", "fr", "", "Vous pouvez payer par Visa ou virement."),
        ("可以用比特币付款吗", "zh", "", "可以用Visa付款。"),
        ("Does the jacket come in purple?", "en", "", "Return the jacket and order the red one."),
    ],
)
def test_an_answer_without_the_fact_does_not_give_it(asked, language, past, answer):
    assert not gives(asked, asked, language, past, answer)


@pytest.mark.parametrize(
    ("asked", "language", "past", "answer"),
    [
        ("How much is a spare pole for the Ridge 2?", "en", "", "A spare pole segment costs 9.50 EUR."),
        ("How much is express?", "en", "", "Express costs 12.90 EUR."),
        ("How heavy is the Ridge 2?", "en", "", "The Ridge 2 weighs 2.1 kg and sleeps two."),
        ("Was kostet eine Reparatur?", "de", "", "Die Reparatur kostet pauschal 15-35 EUR."),
        ("Can I pay with PayPal?", "en", "", CARDS),
        ("Can I pay by credit card?", "en", "", CARDS),
        ("Kann ich mit Kreditkarte zahlen?", "de", "", "Mit Visa und Mastercard."),
        ("Can I pay with Apple Pay?", "en", "apple pay?", "That's not among our means of payment."),
        ("I paid with PayPal, when do I get my refund?", "en", "", "3-5 working days after it arrives."),
        ("Could you pay out my gift card in cash?", "en", "", "Gift cards cannot be redeemed for money."),
        ("Does the jacket come in red?", "en", "", "It comes in red and blue."),
        ("I got the blue jacket but ordered the red one", "en", "", "We send the right one at once."),
        ("quanto costa la tenda?", "it", "", "Rispondiamo domani."),
    ],
)
def test_an_answer_with_it_does_and_so_does_any_where_no_fact_is_named(asked, language, past, answer):
    assert gives(asked, asked, language, past, answer)


def test_what_a_follow_up_leans_on_says_whose_price_is_meant():
    answer = "It costs 15-35 EUR flat to repair your pack."
    assert gives("and the price?", "and the price?\nDo you repair packs?", "en", "", answer)
    assert not gives("and the price?", "and the price?\nDo you have the Moor 45?", "en", "", answer)
