"""What of a past answer may be said to somebody else."""

import pytest

from chatbot.reuse import general_part, sentences


@pytest.mark.parametrize(
    ("answer", "language", "general"),
    [
        (
            "I've refunded you today. Refunds take 3-5 working days to the original payment method.",
            "en",
            "Refunds take 3-5 working days to the original payment method.",
        ),
        ("Done! I have cancelled it.", "en", ""),
        ("Could you give me the order number?", "en", ""),
        ("Your order [ORDER] is on its way to the depot in Utrecht.", "en", ""),
        ("Please register the return by 19 October at the latest, okay.", "en", ""),
        (
            "Ich habe das geprüft. Die Rückgabefrist beträgt 30 Tage ab Zustellung.",
            "de",
            "Die Rückgabefrist beträgt 30 Tage ab Zustellung.",
        ),
        (
            "我已经为您取消了。未使用的商品自收货之日起30天内可以退货。",
            "zh",
            "未使用的商品自收货之日起30天内可以退货。",
        ),
        (
            "He revisado su pedido. El reembolso tarda de 3 a 5 días laborables.",
            "es",
            "El reembolso tarda de 3 a 5 días laborables.",
        ),
        (
            "J'ai vérifié. Le remboursement prend de 3 à 5 jours ouvrés.",
            "fr",
            "Le remboursement prend de 3 à 5 jours ouvrés.",
        ),
        ("Zwroty są możliwe w ciągu 30 dni od dostawy.", "pl", "Zwroty są możliwe w ciągu 30 dni od dostawy."),
    ],
)
def test_only_what_holds_for_everybody_is_kept(answer, language, general):
    assert general_part(answer, language) == general


def test_sentences_do_not_break_at_ordinals_and_titles():
    assert sentences("Seit dem 1. April gelten 30 Tage. Frau Nr. 5 weiß es.") == [
        "Seit dem 1. April gelten 30 Tage.",
        "Frau Nr. 5 weiß es.",
    ]
