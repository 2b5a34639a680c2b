"""What is said of one country tells nothing of another."""

import pytest

from chatbot.places import elsewhere, named

RATES = "2-4 days in the Netherlands, Germany and Belgium, 3-6 in the rest of the EU, for example in Italy."
OUTSIDE = "Orders from outside the EU cost 19.90 EUR, orders within Germany 4.90 EUR."


@pytest.mark.parametrize(
    ("asked", "language", "answer", "past", "wrong"),
    [
        ("How long to Norway?", "en", RATES, "", True),
        ("how long does it take to portugal", "en", RATES, "", False),
        ("and to holland?", "en", RATES, "", False),
        ("Do you ship to the UK?", "en", OUTSIDE, "", False),
        ("shipping to Spain?", "en", OUTSIDE, "", True),
        ("How long to Norway?", "en", "We ship world-wide in 9 days, in Germany in 2.", "", False),
        ("How long to Norway?", "en", "About 9 days.", "", False),
        ("How long to Norway?", "en", "5 days, as to DE and BE.", "delivery time to Norway", False),
        ("How long does it take?", "en", RATES, "", False),
        ("Wie lange in die Schweiz?", "de", "In die EU 3 Tage.", "", True),
        ("¿Cuánto tarda a Noruega?", "es", "Fuera de la UE son 9 días; a Alemania, 2.", "", False),
        ("Livrez-vous en Suisse ?", "fr", "Oui, dans toute l'UE.", "", True),
        ("寄到挪威要几天？", "zh", "寄到德国2天。", "", True),
        ("寄到英国要多少钱？", "zh", "欧盟以外19.90欧元，德国4.90欧元。", "", False),
        ("Quanto per la Norvegia?", "it", "Germania 2 giorni.", "", False),
    ],
)
def test_an_answer_about_other_places_is_none(asked: str, language: str, answer: str, past: str, wrong: bool) -> None:
    assert elsewhere(asked, past, answer, language) is wrong


def test_words_that_are_no_places_here() -> None:
    assert named("the jersey of a man called Jordan", "en") == frozenset()
    assert named("NL, DE and the UK", "en") == {"NL", "DE", "GB"}
